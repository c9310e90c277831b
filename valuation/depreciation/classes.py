"""Equipment classes with published geometric depreciation rates and service lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from valuation.packaged import read_table


@dataclass(frozen=True)
class EquipmentClass:
    """Equipment class. Its yearly geometric rate is the declining-balance rate / service life (Hulten-Wykoff, BEA)."""

    code: str
    asset_class: str
    service_life_years: float
    declining_balance_rate: float
    geometric_rate: float


@cache
def equipment_classes() -> Mapping[str, EquipmentClass]:
    """Returns all equipment classes, keyed by code."""
    rows = read_table("valuation.depreciation", "bea_rates.csv")
    classes = {
        row["code"]: EquipmentClass(
            row["code"],
            row["asset_class"],
            float(row["service_life_years"]),
            float(row["declining_balance_rate"]),
            float(row["geometric_rate"]),
        )
        for row in rows
    }
    return MappingProxyType(classes)
