"""Registers, changes and retires assets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from collateral_registry.commands.assets.identity import check_identity_kept
from collateral_registry.commands.assets.inspections import check_inspection
from collateral_registry.commands.assets.linked_lots import claim_lot
from collateral_registry.commands.findings.double_pledge import check_asset
from collateral_registry.commands.pipeline.etags import check_etag
from collateral_registry.commands.pipeline.over_pledging import touch_claim
from collateral_registry.commands.pipeline.stated_assets import checked_asset, checked_new_asset
from collateral_registry.commands.stock.sync_lots import sync_lots_of
from collateral_registry.domain.assets.kinds import Asset, Inventory, Status
from collateral_registry.domain.assets.observation_dates import check_hours, with_observation_dates
from collateral_registry.domain.findings.over_pledging import plain_quantity
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused, located
from collateral_registry.domain.shared.units import alike
from collateral_registry.store.assets.repository import StoredAsset, assets_of, get_asset, insert_asset, update_asset
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import active_pledges_on, loans_of_assets
from collateral_registry.store.stock.claims_by_place import set_declared
from collateral_registry.store.stock.lot_links import delete_links_of_asset
from collateral_registry.store.stock.pending_lots import queue_lot, reported_lot_of
from valuation.errors import InvalidInput, check_all


def register(write: Write, asset: Asset) -> StoredAsset:
    """Registers one asset, as ``register_all`` does."""
    return register_all(write, {"": asset})[0]


def register_all(write: Write, assets: Mapping[str, Asset]) -> list[StoredAsset]:
    """Registers assets, each with its place in the request, which errors name unless it is empty.

    Raises one InvalidInput that lists the violations of all assets, and Refused or AlreadyExists for the first asset
    with a reference number of another. An asset whose receipt exceeds the available stock is refused later, when the
    change is settled.
    """
    checked: dict[str, Asset] = {}
    check_all(*(partial(_check_new, write, place, asset, checked) for place, asset in assets.items()))
    for place, asset in checked.items():
        with located(place):
            _insert(write, asset)
    return assets_of(write.connection, [asset.asset_id for asset in checked.values()])


def _check_new(write: Write, place: str, asset: Asset, into: dict[str, Asset]) -> None:
    with located(place):
        into[place] = checked_new_asset(write.connection, asset, write.market_day)


def _insert(write: Write, asset: Asset) -> None:
    claim_lot(write, asset)
    key = insert_asset(write, asset)
    check_asset(write, key, asset)
    check_inspection(write, key, asset, "")
    write.touched.claimed_before[key] = 0
    write.touched.add(claims=[key])
    _apply_stock(write, key, asset)


def change(
    write: Write, asset_id: str, etag: str, changed: Callable[[Asset], Asset], work_done: str = ""
) -> StoredAsset:
    """Changes an asset that is not retired. A higher value counts as collateral added to its loans.

    Raises Refused if the identity or the owner of an asset changes that is or was pledged. ``work_done`` states the
    work done on a machine since its last inspection.
    """
    stored = asset_in_use(write, asset_id, etag)
    asset = with_observation_dates(changed(stored.asset), stored.asset, date_at(write.market_day))
    _check_pledged_currency(write, stored, asset)
    check_identity_kept(write, stored, asset)
    asset = checked_asset(write.connection, asset, stored.asset, write.market_day)
    check_hours(asset, stored.asset)
    write_asset(write, stored, asset)
    updated = get_asset(write.connection, asset_id)
    _check_quantity(write, stored, asset, updated.asset)
    write.touched.add(collateral_added=loans_of_assets(write.connection, np.array([stored.key], dtype=np.int64)))
    check_inspection(write, stored.key, asset, work_done)
    return updated


def asset_in_use(write: Write, asset_id: str, etag: str) -> StoredAsset:
    """Returns an asset that is not retired; raises NotFound, EtagMismatch or Refused."""
    stored = get_asset(write.connection, asset_id)
    check_etag(f"assets/{asset_id}", stored.revision, etag)
    if stored.asset.status == Status.RETIRED:
        raise Refused(
            "ASSET_RETIRED",
            f"assets/{asset_id} is retired and cannot change: register the asset again under another id",
        )
    return stored


def retire(write: Write, asset_id: str, etag: str) -> StoredAsset:
    """Retires an asset; raises Refused while it is pledged."""
    stored = get_asset(write.connection, asset_id)
    check_etag(f"assets/{asset_id}", stored.revision, etag)
    pledges = active_pledges_on(write.connection, stored.key)
    if pledges:
        holders = ", ".join(f"loans/{row.pledge.loan_id}" for row in pledges)
        raise Refused("ASSET_PLEDGED", f"assets/{asset_id} is pledged to {holders}; release it first")
    return write_asset(write, stored, replace(stored.asset, status=Status.RETIRED))


def write_asset(write: Write, stored: StoredAsset, asset: Asset) -> StoredAsset:
    """Stores a new revision of an asset and checks what its details affect."""
    touch_claim(write, stored.key)
    if asset.detail.identity != stored.asset.detail.identity:
        claim_lot(write, asset, stored.key)
    if asset.status == Status.RETIRED:
        delete_links_of_asset(write, stored.key)
    updated = update_asset(write, stored, asset)
    if asset.detail != stored.asset.detail:
        set_declared(write, stored.key, asset)
    if (asset.owner, asset.detail) != (stored.asset.owner, stored.asset.detail):
        check_asset(write, stored.key, asset, stored.asset)
        _apply_stock(write, stored.key, asset)
    return updated


def _apply_stock(write: Write, key: int, asset: Asset) -> None:
    """Replaces the declared quantity of a lot by the reported one, if a feed reports the lot."""
    if isinstance(asset.detail, Inventory) and queue_lot(write, asset.detail):
        sync_lots_of(write, np.array([key], dtype=np.int64))


def _check_quantity(write: Write, before: StoredAsset, stated: Asset, after: Asset) -> None:
    """Raises Refused if a stated quantity is not the quantity that a feed reports for the lot."""
    details = (before.asset.detail, stated.detail, after.detail)
    old, new, applied = (detail if isinstance(detail, Inventory) else None for detail in details)
    if old is None or new is None or applied is None:
        return
    if new.quantity == old.quantity or new.identity != old.identity:
        return
    reported = reported_lot_of(write.connection, new)
    if reported is not None and (new.quantity != applied.quantity or not alike(reported.unit, new.unit)):
        counted = plain_quantity(reported.counted, reported.unit)
        raise Refused(
            "QUANTITY_REPORTED",
            f"asset.inventory.quantity: got {new.quantity:f}, want no change: a feed reports {counted} for lot "
            f"{new.lot} in warehouse {new.warehouse}; report a movement or record a count instead",
            reported=counted,
        )


def _check_pledged_currency(write: Write, stored: StoredAsset, asset: Asset) -> None:
    """Raises InvalidInput if the kind changes, and Refused if the currency of a pledged asset changes."""
    if asset.detail.kind != stored.asset.detail.kind:
        raise InvalidInput("detail", asset.detail.kind.name, f"{stored.asset.detail.kind.name}, its kind")
    if asset.currency != stored.asset.currency and active_pledges_on(write.connection, stored.key):
        raise Refused(
            "ASSET_PLEDGED",
            f"asset.currency_code: got {asset.currency}, want {stored.asset.currency} while the asset is pledged; "
            "release it first",
        )
