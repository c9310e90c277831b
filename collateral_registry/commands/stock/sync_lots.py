"""Take up stock that has moved: quantity → value → cover → breach, by the one path, for many lots at once.

A lot that moved a thousand times since it was last looked at is taken up once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

import numpy as np

from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.commands.pipeline.recompute import NO_KEYS
from collateral_registry.commands.stock.outgoing_movements import touch_moved_lots
from collateral_registry.domain.assets.kinds import QUANTITY_DECIMALS, QUANTITY_LIMIT, Asset, Inventory, Status
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import plain_quantity
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.shared.units import alike, conversion_factor
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.pledges import loans_of_assets
from collateral_registry.store.stock.claims_by_place import Place, claimed_among, places_of_lots
from collateral_registry.store.stock.pending_lots import (
    LinkedAsset,
    ReportedLot,
    changes_of_assets,
    changes_of_lots,
    delete_changes,
    linked_assets,
    pending_changes,
    registered_lots,
    reported_lots,
    write_quantities,
)
from valuation._typing import Int

LOTS_LIMIT = 100
"""Lots taken up by one commit while no stock comes in, where their places have no more lots than that: the others of a
place are weighed with them."""

LOTS_LIMIT_DURING_INTAKE = 25
"""The same while stock comes in, which on SQLite waits meanwhile: 10 ms whatever their number, and as much for them."""

CHANGES_LIMIT = 20_000
"""Changes looked at to choose the lots of one commit, each of which is then taken up once for all of its changes."""


@dataclass(frozen=True)
class SyncResult:
    """How many changes are done with, and how many assets have another quantity or value."""

    changes: int
    assets: int


@dataclass(frozen=True)
class PendingLots:
    """Stock that waits to be taken up, as of a commit: lots [l], their changes [c], and the assets that they are.

    ``unclaimed_keys`` [u] are changes of other lots, of which the book claims nothing.
    """

    seq: int
    lot_keys: Int
    change_keys: Int
    assets: Sequence[LinkedAsset]
    unclaimed_keys: Int


@dataclass(frozen=True)
class _LinkedLot:
    """An asset and what is told of the lot that it is."""

    own: LinkedAsset
    told: ReportedLot


def find_pending_lots(connection: Connection, lots_limit: int = LOTS_LIMIT) -> PendingLots | None:
    """The stock that has waited longest; none when none waits. A read on one snapshot: nobody waits for it.

    The lots of a place are taken up together, because what is claimed of a place is weighed as a whole.
    """
    change_keys, lot_of_change = pending_changes(connection, CHANGES_LIMIT)
    if not len(change_keys):
        return None
    lots = np.unique(lot_of_change)
    place_of, registered = places_of_lots(connection, lots), {*registered_lots(connection, lots).tolist()}
    claimed = claimed_among(connection, {*place_of.values()})
    ours = {lot for lot, place in place_of.items() if place in claimed or lot in registered}
    taken = _longest_waiting([lot for lot in lot_of_change.tolist() if lot in ours], place_of, lots_limit)
    return PendingLots(
        seq=newest_commit(connection)[0],
        lot_keys=taken,
        change_keys=changes_of_lots(connection, taken),
        assets=linked_assets(connection, taken),
        unclaimed_keys=change_keys[~np.isin(lot_of_change, list(ours))],
    )


def _longest_waiting(lots: Sequence[int], place_of: Mapping[int, Place], limit: int) -> Int:
    """The first of the lots, by whole places as far as the limit allows; each once, in order of their keys."""
    of_place: dict[Place, dict[int, None]] = {}
    for lot in lots:
        of_place.setdefault(place_of[lot], {})[lot] = None
    taken: list[int] = []
    for together in of_place.values():
        if taken and len(taken) + len(together) > limit:
            break
        taken += together
    return np.sort(np.array(taken[:limit], dtype=np.int64))


def sync_pending_lots(write: Write, pending: PendingLots) -> SyncResult:
    """Takes up the stock that waits, and values and judges what depends on it.

    Where the book claims nothing of a lot, it is done with: whoever registers it later looks at it then. Where the book
    has changed since it looked, it looks again, for few lots, because writers wait: others may have taken lots up, and
    their keys may be of newer changes.
    """
    if write.seq == pending.seq + 1:
        return _sync(write, pending)
    again = find_pending_lots(write.connection, LOTS_LIMIT_DURING_INTAKE)
    return SyncResult(0, 0) if again is None else _sync(write, again)


def sync_lots_of(write: Write, asset_keys: Int) -> SyncResult:
    """Applies the pending stock of the lots of these assets, ahead of the queue."""
    change_keys, lot_of_change = changes_of_assets(write.connection, asset_keys)
    lots = np.unique(lot_of_change)
    linked = linked_assets(write.connection, lots)
    return _sync(write, PendingLots(write.seq - 1, lots, change_keys, linked, NO_KEYS))


def _sync(write: Write, pending: PendingLots) -> SyncResult:
    done = np.union1d(pending.change_keys, pending.unclaimed_keys)
    delete_changes(write, done)
    changes = len(done)
    if not len(pending.lot_keys):
        return SyncResult(changes, 0)
    told = reported_lots(write.connection, pending.lot_keys)
    tied_to = [_LinkedLot(one, told[one.lot_key]) for one in pending.assets if one.lot_key in told]
    changed = [(tied, asset) for tied in tied_to if (asset := _as_told(tied)) is not None]
    open_findings(write, [_beyond_measure(tied) for tied, _ in changed if _reported(tied) > QUANTITY_LIMIT])
    open_findings(write, [_another_good(tied) for tied, _ in changed if _is_another_good(tied)])
    write_quantities(write, [(tied.own, asset) for tied, asset in changed])
    write.touched.add(assets=[tied.own.asset_key for tied, _ in changed])
    risen = [tied.own.asset_key for tied, asset in changed if _rises(tied.own.asset, asset)]
    if risen:
        write.touched.add(collateral_added=loans_of_assets(write.connection, np.array(risen, dtype=np.int64)))
    touch_moved_lots(write, pending.lot_keys)
    return SyncResult(changes, len(changed))


def _as_told(tied: _LinkedLot) -> Asset | None:
    """The asset with the quantity and grade of its lot; none when it says so already, or cannot."""
    lot = tied.own.asset.detail
    if not isinstance(lot, Inventory) or tied.own.asset.status == Status.RETIRED:
        return None
    if not _is_another_good(tied) and not alike(tied.told.unit, lot.unit):
        return None  # the owner's statement stays, unverified (commands/pipeline/over_pledging.py)
    told = _reported(tied)
    believed = told if told <= QUANTITY_LIMIT else Decimal(0)
    quantity = believed.quantize(Decimal(1).scaleb(-QUANTITY_DECIMALS), ROUND_DOWN).normalize()
    grade = lot.grade if _is_another_good(tied) else tied.told.grade or lot.grade
    if quantity == lot.quantity and grade == lot.grade:
        return None
    return replace(tied.own.asset, detail=replace(lot, quantity=quantity, grade=grade))


def _reported(tied: _LinkedLot) -> Decimal:
    """What counts of the lot, in the unit of the asset; nothing of another good, nor where the units are unlike."""
    lot = tied.own.asset.detail
    if not isinstance(lot, Inventory) or _is_another_good(tied) or not alike(tied.told.unit, lot.unit):
        return Decimal(0)
    return Decimal(tied.told.counted) / MILLION * conversion_factor(tied.told.unit, lot.unit)


def _is_another_good(tied: _LinkedLot) -> bool:
    """Whether the warehouse tells that the lot is not what it was registered as."""
    return isinstance(tied.own.asset.detail, Inventory) and tied.told.good != tied.own.asset.detail.good


def _another_good(tied: _LinkedLot) -> Finding:
    """That a lot is told to hold another good: what is pledged is not there, and nothing of it counts."""
    asset_id, registered = tied.own.asset.asset_id, getattr(tied.own.asset.detail, "good", "")
    told = tied.told
    return Finding(
        kind=FindingKind.LOT_MISMATCH,
        severity=Severity.CRITICAL,
        fingerprint=f"another good {asset_id} {told.good}",
        summary=f"the lot of assets/{asset_id}, registered as {registered}, is told to be {told.good}: none counts",
        evidence={
            "asset": f"assets/{asset_id}",
            "registered": registered,
            "told": f"{plain_quantity(told.counted, told.unit)} of {told.good}",
        },
        asset_key=tied.own.asset_key,
    )


def _beyond_measure(tied: _LinkedLot) -> Finding:
    """That a lot is told larger than any asset may be: a wrong unit, and nothing of it counts."""
    asset_id = tied.own.asset.asset_id
    return Finding(
        kind=FindingKind.LOT_MISMATCH,
        severity=Severity.CRITICAL,
        fingerprint=f"beyond measure {asset_id}",
        summary=f"the lot of assets/{asset_id} is told to be more than {QUANTITY_LIMIT:,.0f}: none of it counts",
        evidence={"asset": f"assets/{asset_id}", "told": plain_quantity(tied.told.counted, tied.told.unit)},
        asset_key=tied.own.asset_key,
    )


def _rises(before: Asset, after: Asset) -> bool:
    quantities = [asset.detail.quantity for asset in (before, after) if isinstance(asset.detail, Inventory)]
    return quantities[1] > quantities[0]
