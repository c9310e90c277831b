"""Finds the movements by which goods left lots under an active pledge; each movement is found once.

A watermark for each lot (``IssueWatermarkRow``) records the last movement that has been processed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, delete, func, literal_column, select

from collateral_registry.domain.loans.agreements import PledgeState
from collateral_registry.domain.stock.movements import MovementKind
from collateral_registry.store.engine.bulk import insert_columns, summed, wide_sum
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, RecordSet, is_one_of
from collateral_registry.store.engine.rows import from_row
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import PledgeRow
from collateral_registry.store.schema.stock import LOT_IDENTITY, IssueWatermarkRow, StockLotRow, StockMovementRow
from collateral_registry.store.stock.pending_lots import queue_lots
from valuation._typing import Int

ISSUES_LIMIT = 10_000
"""Largest number of issues that are processed one by one in one commit."""

LEAVING_KINDS = (int(MovementKind.ISSUE), int(MovementKind.TRANSFER), int(MovementKind.CORRECTION))
"""Kinds of movements by which goods leave a lot; a correction is one if it states that more goods left."""


_NOTHING: ColumnElement[int] = literal_column("0")
"""A literal, because the condition of the partial index ``stock_movement_left`` would not match a bound parameter."""


@dataclass(frozen=True)
class PledgedLot:
    """A lot registered as a pledged asset, and the time of its first active pledge."""

    key: int
    warehouse: str
    lot: str
    unit: str
    asset_key: int
    asset_id: str
    since_us: int


@dataclass(frozen=True)
class Issue:
    """A movement by which goods left a lot; the quantity is in millionths of the lot's unit."""

    movement_key: int
    movement_id: str
    document: str
    quantity: int
    effective_us: int


@dataclass(frozen=True)
class IssueTotal:
    """Totals of the unprocessed issues of a lot: their number and quantity, and the first and last with their times."""

    lot: PledgedLot
    movements: int
    quantity: int
    first: Issue
    last: Issue
    earliest_us: int
    latest_us: int


def pledged_lots(connection: Connection, lot_keys: Int) -> list[PledgedLot]:
    """Returns the lots among ``lot_keys`` that are registered as assets with an active pledge."""
    rows = connection.execute(_REGISTERED_LOTS, {"keys": lot_keys}).all()
    pledges = connection.execute(_FIRST_PLEDGES, {"keys": [row.asset_key for row in rows]}) if rows else ()
    since = {row[0]: row[1] for row in pledges}
    return [
        from_row(PledgedLot, row, key=row.lot_key, since_us=since[row.asset_key])
        for row in rows
        if row.asset_key in since
    ]


_LOT = (StockLotRow.lot_key, StockLotRow.warehouse, StockLotRow.lot, StockLotRow.unit)
_REGISTERED_LOTS = (
    select(*_LOT, AssetRow.asset_key, AssetRow.asset_id)
    .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)


def unprocessed_issue_totals(write: Write, lots: Sequence[PledgedLot]) -> list[IssueTotal]:
    """Returns the totals of the unprocessed issues of each lot that has any, and advances the watermarks.

    The keys of a lot's movements increase in the order of their commits, because the lock of the warehouse serialises
    them. A movement that becomes durable later therefore has a key above the watermark.
    """
    rows = write.connection.execute(_ISSUE_TOTALS, _parameters(lots)).all()
    _set_watermarks(write, {row.lot_key: row.last for row in rows})
    issues = _issues(write.connection, sorted({key for row in rows for key in (row.first, row.last)}))
    lot_of = {lot.key: lot for lot in lots}
    return [
        from_row(
            IssueTotal,
            row,
            lot=lot_of[row.lot_key],
            quantity=summed(row.quantity_millions, row.quantity_rest),
            first=issues[row.first],
            last=issues[row.last],
        )
        for row in rows
    ]


_PLEDGED = RecordSet({"lot_key": BigInteger, "since_us": BigInteger}).rows
_MOVE = StockMovementRow
_ISSUE = (_MOVE.movement_key, _MOVE.movement_id, _MOVE.document, -_MOVE.change, _MOVE.effective_us)


def _unprocessed(*columns: ColumnElement[Any]) -> Select[Any]:
    """Selects movements by which goods left the lots; they follow the watermark and the first pledge of their lot."""
    return (
        select(*columns)
        .select_from(_PLEDGED)
        .outerjoin(IssueWatermarkRow, IssueWatermarkRow.lot_key == _PLEDGED.c.lot_key)
        .join(_MOVE, _MOVE.lot_key == _PLEDGED.c.lot_key)
        .where(
            _MOVE.movement_key > func.coalesce(IssueWatermarkRow.movement_key, 0),
            _MOVE.received_us >= _PLEDGED.c.since_us,
            _MOVE.kind.in_(LEAVING_KINDS),
            _MOVE.change < _NOTHING,
            # The lots are repeated, because PostgreSQL cannot estimate how many records a JSON list has.
            is_one_of(_MOVE.lot_key, KEYS),
        )
    )


def _parameters(lots: Sequence[PledgedLot]) -> dict[str, Any]:
    return {"keys": [lot.key for lot in lots], "records": [(lot.key, lot.since_us) for lot in lots]}


_ISSUE_TOTALS = _unprocessed(
    _MOVE.lot_key,
    func.min(_MOVE.movement_key).label("first"),
    func.max(_MOVE.movement_key).label("last"),
    func.min(_MOVE.effective_us).label("earliest_us"),
    func.max(_MOVE.effective_us).label("latest_us"),
    func.count().label("movements"),
    *wide_sum("quantity", -_MOVE.change),
).group_by(_MOVE.lot_key)

_EACH_ISSUE = _unprocessed(_MOVE.lot_key, *_ISSUE).order_by(_MOVE.movement_key).limit(bindparam("most"))


def unprocessed_issues(write: Write, lots: Sequence[PledgedLot]) -> list[tuple[PledgedLot, Issue]]:
    """Returns the unprocessed issues one by one, in order, and advances the watermarks.

    At most ISSUES_LIMIT issues are returned; if there may be more, the lots are queued again.
    """
    rows = write.connection.execute(_EACH_ISSUE, {**_parameters(lots), "most": ISSUES_LIMIT}).all()
    if len(rows) == ISSUES_LIMIT:
        queue_lots(write, np.array([lot.key for lot in lots], dtype=np.int64))
    _set_watermarks(write, {row.lot_key: row.movement_key for row in rows})
    lot_of = {lot.key: lot for lot in lots}
    return [(lot_of[row.lot_key], Issue(*row[1:])) for row in rows]


def _issues(connection: Connection, keys: Sequence[int]) -> dict[int, Issue]:
    return {row[0]: Issue(*row) for row in connection.execute(_ISSUES, {"keys": keys})}


_ISSUES = select(*_ISSUE).where(is_one_of(_MOVE.movement_key, KEYS))


_FIRST_PLEDGES = (
    select(PledgeRow.asset_key, func.min(CommitRow.known_us))
    .join(CommitRow, CommitRow.seq == PledgeRow.created_seq)
    .where(PledgeRow.state == int(PledgeState.ACTIVE), is_one_of(PledgeRow.asset_key, KEYS))
    .group_by(PledgeRow.asset_key)
)


def _set_watermarks(write: Write, last: Mapping[int, int]) -> None:
    """Sets the watermark of each lot to a movement."""
    write.connection.execute(_DELETE_WATERMARKS, {"keys": list(last)})
    marks = {"lot_key": list(last), "movement_key": list(last.values())}
    insert_columns(write.connection, IssueWatermarkRow, marks, len(last))


_DELETE_WATERMARKS = delete(IssueWatermarkRow).where(is_one_of(IssueWatermarkRow.lot_key, KEYS))
