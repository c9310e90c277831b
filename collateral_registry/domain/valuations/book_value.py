"""Book value of a machine: its cost less depreciation in the owner's books."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.assets.kinds import Equipment
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from valuation.calendar import DAYS_PER_YEAR
from valuation.depreciation.classes import equipment_classes
from valuation.depreciation.equipment import ScheduleColumns, retained_shares


def book_value(machine: Equipment, asset_class: str, policy: Policy, day: int) -> Money | None:
    """Returns the acquisition cost depreciated by the book schedule to a day, rounded half to even.

    Life and rate come from the depreciation class, and the salvage share comes from the policy, as for the market
    value. Returns None if no cost is stated or the schedule lacks an input.
    """
    cost, since = machine.acquisition_cost, machine.acquisition_date
    if cost is None or since is None:
        return None
    depreciation = equipment_classes()[machine.equipment_class]
    salvage = policy.numbers_of(asset_class).get("salvage_share")
    (share,) = retained_shares(
        ScheduleColumns(
            age_years=_column(max(day - day_of(since), 0) / DAYS_PER_YEAR),
            schedule=np.array([int(machine.book_schedule)], dtype=np.int8),
            annual_rate=_column(depreciation.geometric_rate),
            life_years=_column(depreciation.service_life_years),
            salvage_share=_column(salvage.value if salvage else None),
            units_produced=_column(machine.units_produced),
            units_lifetime=_column(machine.units_lifetime),
        )
    ).tolist()
    return None if np.isnan(share) else Money(round(cost.minor * share), cost.currency)


def _column(value: Decimal | float | None) -> NDArray[np.float64]:
    """Returns a column of one row; NaN for None."""
    return np.array([np.nan if value is None else float(value)], dtype=np.float64)
