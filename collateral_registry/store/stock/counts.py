"""Stores stock counts and their lines, and computes the balances with which counts are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    case,
    cast,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
)

from collateral_registry.domain.feeds.partners import FEED_ACTOR
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Number, Text, Time, enum
from collateral_registry.domain.stock.counts import CountLine, CountMethod, StockCount
from collateral_registry.store.engine.bulk import Columns, ColumnUpdate, insert_columns, new_keys, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.key_sets import KEYS, RecordSet, is_one_of
from collateral_registry.store.engine.locks import hold_lock
from collateral_registry.store.engine.rows import columns_of, values_of
from collateral_registry.store.schema.stock import StockCountRow, StockLotRow, StockMovementRow, WarehouseCountRow
from collateral_registry.store.stock.booking import warehouse_shard
from valuation._typing import Int
from valuation.money import PPM

NEVER_REPORTED = 0
"""Version of a lot that no feed has reported."""


@dataclass(frozen=True)
class StoredCount:
    """A counted lot with its book balance as of the time of the count; quantities are in millionths."""

    key: int
    warehouse: str
    lot: str
    good: str
    unit: str
    method: int
    counted_us: int
    known_us: int
    counted: int
    book: int
    tolerance: int
    actor: str
    document: str


_LOT = StockLotRow.__table__.c
_LINE = StockCountRow.__table__.c
_COUNT = WarehouseCountRow.__table__.c


def _sum_after(belongs: ColumnElement[bool], time_us: ColumnElement[int] | int) -> ScalarSelect[int]:
    moved = StockMovementRow.__table__.c
    total = cast(func.coalesce(func.sum(moved.change), 0), BigInteger)
    return select(total).where(belongs, moved.effective_us > time_us).scalar_subquery()


def _balance_at(time_us: ColumnElement[int] | int) -> ColumnElement[int]:
    """Returns the balance of a lot as of a time: its quantity less the movements that took effect after that time.

    It therefore includes movements that took effect by then but were reported later.
    """
    moved = StockMovementRow.__table__.c
    # ``change`` is added to lot_key and subtracted from to_lot_key, the other lot of a transfer.
    gained = _sum_after(moved.lot_key == _LOT.lot_key, time_us)
    given = _sum_after((moved.to_lot_key == _LOT.lot_key) & (moved.to_lot_key > 0), time_us)
    return (_LOT.quantity - gained + given).label("book")


def balances_as_of(connection: Connection, warehouse: str, lots: Sequence[str] | None, time_us: int) -> Columns:
    """Returns lots of a warehouse with their balances as of a time (column ``book``); all lots if ``lots`` is None.

    One statement reads quantities and movements, because stock may change between two statements.
    """
    columns = (_LOT.lot_key, _LOT.lot, _LOT.good, _LOT.unit, _LOT.version, _balance_at(time_us))
    statement = select(*columns).where(_LOT.warehouse == warehouse)
    if lots is not None:
        statement = statement.where(is_one_of(_LOT.lot, lots))
    return read_columns(connection, statement.order_by(_LOT.lot_key))


def lock_warehouse(write: Write, warehouse: str) -> None:
    """Locks the lots of a warehouse until the commit, so that no feed opens the same lot at the same time."""
    hold_lock(write.connection, warehouse_shard(warehouse))


def open_counted_lots(write: Write, warehouse: str, lines: Sequence[CountLine]) -> None:
    """Inserts empty lots that no feed has reported."""
    columns: dict[str, Any] = {name: [getattr(line, name) for line in lines] for name in ("lot", "good", "unit")}
    columns["lot_key"] = new_keys(write.connection, StockLotRow, len(lines))
    same = {"warehouse": warehouse, "grade": "", "bin": "", "quantity": 0, "version": NEVER_REPORTED}
    times = {"opened_us": write.known_us, "received_us": write.known_us}
    insert_columns(write.connection, StockLotRow, {**columns, **same, **times}, len(lines))


def insert_count(write: Write, count: StockCount, tolerance_ppm: int, lines: Columns) -> list[int]:
    """Appends a count with its lines, given as columns, and returns the keys of the lines."""
    by_lender = int(not write.actor.startswith(FEED_ACTOR))
    values = values_of(count, "warehouse", "method", "counted_us", "document")
    same = {"seq": write.seq, "by_lender": by_lender}
    whole = {"known_us": write.known_us, "complete": int(count.complete), "tolerance_ppm": tolerance_ppm}
    write.connection.execute(insert(WarehouseCountRow).values(**values, **same, **whole, actor=write.actor))
    keys = new_keys(write.connection, StockCountRow, len(lines["lot_key"]))
    columns = {**lines, **same, "count_key": keys, "counted_us": count.counted_us, "explained": 0}
    insert_columns(write.connection, StockCountRow, columns, len(keys))
    return keys


def newest_lines(connection: Connection, lot_keys: Int) -> Columns:
    """Returns the newest line of each lot by the lender and by its warehouse, with the lot and the count."""
    return read_columns(connection, _NEWEST_LINES, {"keys": lot_keys})


def own_lines_since(connection: Connection, lots: Sequence[tuple[int, int]]) -> Columns:
    """Returns the lines by the warehouse itself of each lot (key and earliest time), with the lot and the count."""
    return read_columns(connection, _OWN_LINES_SINCE, {"records": lots, "keys": [key for key, _ in lots]})


_YES: ColumnElement[int] = literal_column("1")
_NO: ColumnElement[int] = literal_column("0")
_SINCE = RecordSet({"lot_key": BigInteger, "since_us": BigInteger}).rows


IS_COMPARABLE = or_(_LINE.unit == _LOT.unit, _LINE.good != _LOT.good)
"""Whether a line and its lot, which must be joined, can be compared: in one unit, or as different goods."""

COUNTED_OF_GOOD: ColumnElement[int] = case((_LINE.good.in_(("", _LOT.good)), _LINE.counted), else_=literal_column("0"))
"""The counted quantity of the good of the lot, which must be joined: 0 if another good was found."""


def _newest(by_lender: ColumnElement[int]) -> Select[Any]:
    """Selects the key of the newest comparable line of each lot among KEYS by the lender or by the warehouse."""
    of_lot = (
        select(_LINE.count_key)
        .join_from(StockCountRow, StockLotRow, _LOT.lot_key == _LINE.lot_key)
        .where(_LINE.lot_key == KEYS.rows.c.value, _LINE.by_lender == by_lender, IS_COMPARABLE)
    )
    newest = of_lot.order_by(_LINE.counted_us.desc(), _LINE.count_key.desc()).limit(1)
    return select(newest.correlate(KEYS.rows).scalar_subquery().label("count_key")).select_from(KEYS.rows)


_LINES = (
    select(
        *(_LINE[name] for name in ("count_key", "lot_key", "by_lender", "counted_us", "good", "book", "explained")),
        COUNTED_OF_GOOD.label("counted"),
        *(_COUNT[name] for name in ("method", "tolerance_ppm", "document")),
        *(_LOT[name] for name in ("warehouse", "lot", "unit", "version")),
        _LOT.good.label("good_in_book"),
    )
    .join_from(StockCountRow, StockLotRow, _LOT.lot_key == _LINE.lot_key)
    .join(WarehouseCountRow, _COUNT.seq == _LINE.seq)
    .order_by(_LINE.count_key)
)
_NEWEST_LINES = _LINES.where(_LINE.count_key.in_(union_all(_newest(_YES), _newest(_NO))))
_OWN_LINES_SINCE = _LINES.join(
    _SINCE, (_SINCE.c.lot_key == _LINE.lot_key) & (_LINE.counted_us >= _SINCE.c.since_us)
).where(_LINE.by_lender == _NO, IS_COMPARABLE, is_one_of(_LINE.lot_key, KEYS))


def counted_since(connection: Connection, lot_keys: Int, since_us: Int) -> dict[int, int]:
    """Returns the lots that a count includes, also by omission, at or after the earliest of the times [n] of the lot.

    The result holds that time for each lot.
    """
    newest = connection.execute(_NEWEST_COUNT).scalar() or 0
    is_earlier = since_us <= newest
    if not is_earlier.any():
        return {}
    earliest: dict[int, int] = {}
    for lot, time_us in zip(lot_keys[is_earlier].tolist(), since_us[is_earlier].tolist(), strict=True):
        earliest[lot] = min(time_us, earliest.get(lot, time_us))
    counted = connection.execute(_COUNTED_SINCE, {"records": [*earliest.items()]}).scalars()
    return {lot: earliest[lot] for lot in counted}


_NEWEST_COUNT = select(func.max(_COUNT.counted_us))
_HAS_LINE = select(_LINE.count_key).where(_LINE.lot_key == _SINCE.c.lot_key, _LINE.counted_us >= _SINCE.c.since_us)
_IS_OMITTED = (
    select(_COUNT.seq)
    .join(StockLotRow, _LOT.warehouse == _COUNT.warehouse)
    .where(_LOT.lot_key == _SINCE.c.lot_key, _COUNT.complete == _YES, _COUNT.counted_us >= _SINCE.c.since_us)
)
_COUNTED_SINCE = select(_SINCE.c.lot_key).where(
    or_(_HAS_LINE.correlate(_SINCE).exists(), _IS_OMITTED.correlate(_SINCE).exists())
)


def lines_since(connection: Connection, lots: Sequence[tuple[int, int]]) -> Columns:
    """Returns the lines of each lot (key and earliest time) with their present ``book`` and the unit of the lot."""
    return read_columns(connection, _LINES_SINCE, {"records": lots})


_LINES_SINCE = (
    select(
        *(_LINE[name] for name in ("count_key", "unit", "counted")),
        _LINE.book.label("book_before"),
        _LOT.warehouse,
        _LOT.unit.label("lot_unit"),
        _COUNT.tolerance_ppm,
        _balance_at(_LINE.counted_us),
    )
    .join_from(_SINCE, StockLotRow, _LOT.lot_key == _SINCE.c.lot_key)
    .join(
        StockCountRow,
        (_LINE.lot_key == _LOT.lot_key) & or_(_LINE.counted_us >= _SINCE.c.since_us, _LINE.unit != _LOT.unit),
    )
    .join(WarehouseCountRow, _COUNT.seq == _LINE.seq)
)


def omissions_since(connection: Connection, lots: Sequence[tuple[int, int]]) -> Columns:
    """Returns the complete counts without a line of each lot (key and earliest time) that the lot had stock at."""
    found = read_columns(connection, _OMISSIONS_SINCE, {"records": lots})
    had_stock = found["book"] != 0
    return {name: column[had_stock] for name, column in found.items()}


# The line is found by the first columns of its index.
_OMITTED_LINE = select(_LINE.count_key).where(
    _LINE.lot_key == _LOT.lot_key,
    _LINE.by_lender == _COUNT.by_lender,
    _LINE.counted_us == _COUNT.counted_us,
    _LINE.seq == _COUNT.seq,
)
_OMISSIONS_SINCE = (
    select(
        *(_COUNT[name] for name in ("seq", "by_lender", "counted_us", "tolerance_ppm")),
        *(_LOT[name] for name in ("lot_key", "warehouse", "unit")),
        _balance_at(_COUNT.counted_us),
    )
    .join_from(_SINCE, StockLotRow, _LOT.lot_key == _SINCE.c.lot_key)
    .join(
        WarehouseCountRow,
        (_COUNT.warehouse == _LOT.warehouse) & (_COUNT.complete == _YES) & (_COUNT.counted_us >= _SINCE.c.since_us),
    )
    .where(~_OMITTED_LINE.correlate(StockLotRow, WarehouseCountRow).exists())
)


def insert_omissions(write: Write, lines: Columns) -> None:
    """Appends lines of lots that a complete count omits."""
    names = ("seq", "lot_key", "by_lender", "counted_us", "unit", "book", "tolerance")
    columns = {**{name: lines[name] for name in names}, "good": "", "counted": 0, "explained": 0}
    insert_columns(write.connection, StockCountRow, columns, len(lines["lot_key"]))


def update_lines(write: Write, lines: Columns) -> None:
    """Sets unit, counted and booked quantity, and tolerance of existing lines."""
    columns = (lines[name].tolist() for name in ("unit", "counted", "book", "tolerance"))
    _SET_LINE.run(write.connection, lines["count_key"].tolist(), *columns)


_SET_LINE = ColumnUpdate(StockCountRow, "count_key", ("unit", "counted", "book", "tolerance"))


def explain_lines(write: Write, explained: Sequence[tuple[int, int]]) -> None:
    """Sets the part of the shortage of lines (key and quantity) that was resolved by hand."""
    _SET_EXPLAINED.run(write.connection, *([list(column) for column in zip(*explained, strict=True)] or [[], []]))


_SET_EXPLAINED = ColumnUpdate(StockCountRow, "count_key", ("explained",))


COUNT_FILTER = FilterTable(
    lot=FilterField(Text(), _LOT.lot),
    good=FilterField(Text(), _LOT.good),
    unit=FilterField(Text(), _LOT.unit),
    method=FilterField(enum(CountMethod, "COUNT_METHOD_"), _COUNT.method),
    count_time=FilterField(Time(), _COUNT.counted_us),
    known_time=FilterField(Time(), _COUNT.known_us),
    counted_quantity=FilterField(Number(PPM), COUNTED_OF_GOOD),
    book_quantity=FilterField(Number(PPM), _LINE.book),
    actor=FilterField(Text(), _COUNT.actor),
    document=FilterField(Text(), _COUNT.document),
)
"""Fields by which counted lots can be filtered."""


def list_counts(
    connection: Connection, warehouse: str, wanted: Expression, before_key: int, limit: int
) -> list[StoredCount]:
    """Returns a page of the counts of a warehouse that could be compared, newest first."""
    statement: Select[Any] = (
        select(
            _LINE.count_key,
            *columns_of(StockLotRow, "warehouse", "lot", "good", "unit"),
            *columns_of(WarehouseCountRow, "method", "counted_us", "known_us"),
            COUNTED_OF_GOOD,
            *columns_of(StockCountRow, "book", "tolerance"),
            *columns_of(WarehouseCountRow, "actor", "document"),
        )
        .join_from(StockCountRow, StockLotRow, _LOT.lot_key == _LINE.lot_key)
        .join(WarehouseCountRow, _COUNT.seq == _LINE.seq)
        .where(_LOT.warehouse == warehouse, IS_COMPARABLE, COUNT_FILTER.where(wanted), _LINE.count_key < before_key)
        .order_by(_LINE.count_key.desc())
        .limit(limit)
    )
    return [StoredCount(*row) for row in connection.execute(statement)]


def fed_warehouses(connection: Connection, warehouses: Sequence[str]) -> set[str]:
    """Returns the warehouses whose stock a feed reports; a lot that the feed omits has 0 in the book."""
    return {name for name in set(warehouses) if _is_fed(connection, name)}


def _is_fed(connection: Connection, warehouse: str) -> bool:
    reported = select(_LOT.lot_key).where(_LOT.warehouse == warehouse, _LOT.version > NEVER_REPORTED)
    return connection.execute(reported.limit(1)).first() is not None


def are_reported(columns: Columns) -> NDArray[np.bool_]:
    """Returns which lots [n] a feed has reported."""
    return np.asarray(columns["version"] > NEVER_REPORTED)
