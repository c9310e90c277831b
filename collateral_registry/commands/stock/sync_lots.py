"""Applies pending stock changes: updates quantities and marks the assets to be revalued, many lots at a time.

A lot with many pending changes is processed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor

import numpy as np

from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.commands.pipeline.recompute import NO_KEYS
from collateral_registry.commands.stock.outgoing_movements import link_moved_goods, touch_moved_lots
from collateral_registry.commands.stock.reserves import compare_again
from collateral_registry.commands.stock.warehouse_score import rescore
from collateral_registry.domain.assets.kinds import QUANTITY_DECIMALS, QUANTITY_LIMIT, Asset, Inventory, Status
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import plain_quantity
from collateral_registry.domain.shared.quantities import MILLION, plain
from collateral_registry.domain.shared.units import alike, conversion_factor
from collateral_registry.domain.stock.holdings import Holdings
from collateral_registry.store.audit.links import note_heads
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.pledges import loans_of_assets
from collateral_registry.store.schema.stock import StockFeedRow
from collateral_registry.store.stock.claims_by_place import Place, claimed_among, places_of_lots
from collateral_registry.store.stock.counts import counted_since
from collateral_registry.store.stock.lot_links import holdings_of
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
"""Largest number of lots in one commit while no stock arrives."""

LOTS_LIMIT_DURING_INTAKE = 25
"""Largest number of lots in one commit while stock arrives. It is small because SQLite blocks the intake during the
commit."""

CHANGES_LIMIT = 20_000
"""Number of pending changes that are read to choose the lots of one commit. A lot is processed once for all of its
changes."""


@dataclass(frozen=True)
class SyncResult:
    """Number of changes removed from the queue, and number of assets whose quantity or grade changed."""

    changes: int
    assets: int


@dataclass(frozen=True)
class PendingLots:
    """Pending stock as of commit ``seq``: lots [l], their changes, and the assets registered as these lots.

    ``unclaimed_keys`` [u] are the changes of lots that no asset claims and whose counts stay as they are.
    """

    seq: int
    lot_keys: Int
    changes: Columns
    assets: Sequence[LinkedAsset]
    unclaimed_keys: Int


@dataclass(frozen=True)
class _LinkedLot:
    """An asset and the reported state of its stock lot."""

    own: LinkedAsset
    reported: ReportedLot


def find_pending_lots(connection: Connection, lots_limit: int = LOTS_LIMIT) -> PendingLots | None:
    """Returns the lots whose changes have been pending longest; None if no change is pending. Takes no lock.

    Lots in one place are processed together, because the claims on a place are reconciled as a whole.
    """
    oldest = pending_changes(connection, CHANGES_LIMIT)
    change_keys, lot_of_change = oldest["change_key"], oldest["lot_key"]
    if not len(change_keys):
        return None
    lots = np.unique(lot_of_change)
    place_of, registered = places_of_lots(connection, lots), {*registered_lots(connection, lots).tolist()}
    claimed = claimed_among(connection, {*place_of.values()})
    claimed_lots = {lot for lot, place in place_of.items() if place in claimed or lot in registered}
    claimed_lots |= counted_since(connection, lot_of_change, oldest["since_us"]).keys()
    chosen = _longest_pending([lot for lot in lot_of_change.tolist() if lot in claimed_lots], place_of, lots_limit)
    return PendingLots(
        seq=newest_commit(connection)[0],
        lot_keys=chosen,
        changes=changes_of_lots(connection, chosen),
        assets=linked_assets(connection, chosen),
        unclaimed_keys=change_keys[~np.isin(lot_of_change, list(claimed_lots))],
    )


def _longest_pending(lots: Sequence[int], place_of: Mapping[int, Place], limit: int) -> Int:
    """Returns the lots that have been pending longest, sorted by key.

    All lots of a place are taken together. Only a single place with more lots than the limit is divided.
    """
    of_place: dict[Place, dict[int, None]] = {}
    for lot in lots:
        of_place.setdefault(place_of[lot], {})[lot] = None
    chosen: list[int] = []
    for lots_of_place in of_place.values():
        if chosen and len(chosen) + len(lots_of_place) > limit:
            break
        chosen += lots_of_place
    return np.sort(np.array(chosen[:limit], dtype=np.int64))


def sync_pending_lots(write: Write, pending: PendingLots) -> SyncResult:
    """Applies pending stock, and marks the assets and loans that depend on it as touched.

    Lots to which no asset refers are dropped from the queue. Registering an asset queues its lot again.
    """
    if write.seq == pending.seq + 1:
        return _sync(write, pending)
    # Another commit followed the snapshot and may have processed these lots. Select again under the write lock, in a
    # small batch because it blocks other writers.
    again = find_pending_lots(write.connection, LOTS_LIMIT_DURING_INTAKE)
    return SyncResult(0, 0) if again is None else _sync(write, again)


def sync_lots_of(write: Write, asset_keys: Int) -> SyncResult:
    """Applies the pending stock of the lots of these assets, ahead of the queue."""
    changes = changes_of_assets(write.connection, asset_keys)
    lots = np.unique(changes["lot_key"])
    linked = linked_assets(write.connection, lots)
    return _sync(write, PendingLots(write.seq - 1, lots, changes, linked, NO_KEYS))


def _sync(write: Write, pending: PendingLots) -> SyncResult:
    done = np.union1d(pending.changes["change_key"], pending.unclaimed_keys)
    delete_changes(write, done)
    changes = len(done)
    if changes:
        note_heads(write.connection, write.facts, StockFeedRow)
    if not len(pending.lot_keys):
        return SyncResult(changes, 0)
    _hold_against_counts(write, pending.changes)
    lots, assets = pending.lot_keys, pending.assets
    new_links = link_moved_goods(write, lots)
    if len(new_links):
        lots = np.union1d(lots, new_links)
        assets = linked_assets(write.connection, lots)
    held = holdings_of(write.connection, np.array([one.asset_key for one in assets], dtype=np.int64), lots)
    linked = _with_reports(write.connection, assets, held)
    changed = [(lot, asset) for lot in linked if (asset := _with_reported_state(lot)) is not None]
    open_findings(write, [_too_large(lot) for lot, _ in changed if _reported_quantity(lot) > QUANTITY_LIMIT])
    open_findings(write, [_another_good(lot) for lot, _ in changed if _is_another_good(lot)])
    write_quantities(write, [(lot.own, asset) for lot, asset in changed])
    write.touched.add(assets=[lot.own.asset_key for lot, _ in changed])
    risen = [lot.own.asset_key for lot, asset in changed if _rises(lot.own.asset, asset)]
    if risen:
        write.touched.add(collateral_added=loans_of_assets(write.connection, np.array(risen, dtype=np.int64)))
    touch_moved_lots(write, lots, held)
    return SyncResult(changes, len(changed))


def _with_reports(connection: Connection, assets: Sequence[LinkedAsset], held: Holdings) -> list[_LinkedLot]:
    """Returns the assets whose registered lots are reported, with the reported quantity of each."""
    reported = reported_lots(connection, np.array(sorted({one.lot_key for one in assets}), dtype=np.int64))
    return [
        _LinkedLot(one, replace(lot, counted=held.of_asset.get(one.asset_key, lot.counted)))
        for one in assets
        if (lot := reported.get(one.lot_key)) is not None
    ]


def _hold_against_counts(write: Write, changes: Columns) -> None:
    """Compares the counts of lots again that have movements about times before these counts."""
    counted = counted_since(write.connection, changes["lot_key"], changes["since_us"])
    if not counted:
        return
    policy = policy_in_force(write.connection, write.market_day).policy
    for warehouse in sorted(compare_again(write, counted)):
        write.touched.add(assets=rescore(write, warehouse, policy))


def _with_reported_state(linked: _LinkedLot) -> Asset | None:
    """Returns the asset with the reported quantity and grade; None if nothing changes or the report does not apply."""
    lot = linked.own.asset.detail
    if not isinstance(lot, Inventory) or linked.own.asset.status == Status.RETIRED:
        return None
    if not _is_another_good(linked) and not alike(linked.reported.unit, lot.unit):
        return None  # the declared quantity stays, unverified (commands/pipeline/over_pledging.py)
    reported = _reported_quantity(linked)
    accepted = reported if reported <= QUANTITY_LIMIT else Decimal(0)
    quantity = plain(accepted)
    grade = lot.grade if _is_another_good(linked) else linked.reported.grade or lot.grade
    if quantity == lot.quantity and grade == lot.grade:
        return None
    return replace(linked.own.asset, detail=replace(lot, quantity=quantity, grade=grade))


def _reported_quantity(linked: _LinkedLot) -> Decimal:
    """Returns the counted quantity in the asset's unit, rounded down; 0 for another good or an incompatible unit."""
    lot = linked.own.asset.detail
    if not isinstance(lot, Inventory) or _is_another_good(linked) or not alike(linked.reported.unit, lot.unit):
        return Decimal(0)
    exact = Fraction(linked.reported.counted, MILLION) * conversion_factor(linked.reported.unit, lot.unit)
    return Decimal(floor(exact * 10**QUANTITY_DECIMALS)).scaleb(-QUANTITY_DECIMALS)


def _is_another_good(linked: _LinkedLot) -> bool:
    """Returns whether the warehouse reports a good that is not the registered one."""
    return isinstance(linked.own.asset.detail, Inventory) and linked.reported.good != linked.own.asset.detail.good


def _another_good(linked: _LinkedLot) -> Finding:
    """Builds the finding for a lot that is reported to hold another good. None of the quantity counts."""
    asset_id, registered = linked.own.asset.asset_id, getattr(linked.own.asset.detail, "good", "")
    reported = linked.reported
    return Finding(
        kind=FindingKind.LOT_MISMATCH,
        severity=Severity.CRITICAL,
        fingerprint=f"another good {asset_id} {reported.good}",
        summary=f"the lot of assets/{asset_id}, registered as {registered}, is reported as {reported.good}: none of "
        "it counts",
        evidence={
            "asset": f"assets/{asset_id}",
            "registered": registered,
            "reported": f"{plain_quantity(reported.counted, reported.unit)} of {reported.good}",
        },
        asset_key=linked.own.asset_key,
    )


def _too_large(linked: _LinkedLot) -> Finding:
    """Builds the finding for a reported quantity above the limit of an asset.

    Such a quantity suggests a wrong unit, so none of it counts.
    """
    asset_id, reported = linked.own.asset.asset_id, linked.reported
    return Finding(
        kind=FindingKind.LOT_MISMATCH,
        severity=Severity.CRITICAL,
        fingerprint=f"beyond measure {asset_id}",
        summary=f"the lot of assets/{asset_id} is reported as more than {QUANTITY_LIMIT:,.0f}: none of it counts",
        evidence={"asset": f"assets/{asset_id}", "reported": plain_quantity(reported.counted, reported.unit)},
        asset_key=linked.own.asset_key,
    )


def _rises(before: Asset, after: Asset) -> bool:
    """Returns whether the quantity of the lot increased."""
    quantities = [asset.detail.quantity for asset in (before, after) if isinstance(asset.detail, Inventory)]
    return quantities[1] > quantities[0]
