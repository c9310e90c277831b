"""The value of machines from their age, use and condition, on four bases, in columns.

FMV = replacement cost x share retained at its age x condition x hours, at most the replacement cost and at least
scrap. The geometric curve V = C (1 - d)^age is Hulten and Wykoff's, with the rates of the US Bureau of Economic
Analysis; the book schedules are for reporting and for lack of anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation.depreciation.retained import retained_share
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag, UnknownReason

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Schedule(IntEnum):
    """How a machine loses value with age; the numbers are stored."""

    GEOMETRIC = 0
    STRAIGHT_LINE = 1
    DECLINING_BALANCE_SWITCH = 2
    SUM_OF_YEARS = 3
    UNITS_OF_PRODUCTION = 4
    IRS_HALF_YEAR = 5


class Condition(IntEnum):
    """State at the last inspection; the numbers are stored."""

    UNKNOWN = 0
    EXCELLENT = 1
    GOOD = 2
    FAIR = 3
    POOR = 4
    SCRAP = 5


HOURS_FACTOR_LOW = 0.5
HOURS_FACTOR_HIGH = 1.2
"""Hours alone move a value no further than this (models in docs/models/equipment-geometric.md)."""


@dataclass(frozen=True)
class EquipmentColumns:
    """Machines [n]; amounts in one currency a row, NaN where not known, ``condition_factors`` [n, 6] by Condition."""

    replacement_cost: Float
    age_years: Float
    schedule: NDArray[np.int8]
    annual_rate: Float
    life_years: Float
    salvage_share: Float
    units_produced: Float
    units_lifetime: Float
    hours: Float
    expected_hours_per_year: Float
    condition: NDArray[np.int8]
    condition_factors: Float
    hours_elasticity: Float
    scrap_share: Float
    olv_factor: Float
    flv_factor: Float
    sale_cost_share: Float
    removal_cost_share: Float


@dataclass(frozen=True)
class EquipmentValues:
    """Values [n] on each basis with the factors that led there; NaN and an unknown bit where an input is missing."""

    fmv: Float
    olv: Float
    flv: Float
    nolv: Float
    retained: Float
    condition_factor: Float
    hours_factor: Float
    quality: Int
    unknown: Int


def value_equipment(columns: EquipmentColumns) -> EquipmentValues:
    """Values every machine; raises InvalidInput for a negative cost, age, hours or units, naming the row."""
    for name in ("replacement_cost", "age_years", "hours", "units_produced"):
        column = getattr(columns, name)
        if (column < 0).any():
            row = int(np.argmax(column < 0))
            raise InvalidInput(f"{name}[{row}]", float(column[row]), "0 or more")
    retained = _retained(columns)
    condition = columns.condition_factors[np.arange(len(retained)), columns.condition]
    hours = _hours_factor(columns)
    modelled = columns.replacement_cost * np.minimum(retained * condition * hours, 1.0)
    scrap = columns.replacement_cost * columns.scrap_share
    fmv = np.maximum(modelled, scrap)
    olv = fmv * columns.olv_factor
    nolv = olv * (1.0 - columns.sale_cost_share - columns.removal_cost_share)
    return EquipmentValues(
        fmv=fmv,
        olv=olv,
        flv=fmv * columns.flv_factor,
        nolv=np.maximum(nolv, 0.0),
        retained=retained,
        condition_factor=condition,
        hours_factor=hours,
        quality=_quality(columns, modelled < scrap),
        unknown=np.where(np.isnan(fmv), int(UnknownReason.MISSING_INPUT), 0).astype(np.int64),
    )


def _retained(columns: EquipmentColumns) -> Float:
    """Share of the replacement cost left at each age [n], by the schedule of each row."""
    retained = np.full(len(columns.age_years), np.nan)
    for schedule in np.unique(columns.schedule):
        rows = columns.schedule == schedule
        if schedule == Schedule.GEOMETRIC:
            retained[rows] = (1.0 - columns.annual_rate[rows]) ** columns.age_years[rows]
        elif schedule == Schedule.UNITS_OF_PRODUCTION:
            used = np.minimum(columns.units_produced[rows] / columns.units_lifetime[rows], 1.0)
            retained[rows] = 1.0 - (1.0 - columns.salvage_share[rows]) * used
        else:
            retained[rows] = retained_share(
                Schedule(schedule).name, columns.age_years[rows], columns.life_years[rows], columns.salvage_share[rows]
            )
    return retained


def _hours_factor(columns: EquipmentColumns) -> Float:
    """(expected hours / hours)^elasticity within its bounds; 1 where hours are not known."""
    expected = columns.expected_hours_per_year * columns.age_years
    usable = (columns.hours > 0) & (expected > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (expected / columns.hours) ** columns.hours_elasticity
    return np.where(usable, np.clip(factor, HOURS_FACTOR_LOW, HOURS_FACTOR_HIGH), 1.0)


def _quality(columns: EquipmentColumns, below_scrap: NDArray[np.bool_]) -> Int:
    """What weakens each value [n]."""
    hours_known = (columns.hours > 0) & (columns.expected_hours_per_year > 0)
    flags = (
        (below_scrap, QualityFlag.BELOW_SCRAP),
        (~hours_known, QualityFlag.HOURS_UNKNOWN),
        (columns.condition == Condition.UNKNOWN, QualityFlag.CONDITION_ASSUMED),
        (columns.age_years > 2.0 * columns.life_years, QualityFlag.AGE_BEYOND_TWICE_LIFE),
    )
    bits = np.zeros(len(below_scrap), dtype=np.int64)
    for mask, flag in flags:
        bits |= np.where(mask, int(flag), 0)
    return bits
