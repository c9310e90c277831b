"""Take up stock that has moved: quantity → value → cover → breach, by the one path, for many lots at once.

A lot that moved a thousand times since it was last looked at is taken up once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

import numpy as np

from collateral_registry.commands.findings import open_findings
from collateral_registry.commands.pickups import after_stock
from collateral_registry.commands.recompute import NO_KEYS, recompute
from collateral_registry.domain.assets import QUANTITY_DECIMALS, QUANTITY_LIMIT, Asset, Inventory, Status
from collateral_registry.domain.conservation import plain_quantity
from collateral_registry.domain.facts import Int
from collateral_registry.domain.findings import Finding, FindingKind, Severity
from collateral_registry.domain.movements import MILLION
from collateral_registry.domain.units import alike, conversion_factor
from collateral_registry.store.commits import newest_commit
from collateral_registry.store.database import Connection, Write
from collateral_registry.store.holdings import claimed_places_of_lots
from collateral_registry.store.pledges import loans_of_assets
from collateral_registry.store.take_up import (
    TiedLot,
    any_is_asset,
    changes_of_assets,
    forget_changes,
    next_changes,
    tied_lots,
    write_quantities,
)

LOTS_LIMIT = 1_000
"""Lots taken up by one commit: some ten milliseconds of the book's time."""

CHANGES_LIMIT = 20_000
"""Changes looked at for one commit: a lot that changed often is taken up once for all of them."""


@dataclass(frozen=True)
class TakenUp:
    """How many lots were looked at, and how many assets have another quantity or value."""

    lots: int
    assets: int


@dataclass(frozen=True)
class Waiting:
    """Changes that wait [c] with their lots, the newest commit then, and whether the book claimed anything of them."""

    change_keys: Int
    lot_keys: Int
    seq: int
    is_claimed: bool


def look(connection: Connection) -> Waiting | None:
    """The lots that have waited longest; none when none wait. A read on one snapshot: nobody waits for it."""
    change_keys, lot_keys = next_changes(connection, CHANGES_LIMIT, LOTS_LIMIT)
    if not len(change_keys):
        return None
    is_claimed = any_is_asset(connection, lot_keys) or bool(claimed_places_of_lots(connection, lot_keys))
    return Waiting(change_keys, lot_keys, newest_commit(connection)[0], is_claimed)


def take_up(write: Write, waiting: Waiting) -> TakenUp:
    """Takes up the lots that wait, and values and judges what depends on them.

    Where the book claimed nothing, they are done with: whoever registers a lot later looks at it then. Where the book
    has changed since it looked, it looks again: others may have taken them up, and their keys may be of newer changes.
    """
    if write.seq != waiting.seq + 1:
        return _take_up(write, *next_changes(write.connection, CHANGES_LIMIT, LOTS_LIMIT))
    if waiting.is_claimed:
        return _take_up(write, waiting.change_keys, waiting.lot_keys)
    forget_changes(write, waiting.change_keys)
    return TakenUp(len(waiting.lot_keys), 0)


def take_up_of(write: Write, asset_keys: Int) -> TakenUp:
    """Takes up what waits of the lots that are these assets, before their turn."""
    return _take_up(write, *changes_of_assets(write.connection, asset_keys))


def _take_up(write: Write, change_keys: Int, lot_keys: Int) -> TakenUp:
    if not len(change_keys):
        return TakenUp(0, 0)
    tied_to = tied_lots(write.connection, lot_keys)
    told = [(tied, asset) for tied in tied_to if (asset := _as_told(tied)) is not None]
    open_findings(write, [_beyond_measure(tied) for tied, _ in told if _told(tied) > QUANTITY_LIMIT])
    open_findings(write, [_another_good(tied) for tied, _ in told if _is_another_good(tied)])
    write_quantities(write, told)
    forget_changes(write, change_keys)
    moved = np.array(sorted(tied.asset_key for tied, _ in told), dtype=np.int64)
    risen = np.array([tied.asset_key for tied, asset in told if _rises(tied.asset, asset)], dtype=np.int64)
    assets = np.union1d(moved, after_stock(write, lot_keys))
    if len(assets):
        relieved = loans_of_assets(write.connection, risen) if len(risen) else NO_KEYS
        recompute(write, assets=assets, relieved=relieved)
    return TakenUp(len(lot_keys), len(assets))


def _as_told(tied: TiedLot) -> Asset | None:
    """The asset with the quantity and grade of its lot; none when it says so already, or cannot."""
    lot = tied.asset.detail
    if not isinstance(lot, Inventory) or tied.asset.status == Status.RETIRED:
        return None
    if not _is_another_good(tied) and not alike(tied.unit, lot.unit):
        return None  # the owner's statement stays, unverified (commands/conservation.py)
    told = _told(tied)
    believed = told if told <= QUANTITY_LIMIT else Decimal(0)
    quantity = believed.quantize(Decimal(1).scaleb(-QUANTITY_DECIMALS), ROUND_DOWN).normalize()
    grade = lot.grade if _is_another_good(tied) else tied.grade or lot.grade
    if quantity == lot.quantity and grade == lot.grade:
        return None
    return replace(tied.asset, detail=replace(lot, quantity=quantity, grade=grade))


def _told(tied: TiedLot) -> Decimal:
    """What counts of the lot, in the unit of the asset; nothing of another good, nor where the units are unlike."""
    lot = tied.asset.detail
    if not isinstance(lot, Inventory) or _is_another_good(tied) or not alike(tied.unit, lot.unit):
        return Decimal(0)
    return Decimal(tied.counted) / MILLION * conversion_factor(tied.unit, lot.unit)


def _is_another_good(tied: TiedLot) -> bool:
    """Whether the warehouse tells that the lot is not what it was registered as."""
    return isinstance(tied.asset.detail, Inventory) and tied.good != tied.asset.detail.good


def _another_good(tied: TiedLot) -> Finding:
    """That a lot is told to hold another good: what is pledged is not there, and nothing of it counts."""
    asset_id, registered = tied.asset.asset_id, getattr(tied.asset.detail, "good", "")
    return Finding(
        kind=FindingKind.LOT_MISMATCH,
        severity=Severity.CRITICAL,
        fingerprint=f"another good {asset_id} {tied.good}",
        summary=f"the lot of assets/{asset_id}, registered as {registered}, is told to be {tied.good}: none counts",
        evidence={
            "asset": f"assets/{asset_id}",
            "registered": registered,
            "told": f"{plain_quantity(tied.counted, tied.unit)} of {tied.good}",
        },
        asset_key=tied.asset_key,
    )


def _beyond_measure(tied: TiedLot) -> Finding:
    """That a lot is told larger than any asset may be: a wrong unit, and nothing of it counts."""
    asset_id = tied.asset.asset_id
    return Finding(
        kind=FindingKind.LOT_MISMATCH,
        severity=Severity.CRITICAL,
        fingerprint=f"beyond measure {asset_id}",
        summary=f"the lot of assets/{asset_id} is told to be more than {QUANTITY_LIMIT:,.0f}: none of it counts",
        evidence={"asset": f"assets/{asset_id}", "told": plain_quantity(tied.counted, tied.unit)},
        asset_key=tied.asset_key,
    )


def _rises(before: Asset, after: Asset) -> bool:
    quantities = [asset.detail.quantity for asset in (before, after) if isinstance(asset.detail, Inventory)]
    return quantities[1] > quantities[0]
