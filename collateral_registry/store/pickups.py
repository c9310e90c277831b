"""Authorisations to fetch goods, and the issues that use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from collateral_registry.domain.days import date_at, day_of
from collateral_registry.domain.errors import AlreadyExists, NotFound
from collateral_registry.domain.facts import Int
from collateral_registry.domain.lending import PledgeState
from collateral_registry.domain.movements import MovementKind
from collateral_registry.domain.pickups import Pickup, PickupState
from collateral_registry.store.bulk import in_keys, insert_columns
from collateral_registry.store.database import Write
from collateral_registry.store.filters import Condition, conditions
from collateral_registry.store.pledge_tables import IssueMarkRow, PickupRow
from collateral_registry.store.stock_tables import LOT_IDENTITY, StockLotRow, StockMovementRow
from collateral_registry.store.tables import AssetRow, CommitRow, LoanCoverRow, LoanRow, PledgeRow

PICKUP_FILTERS = {
    "asset": AssetRow.asset_id,
    "loan": LoanRow.loan_id,
    "warehouse": AssetRow.place,
    "state": PickupRow.state,
}
"""Fields that a list of pick-ups can be filtered by."""

LEAVING_KINDS = (int(MovementKind.ISSUE), int(MovementKind.TRANSFER), int(MovementKind.CORRECTION))
"""Movements by which goods leave a lot; a correction where it says that more left."""


@dataclass(frozen=True)
class StoredPickup:
    """An authorisation with its keys, place and time."""

    key: int
    loan_key: int
    asset_key: int
    warehouse: str
    pickup: Pickup
    created_us: int


@dataclass(frozen=True)
class Issue:
    """Goods that left a lot which a standing pledge holds, not yet held against the authorisations."""

    movement_key: int
    movement_id: str
    lot_key: int
    warehouse: str
    lot: str
    unit: str
    left: int
    effective_us: int
    document: str
    asset_key: int
    asset_id: str


def insert_pickup(write: Write, pickup: Pickup, loan_key: int, asset_key: int) -> None:
    """Records an authorisation; raises AlreadyExists when the loan has one of that id."""
    taken = select(PickupRow.pickup_key).where(PickupRow.loan_key == loan_key, PickupRow.pickup_id == pickup.pickup_id)
    if write.connection.execute(taken).first() is not None:
        raise AlreadyExists(f"id {pickup.pickup_id}", f"loans/{pickup.loan_id}/pickups/{pickup.pickup_id}")
    values = {
        **_row(pickup),
        "pickup_id": pickup.pickup_id,
        "loan_key": loan_key,
        "asset_key": asset_key,
        "created_seq": write.seq,
        "updated_seq": write.seq,
    }
    write.connection.execute(insert(PickupRow).values(**values))


def update_pickup(write: Write, stored: StoredPickup, pickup: Pickup) -> StoredPickup:
    """Writes what became of an authorisation."""
    values = {**_row(pickup), "updated_seq": write.seq}
    write.connection.execute(update(PickupRow).where(PickupRow.pickup_key == stored.key).values(**values))
    return replace(stored, pickup=pickup)


def get_pickup(connection: Connection, loan_id: str, pickup_id: str) -> StoredPickup:
    """One authorisation; raises NotFound."""
    rows = _pickups(connection, [LoanRow.loan_id == loan_id, PickupRow.pickup_id == pickup_id], 1)
    if not rows:
        raise NotFound(f"loans/{loan_id}/pickups/{pickup_id}")
    return rows[0]


def list_pickups(connection: Connection, wanted: Sequence[Condition], after_key: int, limit: int) -> list[StoredPickup]:
    """A page of authorisations, oldest first."""
    return _pickups(connection, [*conditions(PICKUP_FILTERS, wanted), PickupRow.pickup_key > after_key], limit)


def pickups_of(connection: Connection, asset_keys: Int) -> dict[int, list[StoredPickup]]:
    """The authorisations of each asset that has any for issues to be held against, those that end first in front."""
    states = [int(PickupState.AUTHORISED), int(PickupState.EXPIRED)]
    wanted = in_keys(connection, PickupRow.asset_key, asset_keys)
    found: dict[int, list[StoredPickup]] = {}
    rows = _pickups(connection, [wanted, PickupRow.state.in_(states)], None)
    for row in sorted(rows, key=lambda row: (row.pickup.expire, row.key)):
        found.setdefault(row.asset_key, []).append(row)
    return found


def ended_pickups(connection: Connection, day: int) -> list[StoredPickup]:
    """The authorisations that stand although their last day has passed."""
    where = [PickupRow.state == int(PickupState.AUTHORISED), PickupRow.expire_day < day]
    return _pickups(connection, where, None)


def leaving_of(connection: Connection, asset_keys: Sequence[int]) -> dict[int, int]:
    """The millionths of each asset that may still be fetched."""
    wanted = in_keys(connection, PickupRow.asset_key, np.array(asset_keys, dtype=np.int64))
    statement = (
        select(PickupRow.asset_key, func.sum(PickupRow.quantity - PickupRow.taken))
        .where(wanted, PickupRow.state == int(PickupState.AUTHORISED))
        .group_by(PickupRow.asset_key)
    )
    return {row[0]: int(row[1]) for row in connection.execute(statement)}


def see_issues(write: Write, lot_keys: Int) -> list[Issue]:
    """Goods that left the lots since they were last looked at, where a pledge held them when it was told, in order.

    From now on they have been looked at. What becomes durable in the meantime, which READ COMMITTED shows to a later
    statement, waits for the next look: up to where is read first.
    """
    held = _held_lots(write.connection, lot_keys)
    if not held:
        return []
    keys = np.array(sorted(held), dtype=np.int64)
    newest = _newest_movements(write.connection, keys)
    issues = _unseen_issues(write.connection, keys, held, newest)
    _mark_seen(write, keys, newest)
    return issues


def _newest_movements(connection: Connection, keys: Int) -> dict[int, int]:
    """The key of the last movement of each lot, which rises with the commits: the warehouse's lock orders them."""
    statement = (
        select(StockMovementRow.lot_key, func.max(StockMovementRow.movement_key))
        .where(in_keys(connection, StockMovementRow.lot_key, keys))
        .group_by(StockMovementRow.lot_key)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def _unseen_issues(
    connection: Connection, keys: Int, held: Mapping[int, _HeldLot], newest: Mapping[int, int]
) -> list[Issue]:
    move, mark = StockMovementRow, func.coalesce(IssueMarkRow.movement_key, 0)
    told = (move.movement_key, move.movement_id, move.lot_key, -move.change, move.effective_us, move.document)
    statement = (
        select(*told, move.received_us)
        .outerjoin(IssueMarkRow, IssueMarkRow.lot_key == move.lot_key)
        .where(in_keys(connection, move.lot_key, keys), move.movement_key > mark)
        .where(move.kind.in_(LEAVING_KINDS), move.change < 0)
        .order_by(move.movement_key)
    )
    issues = []
    for movement_key, movement_id, lot_key, left, effective_us, document, received_us in connection.execute(statement):
        lot = held[lot_key]
        if received_us >= lot.since_us and movement_key <= newest.get(lot_key, 0):
            place = (lot_key, lot.warehouse, lot.lot, lot.unit)
            holder = (lot.asset_key, lot.asset_id)
            issues.append(Issue(movement_key, movement_id, *place, left, effective_us, document, *holder))
    return issues


@dataclass(frozen=True)
class _HeldLot:
    """A lot that is a pledged asset, and since when."""

    warehouse: str
    lot: str
    unit: str
    asset_key: int
    asset_id: str
    since_us: int


def _held_lots(connection: Connection, lot_keys: Int) -> dict[int, _HeldLot]:
    """Those of the lots that are assets which a standing pledge holds, by their keys."""
    lot = (StockLotRow.lot_key, StockLotRow.warehouse, StockLotRow.lot, StockLotRow.unit)
    tied = (
        select(*lot, AssetRow.asset_key, AssetRow.asset_id)
        .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
        .where(in_keys(connection, StockLotRow.lot_key, lot_keys))
    )
    found = connection.execute(tied).all()
    if not found:
        return {}
    since = _held_since(connection, np.array([row.asset_key for row in found], dtype=np.int64))
    return {
        row.lot_key: _HeldLot(row.warehouse, row.lot, row.unit, row.asset_key, row.asset_id, since[row.asset_key])
        for row in found
        if row.asset_key in since
    }


def _held_since(connection: Connection, asset_keys: Int) -> dict[int, int]:
    """When the first standing pledge of each asset that has one became known, in microseconds."""
    statement = (
        select(PledgeRow.asset_key, func.min(CommitRow.known_us))
        .join(CommitRow, CommitRow.seq == PledgeRow.created_seq)
        .where(PledgeRow.state == int(PledgeState.ACTIVE), in_keys(connection, PledgeRow.asset_key, asset_keys))
        .group_by(PledgeRow.asset_key)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def _mark_seen(write: Write, lot_keys: Int, newest: Mapping[int, int]) -> None:
    """Notes up to which movement each lot was looked at."""
    write.connection.execute(delete(IssueMarkRow).where(in_keys(write.connection, IssueMarkRow.lot_key, lot_keys)))
    marks = {"lot_key": list(newest), "movement_key": list(newest.values())}
    insert_columns(write.connection, IssueMarkRow, marks, len(newest))


def peak_exposure(connection: Connection, loan_key: int, since_seq: int) -> int:
    """The most that was owed on a loan in the judgements from a commit on, in minor units."""
    statement = select(func.coalesce(func.max(LoanCoverRow.exposure_minor), 0)).where(
        LoanCoverRow.loan_key == loan_key, LoanCoverRow.seq >= since_seq
    )
    return int(connection.execute(statement).scalar_one())


def _pickups(connection: Connection, where: Sequence[Any], limit: int | None) -> list[StoredPickup]:
    statement = (
        select(PickupRow.__table__, AssetRow.asset_id, AssetRow.place, LoanRow.loan_id, CommitRow.known_us)
        .join(AssetRow, AssetRow.asset_key == PickupRow.asset_key)
        .join(LoanRow, LoanRow.loan_key == PickupRow.loan_key)
        .join(CommitRow, CommitRow.seq == PickupRow.created_seq)
        .where(*where)
        .order_by(PickupRow.pickup_key)
        .limit(limit)
    )
    return [
        StoredPickup(
            row.pickup_key,
            row.loan_key,
            row.asset_key,
            row.place,
            Pickup(
                row.pickup_id,
                row.loan_id,
                row.asset_id,
                row.quantity,
                row.unit,
                date_at(row.expire_day),
                row.taken,
                PickupState(row.state),
                row.note,
            ),
            row.known_us,
        )
        for row in connection.execute(statement)
    ]


def _row(pickup: Pickup) -> dict[str, Any]:
    return {
        "quantity": pickup.quantity,
        "taken": pickup.taken,
        "unit": pickup.unit,
        "expire_day": day_of(pickup.expire),
        "state": int(pickup.state),
        "note": pickup.note,
    }
