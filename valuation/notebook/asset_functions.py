"""Functions that value one machine or one IP asset from scalars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from valuation._typing import Float
from valuation.checks import require
from valuation.depreciation.classes import equipment_classes
from valuation.depreciation.equipment import (
    Condition,
    EquipmentColumns,
    Schedule,
    ScheduleColumns,
    retained_shares,
)
from valuation.errors import InvalidInput
from valuation.ip.relief_from_royalty import RoyaltyColumns
from valuation.notebook.asset_results import IpValue, MachineValue
from valuation.quotes import number_column

CONDITIONS = {one.name.lower(): one for one in Condition}
SCHEDULES = {one.name.lower(): one for one in Schedule if one is not Schedule.UNITS_OF_PRODUCTION}
"""Depreciation schedules by time."""

NO_UNITS: dict[str, Float] = dict.fromkeys(("units_produced", "units_lifetime"), np.array([np.nan]))
"""Columns of the schedule by units, which the functions of one asset do not offer."""

T = TypeVar("T")


@dataclass(frozen=True)
class MachineFactors:
    """The lender's numbers for a machine; the defaults are those of the class ``equipment`` in the default policy.

    ``olv_factor`` and ``flv_factor`` are shares of the fair market value, both costs are shares of the orderly
    liquidation value, and ``scrap_share`` and ``salvage_share`` are shares of the price new. A longer meter reading
    than expected reduces the value by expected over actual hours to the power of ``hours_elasticity``.
    """

    condition_unknown: float = 0.90
    condition_excellent: float = 1.0
    condition_good: float = 1.0
    condition_fair: float = 0.85
    condition_poor: float = 0.60
    condition_scrap: float = 0.05
    hours_elasticity: float = 0.20
    scrap_share: float = 0.03
    salvage_share: float = 0.10
    olv_factor: float = 0.85
    flv_factor: float = 0.70
    sale_cost_share: float = 0.10
    removal_cost_share: float = 0.05


DEFAULT_FACTORS = MachineFactors()


def machine_value(
    price_new: float,
    age_years: float,
    equipment_class: str = "",
    *,
    condition: str = "unknown",
    hours: float | None = None,
    expected_hours_per_year: float | None = None,
    meter_age_years: float | None = None,
    schedule: str = "geometric",
    annual_rate: float | None = None,
    life_years: float | None = None,
    factors: MachineFactors = DEFAULT_FACTORS,
) -> MachineValue:
    """Values one machine by its age, condition and hours, on four bases.

    ``price_new`` is today's price of the same machine new. ``equipment_class`` is the code of a class such as
    "metalworking_machines", which gives the yearly loss ``annual_rate`` and the service ``life_years`` unless they are
    stated. ``condition`` is "excellent", "good", "fair", "poor", "scrap" or "unknown" (counts as worn). Hours have an
    effect if ``hours`` and ``expected_hours_per_year`` are known; ``meter_age_years`` is the age at the reading, by
    default today. ``schedule`` is "geometric" or an accounting schedule by life. Raises InvalidInput.

    >>> import valuation
    >>> lathe = valuation.machine_value(145_000, 5, "metalworking_machines", condition="good")
    >>> round(lathe.fair_market_value), round(lathe.net_orderly_liquidation_value)
    (75440, 54506)
    >>> lathe.to_dict()["quality_flags"]
    ['HOURS_UNKNOWN']
    """
    if not isinstance(factors, MachineFactors):
        raise InvalidInput("factors", type(factors).__name__, "MachineFactors")
    chosen, (rate, life) = _choice("schedule", schedule, SCHEDULES), _curve_of(equipment_class, annual_rate, life_years)
    _require_curve(chosen, rate, life)
    numbers = {name: _one(name, getattr(factors, name)) for name in vars(factors) if not name.startswith("condition")}
    found = {
        "replacement_cost": _one("price_new", price_new),
        "age_years": _one("age_years", age_years),
        "hours": _one("hours", hours),
        "expected_hours_per_year": _one("expected_hours_per_year", expected_hours_per_year),
        "meter_age_years": _one("meter_age_years", meter_age_years),
        "annual_rate": _one("annual_rate", rate),
        "life_years": _one("life_years", life),
    }
    by_condition = [_one(f"condition_{name}", getattr(factors, f"condition_{name}"))[0] for name in CONDITIONS]
    try:
        columns = EquipmentColumns(
            **found,
            **numbers,
            schedule=np.array([chosen], dtype=np.int8),
            condition=np.array([_choice("condition", condition, CONDITIONS)], dtype=np.int8),
            condition_factors=np.array(by_condition),
            **NO_UNITS,
        )
        return MachineValue.of(columns)
    except InvalidInput as error:
        raise error.named(_parameter) from None


def book_value(
    cost: float,
    age_years: float,
    life_years: float,
    schedule: str = "straight_line",
    *,
    salvage_share: float = 0.0,
    annual_rate: float | None = None,
) -> float:
    """Returns the book value of a cost at an age, by an accounting schedule.

    ``schedule`` is "straight_line", "declining_balance_switch", "sum_of_years", "irs_half_year", or "geometric", which
    needs ``annual_rate``. ``salvage_share`` is the share of the cost that is never written off. Raises InvalidInput.

    >>> import valuation
    >>> valuation.book_value(100_000, age_years=4, life_years=10)
    60000.0
    >>> round(valuation.book_value(100_000, 4, 10, "declining_balance_switch"))
    40960
    """
    chosen = _choice("schedule", schedule, SCHEDULES)
    _require_curve(chosen, annual_rate, life_years)
    given = {"age_years": age_years, "life_years": life_years, "salvage_share": salvage_share}
    costs = _one("cost", cost)
    try:
        require("cost", costs, (costs >= 0.0) & np.isfinite(costs), "0 or more, finite")
        columns = ScheduleColumns(
            **{name: _one(name, value) for name, value in given.items()},
            annual_rate=_one("annual_rate", annual_rate),
            schedule=np.array([chosen], dtype=np.int8),
            **NO_UNITS,
        )
        return float(costs[0] * retained_shares(columns)[0])
    except InvalidInput as error:
        raise error.named(_parameter) from None


def ip_value(
    next_year_revenue: float,
    royalty_rate: float,
    remaining_life_years: float,
    discount_rate: float,
    *,
    growth: float = 0.0,
    tax_rate: float = 0.25,
    annual_survival: float = 1.0,
    amortisation_years: float = 0.0,
    operating_margin: float | None = None,
    owned_share: float = 1.0,
    mid_year: bool = True,
) -> IpValue:
    """Values one IP asset by the royalties after tax that its owner saves, discounted over its remaining life.

    All rates are ratios. ``next_year_revenue`` is the revenue of the coming year, with growth applied. By default there
    is no growth, tax is 25 %, the asset earns with certainty until it ends, and a buyer has no tax benefit of
    amortisation (``amortisation_years`` of 0). ``operating_margin``, if stated, is an upper bound of the royalty rate.
    ``mid_year`` places income in the middle of each year instead of at its end. Raises InvalidInput.

    >>> import valuation
    >>> round(valuation.ip_value(10_000_000, 0.05, 5, 0.15, growth=0.05).value, 2)
    1469680.76
    """
    if not isinstance(mid_year, bool | np.bool_):
        raise InvalidInput("mid_year", repr(mid_year), "True or False")
    share = _one("owned_share", owned_share)
    if not 0.0 <= share[0] <= 1.0:
        raise InvalidInput("owned_share", owned_share, "0 to 1")
    given = {
        "next_year_revenue": next_year_revenue,
        "royalty_rate": royalty_rate,
        "remaining_life_years": remaining_life_years,
        "discount_rate": discount_rate,
        "growth": growth,
        "tax_rate": tax_rate,
        "annual_survival": annual_survival,
        "amortisation_years": amortisation_years,
        "operating_margin": operating_margin,
    }
    columns = {name: _one(name, value) for name, value in given.items()}
    columns["next_year_revenue"] = columns["next_year_revenue"] * share
    try:
        inputs = RoyaltyColumns(**columns, mid_year=np.array([mid_year], dtype=np.bool_))
    except InvalidInput as error:
        raise error.named(_parameter) from None
    return IpValue.of(inputs)


def _curve_of(
    equipment_class: str, annual_rate: float | None, life_years: float | None
) -> tuple[float | None, float | None]:
    """Returns the yearly loss and the service life: as stated, else those of the class.

    Raises InvalidInput for an unknown class, and for no class if neither number is stated.
    """
    classes = equipment_classes()
    if equipment_class in classes:
        known = classes[equipment_class]
        rate = known.geometric_rate if annual_rate is None else annual_rate
        return rate, known.service_life_years if life_years is None else life_years
    if equipment_class or (annual_rate is None and life_years is None):
        raise InvalidInput("equipment_class", repr(equipment_class), f"one of {', '.join(classes)}")
    return annual_rate, life_years


def _require_curve(schedule: Schedule, annual_rate: float | None, life_years: float | None) -> None:
    """Raises InvalidInput if the number is missing on which a schedule depends."""
    if schedule is Schedule.GEOMETRIC and annual_rate is None:
        raise InvalidInput("annual_rate", None, "the share lost in a year, for a geometric schedule")
    if schedule is not Schedule.GEOMETRIC and life_years is None:
        raise InvalidInput("life_years", None, f"the years of service, for the schedule {schedule.name.lower()}")


def _one(name: str, value: float | None) -> Float:
    """Returns a scalar as a column of one row; None becomes NaN. Raises InvalidInput for anything else."""
    if value is not None and np.ndim(value) != 0:
        raise InvalidInput(name, type(value).__name__, "one number")
    try:
        return number_column(name, np.array([value], dtype=object))
    except InvalidInput as error:
        raise error.named(_parameter) from None


def _choice(name: str, value: str, choices: Mapping[str, T]) -> T:
    if not isinstance(value, str) or value not in choices:
        raise InvalidInput(name, repr(value), ", ".join(choices))
    return choices[value]


def _parameter(field: str) -> str:
    """Returns the name of the parameter that a field of the columns comes from."""
    name = field.replace("[0]", "")
    return {"replacement_cost": "price_new"}.get(name, name)
