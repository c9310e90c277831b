"""Equipment classes have the published rates."""

from __future__ import annotations

import operator
from dataclasses import FrozenInstanceError

import pytest

from valuation.depreciation.classes import equipment_classes

PUBLISHED = {
    "metalworking_machines": (16, 1.96, 0.1225),
    "special_industrial_machinery": (16, 1.65, 0.1031),
    "general_industrial_equipment": (16, 1.715, 0.1072),
    "internal_combustion_engines": (8, 1.65, 0.2063),
    "construction_tractors": (8, 1.3064, 0.1633),
    "construction_machinery": (10, 1.5498, 0.1550),
    "farm_tractors": (9, 1.3064, 0.1452),
    "other_agricultural_machinery": (14, 1.65, 0.1179),
    "mining_oilfield_machinery": (11, 1.65, 0.1500),
    "trucks": (10, 1.7252, 0.1725),
    "trucks_own_use": (9, 1.7252, 0.1917),
    "aircraft": (20, 1.65, 0.0825),
    "aircraft_own_use": (15, 1.65, 0.1100),
    "ships": (27, 1.65, 0.0611),
    "railroad_equipment": (28, 1.65, 0.0589),
    "office_machinery": (7, 2.1832, 0.3119),
    "furniture": (14, 1.65, 0.1179),
}


@pytest.mark.parametrize("code", sorted(PUBLISHED))
def test_a_class_has_the_published_life_and_rates(code: str) -> None:
    found = equipment_classes()[code]
    assert (found.service_life_years, found.declining_balance_rate, found.geometric_rate) == PUBLISHED[code]


@pytest.mark.parametrize("code", sorted(equipment_classes()))
def test_every_geometric_rate_is_the_declining_balance_rate_over_the_life(code: str) -> None:
    found = equipment_classes()[code]
    assert found.geometric_rate == pytest.approx(found.declining_balance_rate / found.service_life_years, abs=5.1e-5)
    assert found.code == code == code.lower()


def test_the_classes_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        operator.setitem(equipment_classes(), "trucks", equipment_classes()["ships"])
    with pytest.raises(FrozenInstanceError):
        equipment_classes()["trucks"].geometric_rate = 0.0  # type: ignore[misc] # the assignment must fail
