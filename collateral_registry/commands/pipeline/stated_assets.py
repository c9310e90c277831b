"""Checks of a stated asset against the registry of units, its price series and the policy."""

from __future__ import annotations

from dataclasses import replace

from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.assets.valuation_columns import check_series
from collateral_registry.domain.book.policy import check_class
from collateral_registry.domain.shared.units import unit_of
from collateral_registry.store.assets.repository import priced_by
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.unit_spellings import units_of_owner
from valuation.errors import check_all


def checked_asset(connection: Connection, asset: Asset, before: Asset | None, day: int) -> Asset:
    """Returns a stated asset with the name of its unit.

    Raises InvalidInput for a unit that is unknown or has several meanings for the good, a price series of another good
    or of a unit to which the lot's does not convert, and an asset class that the policy does not state. What has not
    changed since the revision ``before`` is not checked again, so that a stored asset can always be changed.
    """
    named: list[Asset] = []
    check_all(
        lambda: _check_class(connection, asset, before, day),
        lambda: named.append(_with_checked_lot(connection, asset, before)),
    )
    return named[0]


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
