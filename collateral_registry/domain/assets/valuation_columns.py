"""The valuation inputs of an asset, as columns of the table of its kind; they are stored and used for quotes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from collateral_registry.domain.assets.kinds import Detail, Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.units import alike, conversion_factor
from valuation.depreciation.classes import equipment_classes
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.ip.events import RightState
from valuation.ip.score import score_right


def _major(amount: Money | None) -> float | None:
    """Returns an amount in major units as a float; None if it is not stated."""
    return None if amount is None else float(amount.major)


def _floats(detail: Detail, *names: str) -> dict[str, float | None]:
    """Returns the decimal fields of an asset as floats by name; None where a field is not stated."""
    stated = {name: getattr(detail, name) for name in names}
    return {name: None if value is None else float(value) for name, value in stated.items()}


def quantity_in(unit: str, lot: Inventory) -> float | None:
    """Returns the quantity of a lot in the unit of its price; None if the units do not convert to each other."""
    return float(Fraction(lot.quantity) * conversion_factor(lot.unit, unit)) if alike(lot.unit, unit) else None


def unverified_stock() -> dict[str, Any]:
    """Returns the columns of a lot that has neither a feed nor a count.

    The lot counts in full, is flagged as unverified, and has no haircut for its warehouse.
    """
    return {"counted_share": 1.0, "stock_quality": int(QualityFlag.STOCK_UNVERIFIED), "warehouse_haircut": 0.0}


@dataclass(frozen=True)
class PricedBy:
    """The price series of a lot: its key, the good that it prices, and the unit of the price."""

    series_key: int
    good: str
    unit: str


def inventory_numbers(lot: Inventory, series: PricedBy | None, warehouse_haircut: float) -> dict[str, Any]:
    """Returns a lot's price series, its quantity in the unit of the series, and its warehouse's haircut.

    The quantity is None while the series does not exist, and if its unit does not convert to the unit of the price.
    """
    return {
        "series_id": lot.price_series,
        "series_key": series and series.series_key,
        "quantity_in_series_unit": series and quantity_in(series.unit, lot),
        "priced_as_another_good": int(series is not None and series.good != lot.good),
        "warehouse_haircut": warehouse_haircut,
    }


def equipment_numbers(machine: Equipment, index_key: int) -> dict[str, Any]:
    """Returns a machine's price new, the key of its price index (0 for none), its age, its use and its depreciation."""
    depreciation = equipment_classes()[machine.equipment_class]
    return {
        "price_new": _major(machine.price_new),
        "equipment_class": machine.equipment_class,
        "index_key": index_key,
        "price_new_day": day_of(machine.price_new_date),
        "built_day": day_of(machine.built),
        "schedule": int(machine.schedule),
        "annual_rate": depreciation.geometric_rate,
        "life_years": depreciation.service_life_years,
        **_floats(machine, "hours", "expected_hours_per_year", "units_produced", "units_lifetime"),
        "hours_day": day_of(machine.hours_date),
        "condition": int(machine.condition),
    }


def ip_numbers(ip_asset: IntellectualProperty, *, pledged_elsewhere: bool) -> dict[str, Any]:
    """Returns an IP asset's dates, status and income, and the share of the policy's cap that its score allows."""
    return {
        "right_kind": int(ip_asset.right_kind),
        "office": ip_asset.office,
        **{f"{name}_day": day_of(getattr(ip_asset, name)) for name in ("filing", "grant", "expire")},
        "legal_status": int(ip_asset.legal_status),
        "next_year_revenue": _major(ip_asset.next_year_revenue),
        **_floats(ip_asset, "growth", "royalty_rate", "tax_rate", "discount_rate"),
        "annual_survival": float(ip_asset.yearly_survival),
        **_floats(ip_asset, "technology_life_years", "amortisation_years", "owned_share"),
        "technology_life_day": day_of(ip_asset.technology_life_date),
        "licensed_exclusively": int(ip_asset.licensed_exclusively),
        "cap_share": _cap_share(ip_asset, pledged_elsewhere=pledged_elsewhere),
    }


def _cap_share(ip_asset: IntellectualProperty, *, pledged_elsewhere: bool) -> float:
    """Returns the share of the cap that the recorded score allows; 0 under a veto and 1 without a score."""
    if not ip_asset.indicators:
        return 1.0
    state = RightState(
        status=ip_asset.legal_status,
        licensed_exclusively=ip_asset.licensed_exclusively,
        pledged_elsewhere=pledged_elsewhere,
        owned_share=float(ip_asset.owned_share),
    )
    return score_right(ip_asset.indicators, state).cap_share


def check_series(lot: Inventory, series: PricedBy) -> None:
    """Raises InvalidInput if a price series does not price a lot: another good, or a unit of another dimension."""
    if series.good != lot.good:
        got = f"priceSeries/{lot.price_series}, which prices {series.good or 'a currency'}"
        raise InvalidInput("inventory.price_series", got, f"a series that prices {lot.good}, the good of the lot")
    if not alike(lot.unit, series.unit):
        want = f"a unit that converts to {series.unit}, the unit of priceSeries/{lot.price_series}"
        raise InvalidInput("inventory.unit", repr(lot.unit), want)
