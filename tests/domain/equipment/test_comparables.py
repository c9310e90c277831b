"""A model of comparables receives only the attributes of a machine whose name and unit it shares."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from collateral_registry.domain.assets.kinds import Equipment
from collateral_registry.domain.equipment.comparables import observed
from collateral_registry.domain.shared.money import Money
from valuation.equipment.sales.mapping import ColumnMap


def hours_seen(hours_unit: str) -> float:
    """Returns the hours that a model with a meter in this unit receives for a machine with 4,000 hours."""
    machine = Equipment("Invented", "M1", "S-1", "construction_machinery", Money(9_000_000, "USD"), hours=Decimal(4000))
    mapping = ColumnMap(category=("kind",), hours="meter", hours_unit=hours_unit)
    return float(observed([machine], mapping, 15_000).hours[0])


def test_hours_are_never_taken_for_miles() -> None:
    assert hours_seen("hours") == 4000.0
    assert np.isnan(hours_seen("miles"))
