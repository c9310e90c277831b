"""The valuation inputs of an asset, by column of the table of its kind; stored with it and used for quotes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from collateral_registry.domain.assets.kinds import Detail, Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.units import conversion_factor
from valuation.depreciation.classes import equipment_classes
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.ip.events import RightState
from valuation.ip.score import score_right


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def quantity_in(unit: str, lot: Inventory) -> float:
    """Returns the quantity of a lot in the unit of its price; raises InvalidInput for incompatible units."""
    return float(lot.quantity * conversion_factor(lot.unit, unit))


def unverified_stock() -> dict[str, Any]:
    """Returns the columns of a lot without feed or count: it counts in full, is flagged, and has no warehouse part."""
    return {"counted_share": 1.0, "stock_quality": int(QualityFlag.STOCK_UNVERIFIED), "warehouse_haircut": 0.0}


def inventory_numbers(
    lot: Inventory, series_key: int | None, series_unit: str | None, warehouse_haircut: float
) -> dict[str, Any]:
    """Returns a lot's price series, its quantity in the unit of the series, and its warehouse's haircut.

    The quantity is None while the series does not exist.
    """
    return {
        "series_id": lot.price_series,
        "series_key": series_key,
        "quantity_in_series_unit": None if series_unit is None else quantity_in(series_unit, lot),
        "warehouse_haircut": warehouse_haircut,
    }


def equipment_numbers(machine: Equipment, index_key: int) -> dict[str, Any]:
    """Returns a machine's price new with the key of its price index (0 for none), its age, use and depreciation."""
    depreciation = equipment_classes()[machine.equipment_class]
    return {
        "price_new": float(machine.price_new.major),
        "index_key": index_key,
        "price_new_day": day_of(machine.price_new_date),
        "built_day": day_of(machine.built),
        "schedule": int(machine.schedule),
        "annual_rate": depreciation.geometric_rate,
        "life_years": depreciation.service_life_years,
        "hours": _float(machine.hours),
        "hours_day": day_of(machine.hours_date),
        "expected_hours_per_year": _float(machine.expected_hours_per_year),
        "condition": int(machine.condition),
        "units_produced": _float(machine.units_produced),
        "units_lifetime": _float(machine.units_lifetime),
    }


def ip_numbers(ip_asset: IntellectualProperty, *, pledged_elsewhere: bool) -> dict[str, Any]:
    """Returns an IP asset's dates, status and income, and the share of the policy's cap that its score allows."""
    return {
        "right_kind": int(ip_asset.right_kind),
        "office": ip_asset.office,
        "filing_day": day_of(ip_asset.filing),
        "grant_day": day_of(ip_asset.grant),
        "expire_day": day_of(ip_asset.expire),
        "legal_status": int(ip_asset.legal_status),
        "next_year_revenue": float(ip_asset.next_year_revenue.major),
        "growth": float(ip_asset.growth),
        "royalty_rate": float(ip_asset.royalty_rate),
        "tax_rate": float(ip_asset.tax_rate),
        "discount_rate": float(ip_asset.discount_rate),
        "annual_survival": float(ip_asset.yearly_survival),
        "technology_life_years": _float(ip_asset.technology_life_years),
        "technology_life_day": day_of(ip_asset.technology_life_date),
        "amortisation_years": float(ip_asset.amortisation_years),
        "owned_share": float(ip_asset.owned_share),
        "licensed_exclusively": int(ip_asset.licensed_exclusively),
        "cap_share": _cap_share(ip_asset, pledged_elsewhere=pledged_elsewhere),
    }


def _cap_share(ip_asset: IntellectualProperty, *, pledged_elsewhere: bool) -> float:
    """Returns the share of the cap for the recorded score: 0 under a veto, 1 without a score."""
    if not ip_asset.indicators:
        return 1.0
    state = RightState(
        status=ip_asset.legal_status,
        licensed_exclusively=ip_asset.licensed_exclusively,
        pledged_elsewhere=pledged_elsewhere,
        owned_share=float(ip_asset.owned_share),
    )
    return score_right(ip_asset.indicators, state).cap_share


def checked_against_series(detail: Detail, series_unit: str | None) -> None:
    """Raises InvalidInput if a lot's unit does not convert to the unit of its price series."""
    if isinstance(detail, Inventory) and series_unit is not None:
        try:
            quantity_in(series_unit, detail)
        except InvalidInput as error:
            raise InvalidInput("inventory.unit", detail.unit, error.want) from error
