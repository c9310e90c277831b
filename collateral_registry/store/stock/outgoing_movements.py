"""Finds the movements by which goods left lots under an active pledge; each movement is found once.

A watermark for each lot (``IssueWatermarkRow``) records the last movement that has been processed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from collateral_registry.domain.loans.agreements import PledgeState
from collateral_registry.store.engine.bulk import insert_columns, summed, wide_sum
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, Greatest, RecordSet, is_one_of
from collateral_registry.store.engine.rows import from_row
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import PledgeRow
from collateral_registry.store.schema.stock import (
    LOT_IDENTITY,
    IssueWatermarkRow,
    LotLinkRow,
    StockLotRow,
    StockMovementRow,
)
from collateral_registry.store.stock.pending_lots import queue_lots
from valuation._typing import Int

ISSUES_LIMIT = 10_000
"""Largest number of issues that are processed one by one in one commit."""

_NOTHING: ColumnElement[int] = literal_column("0")
"""A literal, because the condition of the partial index ``stock_movement_left`` would not match a bound parameter."""


@dataclass(frozen=True)
class PledgedLot:
    """A lot with goods of a pledged asset: the asset is registered as lot ``own_key`` or linked after a movement.

    ``since_us`` is the time of the asset's first active pledge.
    """

    key: int
    warehouse: str
    lot: str
    unit: str
    quantity: int
    asset_key: int
    asset_id: str
    own_key: int
    after_key: int
    since_us: int

    @property
    def is_linked(self) -> bool:
        """Whether the asset is registered as another lot."""
        return self.key != self.own_key


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
    """Returns the lots among ``lot_keys`` with goods of assets that have an active pledge, once for each asset."""
    rows = connection.execute(_LOTS_WITH_GOODS, {"keys": lot_keys}).all()
    pledges = connection.execute(_FIRST_PLEDGES, {"keys": [row.asset_key for row in rows]}) if rows else ()
    since = {row[0]: row[1] for row in pledges}
    return [
        from_row(PledgedLot, row, key=row.lot_key, since_us=since[row.asset_key])
        for row in rows
        if row.asset_key in since
    ]


_LOT = (StockLotRow.lot_key, StockLotRow.warehouse, StockLotRow.lot, StockLotRow.unit, StockLotRow.quantity)
_ASSET = (AssetRow.asset_key, AssetRow.asset_id)
_LOTS_WITH_GOODS = union_all(
    select(*_LOT, *_ASSET, StockLotRow.lot_key.label("own_key"), _NOTHING.label("after_key"))
    .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS)),
    select(*_LOT, *_ASSET, LotLinkRow.own_key, LotLinkRow.after_key)
    .join_from(LotLinkRow, StockLotRow, StockLotRow.lot_key == LotLinkRow.lot_key)
    .join(AssetRow, AssetRow.asset_key == LotLinkRow.asset_key)
    .where(is_one_of(LotLinkRow.lot_key, KEYS)),
)


class MovedGoods(NamedTuple):
    """Goods of a pledged asset that a split, a merge or its correction brought to another lot of the warehouse."""

    movement_key: int
    lot_key: int
    asset_key: int
    to_lot_key: int


def unprocessed_moves(write: Write, lots: Sequence[PledgedLot]) -> list[MovedGoods]:
    """Returns the first unprocessed movement from each lot to each other lot of the warehouse, sorted; marks none."""
    return sorted(MovedGoods(*row) for row in write.connection.execute(_MOVES, _parameters(lots)))


def unprocessed_issue_totals(write: Write, lots: Sequence[PledgedLot]) -> list[IssueTotal]:
    """Returns the totals of the unprocessed issues of each lot that has any, and advances the watermarks.

    The keys of a lot's movements increase in the order of their commits, because the lock of the warehouse serialises
    them. A movement that becomes durable later therefore has a key above the watermark.
    """
    rows = write.connection.execute(_ISSUE_TOTALS, _parameters(lots)).all()
    _set_watermarks(write, _last_of_lots((row.lot_key, row.last) for row in rows))
    issues = _issues(write.connection, sorted({key for row in rows for key in (row.first, row.last)}))
    lot_of = {(lot.key, lot.asset_key): lot for lot in lots}
    return [
        from_row(
            IssueTotal,
            row,
            lot=lot_of[row.lot_key, row.asset_key],
            quantity=summed(row.quantity_millions, row.quantity_rest),
            first=issues[row.first],
            last=issues[row.last],
        )
        for row in rows
    ]


def _last_of_lots(movements: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Returns the last movement of each lot."""
    last: dict[int, int] = {}
    for lot, movement in movements:
        last[lot] = max(movement, last.get(lot, movement))
    return last


_RECORD = ("key", "asset_key", "own_key", "after_key", "since_us")
_PLEDGED = RecordSet(dict.fromkeys(_RECORD, BigInteger)).rows
_MOVE = StockMovementRow
_TO_LOT = aliased(StockLotRow)
_NEW = (
    _MOVE.movement_key > Greatest(func.coalesce(IssueWatermarkRow.movement_key, 0), _PLEDGED.c.after_key),
    _MOVE.received_us >= _PLEDGED.c.since_us,
)
# The lots are repeated, because PostgreSQL cannot estimate how many records a JSON list has.
_LEFT = (_MOVE.change < _NOTHING, is_one_of(_MOVE.lot_key, KEYS))
_RETURNED = (_MOVE.to_lot_key > _NOTHING, _MOVE.change > _NOTHING, is_one_of(_MOVE.to_lot_key, KEYS))


def _from_pledged(lot_of_move: ColumnElement[int], *columns: ColumnElement[Any]) -> Select[Any]:
    """Selects unprocessed movements of the lots; they follow the watermark and the first pledge of the asset."""
    return (
        select(*columns)
        .select_from(_PLEDGED)
        .outerjoin(IssueWatermarkRow, IssueWatermarkRow.lot_key == _PLEDGED.c.key)
        .join(_MOVE, lot_of_move == _PLEDGED.c.key)
        .where(*_NEW)
    )


_MOVES = (
    _from_pledged(
        _MOVE.lot_key,
        func.min(_MOVE.movement_key),
        _PLEDGED.c.key,
        _PLEDGED.c.asset_key,
        _MOVE.to_lot_key,
    )
    .join(StockLotRow, StockLotRow.lot_key == _PLEDGED.c.key)
    .join(_TO_LOT, (_TO_LOT.lot_key == _MOVE.to_lot_key) & (_TO_LOT.warehouse == StockLotRow.warehouse))
    .where(*_LEFT)
    .group_by(_PLEDGED.c.key, _PLEDGED.c.asset_key, _MOVE.to_lot_key)
)


def _stays(other_lot: ColumnElement[int]) -> ColumnElement[bool]:
    """Returns the condition that the other lot of a movement holds goods of the same asset."""
    linked = select(LotLinkRow.lot_key).where(
        LotLinkRow.lot_key == other_lot, LotLinkRow.asset_key == _PLEDGED.c.asset_key
    )
    return (other_lot == _PLEDGED.c.own_key) | linked.correlate(_PLEDGED, StockMovementRow).exists()


_COLUMNS = (_PLEDGED.c.key.label("lot_key"), _PLEDGED.c.asset_key, _MOVE.movement_key, _MOVE.effective_us)
_UNPROCESSED = union_all(
    # Goods that left the lot, and goods that a correction returned from the lot to the lot that they came from.
    _from_pledged(_MOVE.lot_key, *_COLUMNS, (-_MOVE.change).label("quantity")).where(*_LEFT, ~_stays(_MOVE.to_lot_key)),
    _from_pledged(_MOVE.to_lot_key, *_COLUMNS, _MOVE.change.label("quantity")).where(
        *_RETURNED, ~_stays(_MOVE.lot_key)
    ),
).subquery()


def _parameters(lots: Sequence[PledgedLot]) -> dict[str, Any]:
    records = [[getattr(lot, name) for name in _RECORD] for lot in lots]
    return {"keys": [*{lot.key for lot in lots}], "records": records}


_ISSUE_TOTALS = select(
    _UNPROCESSED.c.lot_key,
    _UNPROCESSED.c.asset_key,
    func.min(_UNPROCESSED.c.movement_key).label("first"),
    func.max(_UNPROCESSED.c.movement_key).label("last"),
    func.min(_UNPROCESSED.c.effective_us).label("earliest_us"),
    func.max(_UNPROCESSED.c.effective_us).label("latest_us"),
    func.count().label("movements"),
    *wide_sum("quantity", _UNPROCESSED.c.quantity),
).group_by(_UNPROCESSED.c.lot_key, _UNPROCESSED.c.asset_key)

_EACH_ISSUE = (
    select(
        *(_UNPROCESSED.c[name] for name in ("lot_key", "asset_key", "movement_key")),
        _MOVE.movement_id,
        _MOVE.document,
        *(_UNPROCESSED.c[name] for name in ("quantity", "effective_us")),
    )
    .join(_MOVE, _MOVE.movement_key == _UNPROCESSED.c.movement_key)
    .order_by(_UNPROCESSED.c.movement_key)
    .limit(bindparam("most"))
)


def unprocessed_issues(write: Write, lots: Sequence[PledgedLot]) -> list[tuple[PledgedLot, Issue]]:
    """Returns the unprocessed issues one by one, in order, and advances the watermarks.

    At most ISSUES_LIMIT issues are returned; if there may be more, the lots are queued again.
    """
    rows = write.connection.execute(_EACH_ISSUE, {**_parameters(lots), "most": ISSUES_LIMIT}).all()
    if len(rows) == ISSUES_LIMIT:
        # The last movement may have a further row, for another asset with goods in the lot.
        rows = [row for row in rows if row.movement_key < rows[-1].movement_key]
        queue_lots(write, np.array(sorted({lot.key for lot in lots}), dtype=np.int64))
    _set_watermarks(write, _last_of_lots((row.lot_key, row.movement_key) for row in rows))
    lot_of = {(lot.key, lot.asset_key): lot for lot in lots}
    return [(lot_of[row.lot_key, row.asset_key], Issue(*row[2:])) for row in rows]


def _issues(connection: Connection, keys: Sequence[int]) -> dict[int, Issue]:
    return {row[0]: Issue(*row) for row in connection.execute(_ISSUES, {"keys": keys})}


_ISSUES = select(
    _MOVE.movement_key, _MOVE.movement_id, _MOVE.document, func.abs(_MOVE.change), _MOVE.effective_us
).where(is_one_of(_MOVE.movement_key, KEYS))


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
