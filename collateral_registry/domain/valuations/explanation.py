"""The inputs from which a person can recompute the market value of an asset, as its model used them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.assets.kinds import Equipment, IntellectualProperty
from collateral_registry.domain.assets.valuation_columns import equipment_numbers, ip_numbers
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.valuations.base_values import equipment_columns, years_left
from valuation.depreciation.equipment import EquipmentColumns, value_equipment


@dataclass(frozen=True)
class StatedInput:
    """An input: its name, value, unit, day and meaning in words. A value of None is not stated."""

    name: str
    value: Decimal | float | None
    unit: str = ""
    day: int = NO_DAY
    label: str = ""


def machine_inputs(machine: Equipment, asset_class: str, policy: Policy, day: int) -> list[StatedInput]:
    """Returns the inputs of a depreciation on a day, its factors, and the share of the price new that they leave."""
    columns = _machine_columns(machine, asset_class, policy, day)
    values = value_equipment(columns)
    age, read, hours = _first(columns.age_years), machine.hours_date, machine.hours
    share = min(_first(values.retained) * _first(values.condition_factor) * _first(values.hours_factor), 1.0)
    return [
        amount_input("price_new", machine.price_new, day_of(machine.price_new_date)),
        StatedInput("build_date", None, machine.equipment_class, day_of(machine.built)),
        StatedInput("age_years", age, "a", day),
        StatedInput("annual_rate", _first(columns.annual_rate), "1/a", label=machine.schedule.name),
        StatedInput("life_years", _first(columns.life_years), "a"),
        StatedInput("salvage_share", _first(columns.salvage_share)),
        StatedInput("units_produced", machine.units_produced),
        StatedInput("units_lifetime", machine.units_lifetime),
        StatedInput("age_factor", _first(values.retained), label=machine.schedule.name),
        StatedInput("condition_factor", _first(values.condition_factor), label=machine.condition.name),
        StatedInput("hours", hours, "h", day_of(read)),
        StatedInput("age_at_reading", _first(columns.meter_age_years) if hours is not None else None, "a"),
        StatedInput("expected_hours", _first(columns.expected_hours_per_year) if hours is not None else None, "h/a"),
        StatedInput("hours_elasticity", _first(columns.hours_elasticity) if hours is not None else None),
        StatedInput("hours_factor", _first(values.hours_factor)),
        StatedInput("scrap_share", _first(columns.scrap_share)),
        StatedInput("depreciated_share", max(share, _first(columns.scrap_share))),
        _policy_input("flv_factor", asset_class, policy),
    ]


def compared_inputs(machine: Equipment, asset_class: str, policy: Policy) -> list[StatedInput]:
    """Returns the inputs of a value by a model of comparables, and the bounds of the value: price new and scrap."""
    return [
        amount_input("price_new", machine.price_new, day_of(machine.price_new_date)),
        StatedInput("build_date", None, machine.equipment_class, day_of(machine.built)),
        StatedInput("hours", machine.hours, "h", day_of(machine.hours_date), machine.condition.name),
        _policy_input("scrap_share", asset_class, policy),
        _policy_input("flv_factor", asset_class, policy),
    ]


def ip_inputs(right: IntellectualProperty, day: int) -> list[StatedInput]:
    """Returns the inputs of relief from royalty on a day."""
    numbers = _columns(ip_numbers(right, pledged_elsewhere=False))
    return [
        amount_input("next_year_revenue", right.next_year_revenue),
        StatedInput("growth", right.growth, "1/a"),
        StatedInput("royalty_rate", right.royalty_rate),
        StatedInput("tax_rate", right.tax_rate),
        StatedInput("discount_rate", right.discount_rate, "1/a"),
        StatedInput("annual_survival", right.yearly_survival),
        StatedInput("amortisation_years", right.amortisation_years, "a"),
        StatedInput("expire_date", None, right.office, day_of(right.expire), right.right_kind.name),
        StatedInput("remaining_life", _first(years_left(numbers, day)), "a", day),
        StatedInput("owned_share", right.owned_share),
    ]


def amount_input(name: str, amount: Money | None, day: int = NO_DAY) -> StatedInput:
    """Returns an amount of an asset as an input."""
    return StatedInput(name, None) if amount is None else StatedInput(name, amount.major, amount.currency, day)


def _policy_input(name: str, asset_class: str, policy: Policy) -> StatedInput:
    """Returns a number of the policy for an asset class as an input."""
    number = policy.numbers_of(asset_class).get(name)
    return StatedInput(name, number.value if number else None)


def _machine_columns(machine: Equipment, asset_class: str, policy: Policy, day: int) -> EquipmentColumns:
    return equipment_columns(_columns(equipment_numbers(machine, 0)), np.array([asset_class]), policy, day)


def _columns(numbers: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Returns columns of one row; NaN for None."""
    return {name: np.array([np.nan if value is None else value]) for name, value in numbers.items()}


def _first(column: NDArray[np.float64]) -> float:
    return float(column[0])
