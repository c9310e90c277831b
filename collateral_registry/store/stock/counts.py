"""Stores stock counts and reserves, and computes the balances with which counts are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    bindparam,
    case,
    cast,
    delete,
    func,
    select,
    update,
)

from collateral_registry.domain.stock.counts import FEED_ACTOR, CountLine
from collateral_registry.store.engine.bulk import Columns, insert_columns, new_keys, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.locks import hold_lock
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.stock import (
    LOT_IDENTITY,
    StockCountRow,
    StockLotRow,
    StockMovementRow,
    StockReserveRow,
)
from valuation._typing import Int

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


def balances_as_of(connection: Connection, warehouse: str, lots: Sequence[str] | None, time_us: int) -> Columns:
    """Returns lots of a warehouse with their balances as of a time (column ``book``); all lots if ``lots`` is None.

    The balance is the present quantity less the movements that took effect after that time. It therefore includes
    movements that took effect by then but were reported later. One statement reads quantities and movements, because
    stock may change between two statements.
    """
    lot, moved = StockLotRow.__table__.c, StockMovementRow.__table__.c
    # ``change`` is added to lot_key and subtracted from to_lot_key, the other lot of a transfer.
    gained = _sum_after(moved.lot_key == lot.lot_key, time_us)
    given = _sum_after((moved.to_lot_key == lot.lot_key) & (moved.to_lot_key > 0), time_us)
    book = (lot.quantity - gained + given).label("book")
    statement = select(lot.lot_key, lot.lot, lot.good, lot.unit, lot.version, lot.quantity, book)
    statement = statement.where(lot.warehouse == warehouse)
    if lots is not None:
        statement = statement.where(is_one_of(lot.lot, lots))
    return read_columns(connection, statement.order_by(lot.lot_key))


def _sum_after(belongs: ColumnElement[bool], time_us: int) -> ScalarSelect[int]:
    moved = StockMovementRow.__table__.c
    total = cast(func.coalesce(func.sum(moved.change), 0), BigInteger)
    return select(total).where(belongs, moved.effective_us > time_us).scalar_subquery()


def lock_warehouse(write: Write, warehouse: str) -> None:
    """Locks the lots of a warehouse until the commit, so that no feed opens the same lot at the same time."""
    hold_lock(write.connection, f"warehouse {warehouse}")


def open_counted_lots(write: Write, warehouse: str, lines: Sequence[CountLine]) -> None:
    """Inserts empty lots that no feed has reported."""
    columns: dict[str, Any] = {name: [getattr(line, name) for line in lines] for name in ("lot", "good", "unit")}
    columns["lot_key"] = new_keys(write.connection, StockLotRow, len(lines))
    same = {"warehouse": warehouse, "grade": "", "bin": "", "quantity": 0, "version": NEVER_REPORTED}
    times = {"opened_us": write.known_us, "received_us": write.known_us}
    insert_columns(write.connection, StockLotRow, {**columns, **same, **times}, len(lines))


def insert_counts(write: Write, columns: Columns) -> None:
    """Appends counts given as columns."""
    same = {"seq": write.seq, "known_us": write.known_us, "actor": write.actor}
    insert_columns(write.connection, StockCountRow, {**columns, **same}, len(columns["lot_key"]))


@dataclass(frozen=True)
class CountBaseline:
    """For lots [n]: whether a later count exists, and whether a later count by the lender exists.

    ``reserve`` is the present reserve; ``reserved_by_lender`` states whether it results from a count by the lender.
    """

    later: NDArray[np.bool_]
    later_by_lender: NDArray[np.bool_]
    reserve: Int
    reserved_by_lender: NDArray[np.bool_]


def baseline_at(connection: Connection, lot_keys: Int, counted_us: int) -> CountBaseline:
    """Returns the stored facts that matter for a count of the lots made at ``counted_us``."""
    lender = ~StockCountRow.actor.startswith(FEED_ACTOR)
    later = (
        select(StockCountRow.lot_key, func.max(case((lender, 1), else_=0)))
        .where(is_one_of(StockCountRow.lot_key, lot_keys), StockCountRow.counted_us > counted_us)
        .group_by(StockCountRow.lot_key)
    )
    counted = {row[0]: bool(row[1]) for row in connection.execute(later)}
    reserve = (
        select(StockReserveRow.lot_key, StockReserveRow.quantity, CommitRow.actor)
        .join(CommitRow, CommitRow.seq == StockReserveRow.seq)
        .where(is_one_of(StockReserveRow.lot_key, lot_keys))
    )
    reserved = {row[0]: (row[1], not row[2].startswith(FEED_ACTOR)) for row in connection.execute(reserve)}
    keys = lot_keys.tolist()
    return CountBaseline(
        later=np.array([key in counted for key in keys], dtype=np.bool_),
        later_by_lender=np.array([counted.get(key, False) for key in keys], dtype=np.bool_),
        reserve=np.array([reserved.get(key, (0, False))[0] for key in keys], dtype=np.int64),
        reserved_by_lender=np.array([reserved.get(key, (0, False))[1] for key in keys], dtype=np.bool_),
    )


def raise_reserves(write: Write, lot_keys: Int, reserves: Int) -> None:
    """Raises existing reserves [n]; their finding and commit stay the same."""
    own: BindParameter[int] = bindparam("own")
    statement = update(StockReserveRow).where(StockReserveRow.lot_key == own).values(quantity=bindparam("new"))
    rows = [{"own": key, "new": new} for key, new in zip(lot_keys.tolist(), reserves.tolist(), strict=True)]
    if rows:
        write.connection.execute(statement, rows)


def lot_of_reserve(connection: Connection, finding_key: int) -> Int:
    """Returns the key of the lot that has a reserve because of a finding; no key if there is none."""
    statement = select(StockReserveRow.lot_key).where(StockReserveRow.finding_key == finding_key)
    return read_keys(connection, statement)


def write_reserves(write: Write, lot_keys: Int, reserves: Int, finding_of: Mapping[int, int]) -> None:
    """Sets the reserve of each lot [n]; 0 removes it."""
    write.connection.execute(delete(StockReserveRow).where(is_one_of(StockReserveRow.lot_key, lot_keys)))
    kept = reserves > 0
    keys = lot_keys[kept]
    columns = {
        "lot_key": keys,
        "quantity": reserves[kept],
        "finding_key": [finding_of.get(key, 0) for key in keys.tolist()],
        "seq": write.seq,
    }
    insert_columns(write.connection, StockReserveRow, columns, len(keys))


def assets_of_lots(connection: Connection, lot_keys: Int) -> dict[int, int]:
    """Returns, for each lot that is registered as an asset, the key of the asset."""
    return {row[0]: row[1] for row in connection.execute(_ASSETS_OF_LOTS, {"keys": lot_keys})}


_ASSETS_OF_LOTS = (
    select(StockLotRow.lot_key, AssetRow.asset_key)
    .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)


def list_counts(connection: Connection, warehouse: str, before_key: int, limit: int) -> list[StoredCount]:
    """Returns a page of the counts of a warehouse, newest first."""
    statement = (
        select(
            StockCountRow.count_key,
            *columns_of(StockLotRow, "warehouse", "lot", "good", "unit"),
            *columns_of(
                StockCountRow, "method", "counted_us", "known_us", "counted", "book", "tolerance", "actor", "document"
            ),
        )
        .join(StockLotRow, StockLotRow.lot_key == StockCountRow.lot_key)
        .where(StockLotRow.warehouse == warehouse, StockCountRow.count_key < before_key)
        .order_by(StockCountRow.count_key.desc())
        .limit(limit)
    )
    return [StoredCount(*row) for row in connection.execute(statement)]


def is_fed(connection: Connection, warehouse: str) -> bool:
    """Returns whether a feed reports the stock of a warehouse; if so, a lot that it omits has 0 in the book."""
    reported = select(StockLotRow.lot_key).where(
        StockLotRow.warehouse == warehouse, StockLotRow.version > NEVER_REPORTED
    )
    return connection.execute(reported.limit(1)).first() is not None


def are_reported(columns: Columns) -> NDArray[np.bool_]:
    """Returns which lots [n] a feed has reported."""
    return np.asarray(columns["version"] > NEVER_REPORTED)
