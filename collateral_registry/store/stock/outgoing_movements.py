"""Goods that left lots which a standing pledge holds, each movement looked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
)

from collateral_registry.domain.loans.agreements import PledgeState
from collateral_registry.domain.stock.movements import MovementKind
from collateral_registry.store.engine.bulk import insert_columns, summed, wide_sum
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, RecordSet, is_one_of
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
    found = connection.execute(_REGISTERED_LOTS, {"keys": lot_keys}).all()
    since = _held_since(connection, [row.asset_key for row in found]) if found else {}
    return [
        PledgedLot(row.lot_key, row.warehouse, row.lot, row.unit, row.asset_key, row.asset_id, since[row.asset_key])
        for row in found
        if row.asset_key in since
    ]


_LOT = (StockLotRow.lot_key, StockLotRow.warehouse, StockLotRow.lot, StockLotRow.unit)
_REGISTERED_LOTS = (
    select(*_LOT, AssetRow.asset_key, AssetRow.asset_id)
    .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)


def unprocessed_issue_totals(write: Write, lots: Sequence[PledgedLot]) -> list[IssueTotal]:
    """What left each lot, where anything did, since it was last looked at and a pledge has held it.

    From now on it has been looked at. The keys of a lot's movements rise with the commits, for the warehouse's lock
    orders them, so what becomes durable in the meantime comes after the last one seen.
    """
    rows = write.connection.execute(_ISSUE_TOTALS, _parameters(lots)).all()
    _mark_seen(write, {row.lot_key: row.last for row in rows})
    issues = _issues(write.connection, sorted({key for row in rows for key in (row.first, row.last)}))
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


_HELD = RecordSet({"lot_key": BigInteger, "since_us": BigInteger}).rows
_MOVE = StockMovementRow
_ISSUE = (_MOVE.movement_key, _MOVE.movement_id, _MOVE.document, -_MOVE.change, _MOVE.effective_us)


def _unprocessed(*columns: ColumnElement[Any]) -> Select[Any]:
    """Movements by which goods left the held lots after their watermark and since they were first pledged."""
    return (
        select(*columns)
        .select_from(_HELD)
        .outerjoin(IssueWatermarkRow, IssueWatermarkRow.lot_key == _HELD.c.lot_key)
        .join(_MOVE, _MOVE.lot_key == _HELD.c.lot_key)
        .where(
            _MOVE.movement_key > func.coalesce(IssueWatermarkRow.movement_key, 0),
            _MOVE.received_us >= _HELD.c.since_us,
            _MOVE.kind.in_(LEAVING_KINDS),
            _MOVE.change < _NOTHING,
            # The same lots once more: PostgreSQL cannot estimate how many records a JSON list has.
            is_one_of(_MOVE.lot_key, KEYS),
        )
    )


def _parameters(lots: Sequence[PledgedLot]) -> dict[str, Any]:
    return {"keys": [lot.key for lot in lots], "records": [(lot.key, lot.since_us) for lot in lots]}


_ISSUE_TOTALS = _unprocessed(
    _MOVE.lot_key,
    func.min(_MOVE.movement_key).label("first"),
    func.max(_MOVE.movement_key).label("last"),
    func.min(_MOVE.effective_us).label("earliest"),
    func.max(_MOVE.effective_us).label("latest"),
    func.count().label("movements"),
    *wide_sum("quantity", -_MOVE.change),
).group_by(_MOVE.lot_key)

_EACH_ISSUE = _unprocessed(_MOVE.lot_key, *_ISSUE).order_by(_MOVE.movement_key).limit(bindparam("most"))


def unprocessed_issues(write: Write, lots: Sequence[PledgedLot]) -> list[tuple[PledgedLot, Issue]]:
    """The same movement by movement, in order: at most ISSUES_LIMIT; where more may wait, the lots are noted again."""
    rows = write.connection.execute(_EACH_ISSUE, {**_parameters(lots), "most": ISSUES_LIMIT}).all()
    if len(rows) == ISSUES_LIMIT:
        note_lots(write, np.array([lot.key for lot in lots], dtype=np.int64))
    _mark_seen(write, {row.lot_key: row.movement_key for row in rows})
    lot_of = {lot.key: lot for lot in lots}
    return [(lot_of[row.lot_key], Issue(*row[1:])) for row in rows]


def _issues(connection: Connection, keys: Sequence[int]) -> dict[int, Issue]:
    return {row[0]: Issue(*row) for row in connection.execute(_ISSUES, {"keys": keys})}


_ISSUES = select(*_ISSUE).where(is_one_of(_MOVE.movement_key, KEYS))


def _held_since(connection: Connection, asset_keys: Sequence[int]) -> dict[int, int]:
    """When the first standing pledge of each asset that has one became known, in microseconds."""
    return {row[0]: row[1] for row in connection.execute(_FIRST_PLEDGES, {"keys": asset_keys})}


_FIRST_PLEDGES = (
    select(PledgeRow.asset_key, func.min(CommitRow.known_us))
    .join(CommitRow, CommitRow.seq == PledgeRow.created_seq)
    .where(PledgeRow.state == int(PledgeState.ACTIVE), is_one_of(PledgeRow.asset_key, KEYS))
    .group_by(PledgeRow.asset_key)
)


def _mark_seen(write: Write, last: Mapping[int, int]) -> None:
    """Notes up to which movement each lot was looked at."""
    write.connection.execute(_DELETE_WATERMARKS, {"keys": list(last)})
    marks = {"lot_key": list(last), "movement_key": list(last.values())}
    insert_columns(write.connection, IssueWatermarkRow, marks, len(last))


_DELETE_WATERMARKS = delete(IssueWatermarkRow).where(is_one_of(IssueWatermarkRow.lot_key, KEYS))
