"""Stores the reliability scores of warehouses and reads the records from which they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Connection, Float, case, cast, delete, func, insert, select, text as sql, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import EncodedName, Number
from collateral_registry.domain.findings.kinds import FindingState
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.stock.warehouse_score import Record, Reliability
from collateral_registry.store.engine.bulk import read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.engine.rows import values_of
from collateral_registry.store.schema.assets import InventoryRow
from collateral_registry.store.schema.findings import FindingRow
from collateral_registry.store.schema.stock import (
    PlaceClaimRow,
    StockCountRow,
    StockLotRow,
    StockWarehouseRow,
    WarehouseReliabilityRow,
)
from collateral_registry.store.stock.claims_by_place import spellings_of
from collateral_registry.store.stock.counts import COUNTED_OF_GOOD, IS_COMPARABLE
from valuation._typing import Int


@dataclass(frozen=True)
class StoredWarehouse:
    """A warehouse with its record, its current score, and how many lots and open findings it has."""

    warehouse: str
    record: Record
    reliability: Reliability
    lots: int
    open_findings: int


def ensure_warehouse(write: Write, warehouse: str) -> None:
    """Stores a warehouse that has not reported a movement, unless it is already known."""
    write.connection.execute(_INSERT_WAREHOUSE, {"warehouse": warehouse})


_INSERT_WAREHOUSE = sql(
    "INSERT INTO stock_warehouse (warehouse, movement_count, late_count, lateness_seconds) "
    "VALUES (:warehouse, 0, 0, 0) ON CONFLICT (warehouse) DO NOTHING"
)


def warehouse_names(connection: Connection) -> list[str]:
    """Returns the sorted names of all warehouses that have reported or been counted."""
    return list(connection.execute(select(StockWarehouseRow.warehouse).order_by(StockWarehouseRow.warehouse)).scalars())


def record_of(connection: Connection, warehouse: str, since_us: int) -> Record:
    """Returns the record of a warehouse: its counts since a time, and how late its movements were reported.

    The shrinkage rate is the mean of (book - counted) / book over the counted lots, with 0 for lots without a shortage.
    """
    missing = cast(StockCountRow.book - COUNTED_OF_GOOD, Float) / cast(StockCountRow.book, Float)
    shrinkage = func.avg(case((StockCountRow.book > COUNTED_OF_GOOD, missing), else_=0.0))
    of_warehouse = (StockLotRow.warehouse == warehouse, StockCountRow.counted_us >= since_us)
    counts = (
        select(func.count(), shrinkage)
        .select_from(StockCountRow)
        .join(StockLotRow, StockLotRow.lot_key == StockCountRow.lot_key)
        .where(*of_warehouse, IS_COMPARABLE, StockCountRow.book > 0)
    )
    lines, rate = connection.execute(counts).one()
    sums = select(StockWarehouseRow.movement_count, StockWarehouseRow.late_count, StockWarehouseRow.lateness_seconds)
    row = connection.execute(sums.where(StockWarehouseRow.warehouse == warehouse)).first()
    return Record(int(lines), float(rate or 0.0), *(row or (0, 0, 0)))


def haircut_of_warehouse(connection: Connection, warehouse: str) -> float:
    """Returns what a warehouse, in any spelling of its name, adds to the value haircut; 0 if it has no score."""
    place = folded(warehouse)
    return haircut_of_spellings(connection, spellings_of(connection, [place])[place])


def haircut_of_spellings(connection: Connection, names: Sequence[str]) -> float:
    """Returns the largest current haircut among these spellings of a warehouse's name; 0 if none has a score."""
    newest = (
        select(WarehouseReliabilityRow.warehouse, func.max(WarehouseReliabilityRow.seq).label("seq"))
        .where(WarehouseReliabilityRow.warehouse.in_(names))
        .group_by(WarehouseReliabilityRow.warehouse)
        .subquery()
    )
    in_force = (WarehouseReliabilityRow.warehouse == newest.c.warehouse) & (WarehouseReliabilityRow.seq == newest.c.seq)
    largest = select(func.max(WarehouseReliabilityRow.haircut)).join(newest, in_force)
    return float(connection.execute(largest).scalar() or 0.0)


def store_score(write: Write, warehouse: str, record: Record, found: Reliability) -> None:
    """Stores a score with the record from which it was computed; replaces an earlier one of the same commit."""
    values = {
        "warehouse": warehouse,
        "seq": write.seq,
        **values_of(record, "count_lines", "shrinkage_rate", "late_share", "mean_lateness_seconds"),
        **values_of(found, "score", "haircut"),
    }
    score = WarehouseReliabilityRow
    same = (score.warehouse == warehouse, score.seq == write.seq)
    write.connection.execute(delete(score).where(*same))
    write.connection.execute(insert(score).values(**values))


def set_haircut(write: Write, place: str, haircut: float) -> Int:
    """Sets the haircut of all assets in the warehouse whose folded name is ``place``; returns the assets' keys."""
    lots_there = select(PlaceClaimRow.asset_key).where(PlaceClaimRow.place == place).order_by(PlaceClaimRow.asset_key)
    keys = read_keys(write.connection, lots_there)
    lots = update(InventoryRow).where(is_one_of(InventoryRow.asset_key, keys))
    write.connection.execute(lots.values(warehouse_haircut=haircut))
    return keys


def get_warehouses(connection: Connection, names: Sequence[str], since_us: int) -> list[StoredWarehouse]:
    """Returns the warehouses with these names, in the same order."""
    lots = _counts(connection, StockLotRow.warehouse, names)
    opened = _counts(connection, FindingRow.warehouse, names, FindingRow.state == int(FindingState.OPEN))
    return [
        StoredWarehouse(
            warehouse=name,
            record=record_of(connection, name, since_us),
            reliability=_newest_score(connection, name),
            lots=lots.get(name, 0),
            open_findings=opened.get(name, 0),
        )
        for name in names
    ]


WAREHOUSE_FILTER = FilterTable(
    name=FilterField(EncodedName("warehouses"), StockWarehouseRow.warehouse),
    movement_count=FilterField(Number(), StockWarehouseRow.movement_count),
    late_count=FilterField(Number(), StockWarehouseRow.late_count),
)
"""Fields by which warehouses can be filtered."""


def list_warehouses(connection: Connection, wanted: Expression, after: str, limit: int) -> list[str]:
    """Returns a page of the sorted names of warehouses."""
    statement = select(StockWarehouseRow.warehouse).where(
        WAREHOUSE_FILTER.where(wanted), StockWarehouseRow.warehouse > after
    )
    return list(connection.execute(statement.order_by(StockWarehouseRow.warehouse).limit(limit)).scalars())


def _newest_score(connection: Connection, warehouse: str) -> Reliability:
    newest = (
        select(WarehouseReliabilityRow.score, WarehouseReliabilityRow.haircut)
        .where(WarehouseReliabilityRow.warehouse == warehouse)
        .order_by(WarehouseReliabilityRow.seq.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    return Reliability(row.score, row.haircut) if row else Reliability(1.0, 0.0)


def _counts(
    connection: Connection, column: ColumnElement[str], names: Sequence[str], *where: ColumnElement[bool]
) -> dict[str, int]:
    statement = select(column, func.count()).where(is_one_of(column, names), *where).group_by(column)
    return {row[0]: int(row[1]) for row in connection.execute(statement)}


NO_ASSETS = np.zeros(0, dtype=np.int64)
"""The empty array of keys, for when no asset changed."""
