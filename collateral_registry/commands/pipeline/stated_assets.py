"""Checks of a stated asset: its numbers and dates, and its unit, price series and class against the book."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import TypeVar, cast

from collateral_registry.domain.assets.asset_kind import CLASS_ROOT
from collateral_registry.domain.assets.identity import check_numbers
from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.assets.observation_dates import check_hours, with_observation_dates
from collateral_registry.domain.assets.valuation_columns import check_series
from collateral_registry.domain.book.policy import check_class
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.units import unit_of
from collateral_registry.store.assets.repository import priced_by
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.unit_spellings import units_of_owner
from valuation.errors import InvalidInput, check_all, joined

D = TypeVar("D", Equipment, IntellectualProperty)

QUOTE_ID = "quote"
"""Stands for the id and the owner of an asset that is quoted and not registered."""

ANY_CURRENCY = "USD"
"""Currency of an asset that states no amount."""

PAST_DATES = {
    "built": "build_date",
    "hours_date": "hours_date",
    "price_new_date": "price_new_date",
    "acquisition_date": "acquisition_date",
    "filing": "filing_date",
    "grant": "grant_date",
    "technology_life_date": "technology_life_date",
    "issued": "issue_date",
}
"""Fields of assets of any kind that hold the date of a past fact, with their names in the contract."""


def checked_new_asset(connection: Connection, asset: Asset, day: int) -> Asset:
    """Returns an asset to be registered or quoted, with the name of its unit and the dates of its observations.

    Raises one InvalidInput that lists all its violations.
    """
    asset = with_observation_dates(checked_asset(connection, asset, None, day), None, date_at(day))
    check_hours(asset, None)
    return asset


def checked_new_detail(detail: D, day: int) -> D:
    """Returns a machine or an IP asset to be quoted alone, with the dates of its observations.

    Raises InvalidInput where the registration of an asset with this detail would.
    """
    amounts = [one for field in fields(detail) if isinstance(one := getattr(detail, field.name), Money)]
    currency = amounts[0].currency if amounts else ANY_CURRENCY
    asset = Asset(QUOTE_ID, QUOTE_ID, CLASS_ROOT[detail.kind], currency, detail)
    check_all(lambda: check_numbers(asset, None), lambda: _check_dates(None, asset, date_at(day)))
    asset = with_observation_dates(asset, None, date_at(day))
    check_hours(asset, None)
    return cast("D", asset.detail)


def checked_asset(connection: Connection, asset: Asset, before: Asset | None, day: int) -> Asset:
    """Returns a stated asset with the name of its unit; ``before`` is its current revision, None for a new asset.

    Raises one InvalidInput for identifiers in scientific notation, dates of past facts after the business date, a unit
    that is unknown or has several meanings for the good, a price series of another good or of a unit to which the lot's
    does not convert, and an asset class that the policy does not state. What has not changed since ``before`` is not
    checked again, so that a stored asset can always be changed.
    """
    named: list[Asset] = []
    check_all(
        lambda: check_numbers(asset, before),
        lambda: _check_legal_end(before, asset, date_at(day)),
        lambda: _check_dates(before, asset, date_at(day)),
        lambda: _check_class(connection, asset, before, day),
        lambda: named.append(_with_checked_lot(connection, asset, before)),
    )
    return named[0]


def _check_dates(before: Asset | None, after: Asset, today: date) -> None:
    """Raises InvalidInput if a new date of a past fact is after the business date."""
    prefix = after.detail.kind.name.lower()
    dated = [(f"{prefix}.{name}", after.detail, before and before.detail, field) for field, name in PAST_DATES.items()]
    late = [
        InvalidInput(name, stated, f"not after the business date {today}")
        for name, new, old, field in [("last_inspection_date", after, before, "last_inspection"), *dated]
        if (stated := getattr(new, field, None)) and stated > today and stated != getattr(old, field, None)
    ]
    if late:
        raise joined(late)


def _check_legal_end(before: Asset | None, after: Asset, today: date) -> None:
    """Raises InvalidInput if the expiry of an IP asset that has passed is removed instead of replaced."""
    ended = getattr(before.detail, "expire", None) if before else None
    if ended is not None and ended < today and getattr(after.detail, "expire", None) is None:
        field = "intellectual_property.expire_date"
        raise InvalidInput(field, "no date", f"the date of the renewal: the right expired on {ended}")


def _check_class(connection: Connection, asset: Asset, before: Asset | None, day: int) -> None:
    if before is None or before.asset_class != asset.asset_class:
        check_class(policy_in_force(connection, day).policy, asset.asset_class)


def _with_checked_lot(connection: Connection, asset: Asset, before: Asset | None) -> Asset:
    lot, old = asset.detail, before.detail if before else None
    if not isinstance(lot, Inventory):
        return asset
    if isinstance(old, Inventory) and (lot.good, lot.unit, lot.series) == (old.good, old.unit, old.series):
        return asset
    if not isinstance(old, Inventory) or lot.unit != old.unit:
        own = units_of_owner(connection, f"priceSeries/{lot.price_series}")
        lot = replace(lot, unit=unit_of("inventory.unit", lot.unit, lot.good, asset.asset_class, own))
    series = priced_by(connection, lot.price_series)
    if series is not None:
        check_series(lot, series)
    return replace(asset, detail=lot)
