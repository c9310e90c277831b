"""The numbers of an asset that its value is computed from, as stored beside it and as used for a quote."""

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
    """The quantity of a lot in the unit of its price; raises InvalidInput when the units are unlike."""
    return float(lot.quantity * conversion_factor(lot.unit, unit))


def unverified_stock() -> dict[str, Any]:
    """What is counted of a lot that nobody has spoken of: all of it, with a flag, in a warehouse without a record."""
    return {"counted_share": 1.0, "stock_quality": int(QualityFlag.STOCK_UNVERIFIED), "warehouse_haircut": 0.0}


def inventory_numbers(
    lot: Inventory, series_key: int | None, series_unit: str | None, warehouse_haircut: float
) -> dict[str, Any]:
    """A lot's series and quantity in the unit of the series, once there is one, and what its warehouse adds."""
    return {
        "series_id": lot.price_series,
        "series_key": series_key,
        "quantity_in_series_unit": None if series_unit is None else quantity_in(series_unit, lot),
        "warehouse_haircut": warehouse_haircut,
    }


def equipment_numbers(machine: Equipment, index_key: int) -> dict[str, Any]:
    """A machine's price new with the key of its index (0: none), age, use and depreciation."""
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


def ip_numbers(right: IntellectualProperty, *, pledged_elsewhere: bool) -> dict[str, Any]:
    """A right's dates, status and income, and the share of its cap that its score leaves."""
    return {
        "right_kind": int(right.right_kind),
        "office": right.office,
        "filing_day": day_of(right.filing),
        "grant_day": day_of(right.grant),
        "expire_day": day_of(right.expire),
        "legal_status": int(right.legal_status),
        "next_year_revenue": float(right.next_year_revenue.major),
        "growth": float(right.growth),
        "royalty_rate": float(right.royalty_rate),
        "tax_rate": float(right.tax_rate),
        "discount_rate": float(right.discount_rate),
        "annual_survival": float(right.yearly_survival),
        "technology_life_years": _float(right.technology_life_years),
        "technology_life_day": day_of(right.technology_life_date),
        "amortisation_years": float(right.amortisation_years),
        "owned_share": float(right.owned_share),
        "licensed_exclusively": int(right.licensed_exclusively),
        "cap_share": _cap_share(right, pledged_elsewhere=pledged_elsewhere),
    }


def _cap_share(right: IntellectualProperty, *, pledged_elsewhere: bool) -> float:
    """Share of the cap by the recorded score, 0 under a veto; 1 without a score."""
    if not right.indicators:
        return 1.0
    state = RightState(
        status=right.legal_status,
        licensed_exclusively=right.licensed_exclusively,
        pledged_elsewhere=pledged_elsewhere,
        owned_share=float(right.owned_share),
    )
    return score_right(right.indicators, state).cap_share


def checked_against_series(detail: Detail, series_unit: str | None) -> None:
    """Raises InvalidInput when a lot's unit does not convert to the unit of its price."""
    if isinstance(detail, Inventory) and series_unit is not None:
        try:
            quantity_in(series_unit, detail)
        except InvalidInput as error:
            raise InvalidInput("inventory.unit", detail.unit, error.want) from error
