"""Flags contradictions between successive inspections of a machine; the data is not corrected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float, Int
from valuation.checks import require
from valuation.depreciation.equipment import Condition

HOURS_A_DAY = 24.0


class InspectionFlag(IntFlag):
    """Contradiction found in an inspection; the numeric values are stored."""

    NONE = 0
    HOURS_FELL = 1 << 0
    HOURS_TOO_FAST = 1 << 1
    CONDITION_IMPROVED = 1 << 2
    BUILT_AFTER = 1 << 3
    BUILD_YEAR_CHANGED = 1 << 4


@dataclass(frozen=True)
class Inspections:
    """Inspections [n] of one machine in date order; NaN where a number was not recorded.

    ``worked_on`` is true if the machine was repaired or overhauled since the previous inspection.
    """

    day: Int
    hours: Float
    condition: NDArray[np.int8]
    build_year: Float
    worked_on: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Raises InvalidInput for days out of order, negative hours or an undefined condition."""
        forward = np.concatenate([[True], np.diff(self.day) >= 0])[: len(self.day)]
        require("day", self.day.astype(np.float64), forward, "in the order of days")
        require("hours", self.hours, self.hours >= 0.0, "0 or more")
        require("condition", self.condition, np.isin(self.condition, list(Condition)), "a Condition, 0 to 5")


def check_inspections(inspections: Inspections) -> Int:
    """Returns InspectionFlag bits of each inspection [n], compared with the last known reading before it."""
    condition = np.where(inspections.condition == Condition.UNKNOWN, np.nan, inspections.condition.astype(np.float64))
    found = _contradictions(
        _Readings(inspections.day.astype(np.float64), inspections.hours, condition, inspections.build_year),
        np.zeros(len(inspections.day), dtype=np.int64),
        HOURS_A_DAY,
    )
    improved = found & InspectionFlag.CONDITION_IMPROVED
    year = inspections.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    late = np.where(inspections.build_year > year, int(InspectionFlag.BUILT_AFTER), 0)
    return np.asarray((found & ~np.where(inspections.worked_on, improved, 0)) | late, dtype=np.int64)


def check_histories(
    machine: NDArray[Any], day: Float, hours: Float, condition: Float, build_year: Float, daily_limit: float
) -> Int:
    """Returns InspectionFlag bits of each row [n] of a file in which a machine can have several rows.

    The rows of a machine are compared in order of date, then of position. A row without a machine name is not compared.
    ``condition`` rises with quality, and ``daily_limit`` is the highest plausible meter gain in a day. NaN means
    unknown.
    """
    # Every row without a name gets a unique one, so that it forms a group of its own.
    names = np.where(machine == "", np.arange(len(machine)).astype(str).astype(object) + " alone", machine)
    _, code = np.unique(names.astype(str), return_inverse=True)
    order = np.lexsort((np.nan_to_num(day, nan=np.inf), code))
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    first = np.repeat(starts, np.diff(starts, append=len(order)))
    readings = _Readings(*(column[order] for column in (day, hours, -condition, build_year)))
    flags = np.zeros(len(order), dtype=np.int64)
    flags[order] = _contradictions(readings, first, daily_limit)
    return flags


@dataclass(frozen=True)
class _Readings:
    """Readings [n] grouped by machine and in date order; ``condition`` rises as the machine gets worse."""

    day: Float
    hours: Float
    condition: Float
    build_year: Float


def _contradictions(readings: _Readings, first: Int, daily_limit: float) -> Int:
    """Returns InspectionFlag bits of each reading [n], compared with the last known reading of the same machine.

    ``first`` [n] is the row where the readings of the machine begin.
    """
    hours_before, day_before = _last_known(readings.hours, readings.day, first)
    condition_before, _ = _last_known(readings.condition, readings.day, first)
    built_before, _ = _last_known(readings.build_year, readings.day, first)
    gained, days = readings.hours - hours_before, readings.day - day_before
    found = (
        (gained < 0.0, InspectionFlag.HOURS_FELL),
        (gained > daily_limit * np.maximum(days, 1.0), InspectionFlag.HOURS_TOO_FAST),
        (readings.condition < condition_before, InspectionFlag.CONDITION_IMPROVED),
        (np.abs(readings.build_year - built_before) > 0.0, InspectionFlag.BUILD_YEAR_CHANGED),
    )
    flags = np.zeros(len(readings.day), dtype=np.int64)
    for wrong, flag in found:
        flags |= np.where(wrong, int(flag), 0)
    return flags


def _last_known(column: Float, day: Float, first: Int) -> tuple[Float, Float]:
    """Returns the last known value of the same machine before each row [n], and its day; NaN if there is none."""
    count = len(column)
    place = np.where(np.isnan(column), -1, np.arange(count))
    latest = np.maximum.accumulate(np.concatenate([[-1], place])[:count])
    known = (latest >= 0) & (latest >= first)
    at = np.maximum(latest, 0)
    return np.where(known, column[at], np.nan), np.where(known, day[at], np.nan)
