"""Goods that left lots which a standing pledge holds, each movement looked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Delete,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
)

from collateral_registry.domain.loans.agreements import PledgeState
from collateral_registry.domain.stock.movements import MovementKind
from collateral_registry.store.engine.bulk import insert_columns, summed, wide_sum
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import Among, Shape, among, listed_keys, listed_records, record_rows
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import PledgeRow
from collateral_registry.store.schema.stock import LOT_IDENTITY, IssueWatermarkRow, StockLotRow, StockMovementRow
from collateral_registry.store.stock.pending_lots import note_lots
from valuation._typing import Int

ISSUES_LIMIT = 10_000
"""Issues told one by one in one commit."""

LEAVING_KINDS = (int(MovementKind.ISSUE), int(MovementKind.TRANSFER), int(MovementKind.CORRECTION))
"""Movements by which goods leave a lot; a correction where it says that more left."""


_NOTHING: ColumnElement[int] = literal_column("0")
"""As the index of what left a lot has it: a bound parameter would not use it."""


@dataclass(frozen=True)
class PledgedLot:
    """A lot that is a pledged asset, and since when."""

    key: int
    warehouse: str
    lot: str
    unit: str
    asset_key: int
    asset_id: str
    since_us: int


@dataclass(frozen=True)
class Issue:
    """A movement by which goods left a lot: how much, in millionths of the lot's unit."""

    movement_key: int
    movement_id: str
    document: str
    quantity: int
    effective_us: int


@dataclass(frozen=True)
class IssueTotal:
    """All that left a lot since it was last looked at: by how many movements, how much, and when."""

    lot: PledgedLot
    movements: int
    quantity: int
    first: Issue
    last: Issue
    earliest_us: int
    latest_us: int


def held_lots(connection: Connection, lot_keys: Int) -> list[PledgedLot]:
    """Those of the lots that are assets which a standing pledge holds."""
    wanted, named = among(connection, lot_keys)
    found = connection.execute(_tied(wanted), named).all()
    since = _held_since(connection, np.array([row.asset_key for row in found], dtype=np.int64)) if found else {}
    return [
        PledgedLot(row.lot_key, row.warehouse, row.lot, row.unit, row.asset_key, row.asset_id, since[row.asset_key])
        for row in found
        if row.asset_key in since
    ]


@cache
def _tied(wanted: Among) -> Select[Any]:
    lot = (StockLotRow.lot_key, StockLotRow.warehouse, StockLotRow.lot, StockLotRow.unit)
    return (
        select(*lot, AssetRow.asset_key, AssetRow.asset_id)
        .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
        .where(wanted(StockLotRow.lot_key))
    )


def unprocessed_issue_totals(write: Write, lots: Sequence[PledgedLot]) -> list[IssueTotal]:
    """What left each lot, where anything did, since it was last looked at and a pledge has held it.

    From now on it has been looked at. The keys of a lot's movements rise with the commits, for the warehouse's lock
    orders them, so what becomes durable in the meantime comes after the last one seen.
    """
    wanted, named = _asked(write.connection, lots)
    rows = write.connection.execute(_left(wanted), named).all()
    _mark_seen(write, {row.lot_key: row.last for row in rows})
    issues = _issues(
        write.connection, np.unique([key for row in rows for key in (row.first, row.last)]).astype(np.int64)
    )
    lot_of = {lot.key: lot for lot in lots}
    return [
        IssueTotal(
            lot_of[row.lot_key],
            row.movements,
            summed(row.quantity_millions, row.quantity_rest),
            issues[row.first],
            issues[row.last],
            row.earliest,
            row.latest,
        )
        for row in rows
    ]


@cache
def _left(wanted: Among) -> Select[Any]:
    """What left each lot, summed."""
    move = StockMovementRow
    first, last = func.min(move.movement_key).label("first"), func.max(move.movement_key).label("last")
    times = (func.min(move.effective_us).label("earliest"), func.max(move.effective_us).label("latest"))
    sums = (func.count().label("movements"), *wide_sum("quantity", -move.change))
    return _unseen(wanted, move.lot_key, first, last, *times, *sums).group_by(move.lot_key)


def unprocessed_issues(write: Write, lots: Sequence[PledgedLot]) -> list[tuple[PledgedLot, Issue]]:
    """The same movement by movement, in order: at most ISSUES_LIMIT; where more may wait, the lots are noted again."""
    wanted, named = _asked(write.connection, lots)
    rows = write.connection.execute(_left_each(wanted), {**named, "most": ISSUES_LIMIT}).all()
    if len(rows) == ISSUES_LIMIT:
        note_lots(write, np.array([lot.key for lot in lots], dtype=np.int64))
    _mark_seen(write, {row.lot_key: row.movement_key for row in rows})
    lot_of = {lot.key: lot for lot in lots}
    return [(lot_of[row.lot_key], Issue(*row[1:])) for row in rows]


@cache
def _left_each(wanted: Among) -> Select[Any]:
    """What left each lot, movement by movement."""
    each = _unseen(wanted, StockMovementRow.lot_key, *_issue_columns())
    return each.order_by(StockMovementRow.movement_key).limit(bindparam("most"))


def _unseen(wanted: Among, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns and their sums
    """Movements by which goods left the lots, which are records too, since they were last looked at and pledged."""
    move, held = StockMovementRow, record_rows(wanted.dialect, {"lot_key": BigInteger, "since_us": BigInteger})
    return (
        select(*columns)
        .select_from(held)
        .outerjoin(IssueWatermarkRow, IssueWatermarkRow.lot_key == held.c.lot_key)
        .join(move, move.lot_key == held.c.lot_key)
        .where(
            move.movement_key > func.coalesce(IssueWatermarkRow.movement_key, 0), move.received_us >= held.c.since_us
        )
        .where(move.kind.in_(LEAVING_KINDS), move.change < _NOTHING, wanted(move.lot_key))
    )


def _asked(connection: Connection, lots: Sequence[PledgedLot]) -> tuple[Among, dict[str, Any]]:
    dialect, keys = connection.dialect.name, np.array(sorted(lot.key for lot in lots), dtype=np.int64)
    # A list also where the keys are a range: PostgreSQL would read all that ever left the lots of the range.
    listed = {**listed_keys(dialect, keys), "records": listed_records((lot.key, lot.since_us) for lot in lots)}
    return Among(dialect, Shape.LISTED), listed


def _issue_columns() -> tuple[Any, ...]:
    move = StockMovementRow
    return (move.movement_key, move.movement_id, move.document, -move.change, move.effective_us)


def _issues(connection: Connection, keys: Int) -> dict[int, Issue]:
    wanted, named = among(connection, keys)
    return {row[0]: Issue(*row) for row in connection.execute(_issues_of(wanted), named)}


@cache
def _issues_of(wanted: Among) -> Select[Any]:
    return select(*_issue_columns()).where(wanted(StockMovementRow.movement_key))


def _held_since(connection: Connection, asset_keys: Int) -> dict[int, int]:
    """When the first standing pledge of each asset that has one became known, in microseconds."""
    wanted, named = among(connection, asset_keys)
    return {row[0]: row[1] for row in connection.execute(_first_pledges(wanted), named)}


@cache
def _first_pledges(wanted: Among) -> Select[Any]:
    return (
        select(PledgeRow.asset_key, func.min(CommitRow.known_us))
        .join(CommitRow, CommitRow.seq == PledgeRow.created_seq)
        .where(PledgeRow.state == int(PledgeState.ACTIVE), wanted(PledgeRow.asset_key))
        .group_by(PledgeRow.asset_key)
    )


def _mark_seen(write: Write, last: Mapping[int, int]) -> None:
    """Notes up to which movement each lot was looked at."""
    before, named = among(write.connection, np.array(sorted(last), dtype=np.int64))
    write.connection.execute(_marks_before(before), named)
    marks = {"lot_key": list(last), "movement_key": list(last.values())}
    insert_columns(write.connection, IssueWatermarkRow, marks, len(last))


@cache
def _marks_before(before: Among) -> Delete:
    return delete(IssueWatermarkRow).where(before(IssueWatermarkRow.lot_key))
