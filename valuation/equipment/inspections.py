"""Inspections of one machine in a row: what cannot have happened between two of them is flagged, never set right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from valuation.depreciation.checks import require
from valuation.depreciation.equipment import Condition

Float = NDArray[np.float64]
Int = NDArray[np.int64]

HOURS_A_DAY = 24.0


class InspectionFlag(IntFlag):
    """What is wrong with an inspection beside the one before it; the numbers are stored."""

    NONE = 0
    HOURS_FELL = 1 << 0
    HOURS_TOO_FAST = 1 << 1
    CONDITION_IMPROVED = 1 << 2
    BUILT_AFTER = 1 << 3
    BUILD_YEAR_CHANGED = 1 << 4


@dataclass(frozen=True)
class Inspections:
    """Inspections [n] of one machine in the order of their days; NaN where a number was not read.

    ``worked_on`` says that work was done on the machine since the inspection before.
    """

    day: Int
    hours: Float
    condition: NDArray[np.int8]
    build_year: Float
    worked_on: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Raises InvalidInput for days out of order, negative hours or a condition that is none."""
        forward = np.concatenate([[True], np.diff(self.day) >= 0])[: len(self.day)]
        require("day", self.day.astype(np.float64), forward, "in the order of days")
        require("hours", self.hours, self.hours >= 0.0, "0 or more")
        require("condition", self.condition, np.isin(self.condition, list(Condition)), "a Condition, 0 to 5")


def check_inspections(inspections: Inspections) -> Int:
    """InspectionFlag bits of each inspection [n], against the last known reading before it."""
    hours_before, day_before = _last_known(inspections.hours, inspections.day)
    condition = np.where(inspections.condition == Condition.UNKNOWN, np.nan, inspections.condition.astype(np.float64))
    condition_before, _ = _last_known(condition, inspections.day)
    built_before, _ = _last_known(inspections.build_year, inspections.day)
    year = inspections.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    gained, days = inspections.hours - hours_before, inspections.day - day_before
    found = (
        (gained < 0.0, InspectionFlag.HOURS_FELL),
        (gained > HOURS_A_DAY * np.maximum(days, 1.0), InspectionFlag.HOURS_TOO_FAST),
        ((condition < condition_before) & ~inspections.worked_on, InspectionFlag.CONDITION_IMPROVED),
        (inspections.build_year > year, InspectionFlag.BUILT_AFTER),
        (np.abs(inspections.build_year - built_before) > 0.0, InspectionFlag.BUILD_YEAR_CHANGED),
    )
    flags = np.zeros(len(inspections.day), dtype=np.int64)
    for wrong, flag in found:
        flags |= np.where(wrong, int(flag), 0)
    return flags


def _last_known(column: Float, day: Int) -> tuple[Float, Float]:
    """The last known value before each row [n] and its day; NaN before the first."""
    count = len(column)
    place = np.where(np.isnan(column), -1, np.arange(count))
    latest = np.maximum.accumulate(np.concatenate([[-1], place])[:count])
    known = latest >= 0
    at = np.maximum(latest, 0)
    return np.where(known, column[at], np.nan), np.where(known, day[at].astype(np.float64), np.nan)
