"""Values columns of machines by age, usage and condition, on four bases of value.

FMV = replacement cost x share retained at the age x condition factor x hours factor, limited to the range from scrap
value to replacement cost. The geometric curve uses the rates of the US Bureau of Economic Analysis
(valuation.depreciation.classes). The accounting schedules are for reporting, and for machines without a market-based
curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Bool, Float, Int
from valuation.checks import require
from valuation.depreciation import schedules
from valuation.depreciation.bases import LiquidationValues, Realisation, liquidation_values
from valuation.depreciation.macrs import macrs_half_year, recovery_period
from valuation.flags import QualityFlag, UnknownReason


class Schedule(IntEnum):
    """Depreciation schedule of a machine; the numeric values are stored."""

    GEOMETRIC = 0
    STRAIGHT_LINE = 1
    DECLINING_BALANCE_SWITCH = 2
    SUM_OF_YEARS = 3
    UNITS_OF_PRODUCTION = 4
    IRS_HALF_YEAR = 5


class Condition(IntEnum):
    """Condition at the last inspection; the numeric values are stored."""

    UNKNOWN = 0
    EXCELLENT = 1
    GOOD = 2
    FAIR = 3
    POOR = 4
    SCRAP = 5


HOURS_FACTOR_LOW = 0.5
HOURS_FACTOR_HIGH = 1.2
"""Bounds of the hours factor (docs/models/equipment-geometric.md)."""


@dataclass(frozen=True)
class ScheduleColumns:
    """Inputs of the depreciation schedules for machines [n]; NaN where a number is unknown or unused.

    ``annual_rate`` is the geometric rate. ``salvage_share`` is the salvage value as a share of the depreciated cost.
    """

    age_years: Float
    schedule: NDArray[np.int8]
    annual_rate: Float
    life_years: Float
    salvage_share: Float
    units_produced: Float
    units_lifetime: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a value out of range; the error names the field and the row."""
        for name in ("age_years", "units_produced"):
            column = getattr(self, name)
            require(name, column, (column >= 0.0) & np.isfinite(column), "0 or more, finite")
        for name in ("life_years", "units_lifetime"):
            column = getattr(self, name)
            require(name, column, column > 0.0, "more than 0")
        for name in ("annual_rate", "salvage_share"):
            column = getattr(self, name)
            require(name, column, (column >= 0.0) & (column <= 1.0), "0 to 1")
        require("schedule", self.schedule, np.isin(self.schedule, list(Schedule)), "a Schedule, 0 to 5")


@dataclass(frozen=True)
class EquipmentColumns(ScheduleColumns):
    """Machines [n] to be valued; NaN where a number is unknown or unused.

    ``replacement_cost`` is the current price of a new machine, in the currency of the row. ``meter_age_years`` is the
    machine's age when the hours were read; NaN means today. ``condition_factors`` [n, 6] or [6] are indexed by
    Condition. ``salvage_share`` and ``scrap_share`` are shares of the replacement cost, ``olv_factor`` and
    ``flv_factor`` are shares of the FMV, and both cost shares are shares of the OLV.
    """

    replacement_cost: Float
    hours: Float
    meter_age_years: Float
    expected_hours_per_year: Float
    condition: NDArray[np.int8]
    condition_factors: Float
    hours_elasticity: Float
    scrap_share: Float
    olv_factor: Float
    flv_factor: Float
    sale_cost_share: Float
    removal_cost_share: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a value out of range; the error names the field and the row."""
        super().__post_init__()
        for name in ("replacement_cost", "hours", "meter_age_years", "hours_elasticity"):
            column = getattr(self, name)
            require(name, column, (column >= 0.0) & np.isfinite(column), "0 or more, finite")
        expected, scrap = self.expected_hours_per_year, self.scrap_share
        require("expected_hours_per_year", expected, expected > 0.0, "more than 0")
        require("scrap_share", scrap, (scrap >= 0.0) & (scrap <= 1.0), "0 to 1")
        require("condition_factors", self.condition_factors, self.condition_factors >= 0.0, "0 or more")
        require("condition", self.condition, np.isin(self.condition, list(Condition)), "a Condition, 0 to 5")


@dataclass(frozen=True)
class EquipmentValues(LiquidationValues):
    """Values [n] on each basis, in the currency of the row, with the factors applied.

    ``retained`` is the share left after depreciation by age alone. ``quality`` and ``unknown`` are bit sets of
    valuation.flags. The FMV is NaN where an input is missing.
    """

    fmv: Float
    retained: Float
    condition_factor: Float
    hours_factor: Float
    quality: Int
    unknown: Int


def value_equipment(columns: EquipmentColumns) -> EquipmentValues:
    """Values every machine [n] on each basis.

    Raises InvalidInput for liquidation factors out of range or out of order (see Realisation).
    """
    realisation = Realisation(
        columns.olv_factor, columns.flv_factor, columns.sale_cost_share, columns.removal_cost_share
    )
    retained = retained_shares(columns)
    factors = np.broadcast_to(columns.condition_factors, (len(retained), len(Condition)))
    condition = factors[np.arange(len(retained)), columns.condition]
    hours, hours_known, hours_bound = _hours_factor(columns)
    modelled = np.minimum(retained * condition * hours, 1.0)
    fmv = columns.replacement_cost * np.maximum(modelled, columns.scrap_share)
    liquidation = liquidation_values(fmv, realisation)
    return EquipmentValues(
        fmv=fmv,
        **vars(liquidation),
        retained=retained,
        condition_factor=condition,
        hours_factor=hours,
        quality=_quality(columns, modelled < columns.scrap_share, hours_known, hours_bound),
        unknown=np.where(np.isnan(fmv), int(UnknownReason.MISSING_INPUT), 0).astype(np.int64),
    )


def _irs_half_year(cost: float, life_years: Float, age_years: Float) -> Float:
    return macrs_half_year(cost, recovery_period(life_years), age_years)


_OF_LIFE = ("salvage_share", "life_years", "age_years")
_CURVES: Mapping[Schedule, tuple[Callable[..., Float], tuple[str, ...]]] = {
    Schedule.GEOMETRIC: (schedules.geometric, ("annual_rate", "age_years")),
    Schedule.STRAIGHT_LINE: (schedules.straight_line, _OF_LIFE),
    Schedule.DECLINING_BALANCE_SWITCH: (schedules.declining_balance_switch, _OF_LIFE),
    Schedule.SUM_OF_YEARS: (schedules.sum_of_years, _OF_LIFE),
    Schedule.UNITS_OF_PRODUCTION: (
        schedules.units_of_production,
        ("salvage_share", "units_lifetime", "units_produced"),
    ),
    Schedule.IRS_HALF_YEAR: (_irs_half_year, ("life_years", "age_years")),
}
"""The book value of each schedule for a cost, and the columns that it depends on."""


def retained_shares(columns: ScheduleColumns) -> Float:
    """Returns the share of cost [n] that each row's schedule leaves at its age; NaN where an input is missing."""
    retained = np.full(len(columns.age_years), np.nan)
    for schedule, (curve, names) in _CURVES.items():
        rows = np.flatnonzero(columns.schedule == schedule)
        if len(rows):
            retained[rows] = curve(1.0, *(getattr(columns, name)[rows] for name in names))
    return retained


def _hours_factor(columns: EquipmentColumns) -> tuple[Float, Bool, Bool]:
    """Returns the bounded hours factor [n], whether hours are known [n], and whether a bound applies [n].

    The factor is (expected hours / hours)^elasticity, or 1 where the hours are unknown. A meter reading of 0 is treated
    as missing, because auction records write 0 for unread meters. A machine of age 0 has no expected hours.
    """
    # Expected hours refer to the age at the reading; otherwise an old reading would make a machine look ever less used.
    expected = columns.expected_hours_per_year * np.fmin(columns.meter_age_years, columns.age_years)
    known = (columns.hours > 0.0) & (expected > 0.0)
    ratio = np.divide(expected, columns.hours, out=np.ones_like(expected), where=known)
    factor = schedules.power(ratio, columns.hours_elasticity)
    bounded = np.clip(factor, HOURS_FACTOR_LOW, HOURS_FACTOR_HIGH)
    return bounded, known, known & (bounded != factor)


def _quality(columns: EquipmentColumns, below_scrap: Bool, hours_known: Bool, hours_bound: Bool) -> Int:
    """Returns the QualityFlag bits of each value [n]."""
    flags = (
        (below_scrap, QualityFlag.BELOW_SCRAP),
        (~hours_known, QualityFlag.HOURS_UNKNOWN),
        (hours_bound, QualityFlag.HOURS_BOUND),
        (columns.condition == Condition.UNKNOWN, QualityFlag.CONDITION_ASSUMED),
        (columns.age_years > 2.0 * columns.life_years, QualityFlag.AGE_BEYOND_TWICE_LIFE),
    )
    quality = np.zeros(len(below_scrap), dtype=np.int64)
    for weak, flag in flags:
        quality |= np.where(weak, int(flag), 0)
    return quality
