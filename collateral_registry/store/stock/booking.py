"""Lots and movements in columns: what booking needs, and what it has done."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Connection,
    Insert,
    Select,
    Text,
    Update,
    bindparam,
    cast,
    insert,
    select,
    update,
)
from sqlalchemy import text as sql

from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.stock.movement_booking import NO_SLOT, Booked, Known, Lots, Place, content
from collateral_registry.domain.stock.movements import LATE_SECONDS, Movements, RejectionState
from collateral_registry.store.engine.bulk import insert_columns, new_keys
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.key_sets import listed_records, listed_texts, record_rows, text_rows
from collateral_registry.store.schema.stock import (
    StockBatchRow,
    StockChangeRow,
    StockLotRow,
    StockMovementRow,
    StockRejectionRow,
)


@dataclass(frozen=True)
class BatchRecord:
    """A batch as it is stored: whose, which number, its digest, and how many rows it has."""

    source_key: int
    sequence: int
    request_id: str
    body_hash: str
    item_count: int


@dataclass(frozen=True)
class BatchPlaces:
    """Where each row [n] of a run is: the sequence of its batch, and its row there."""

    sequence: Sequence[int]
    batch_row: Sequence[int]


def read_lots(connection: Connection, places: Collection[Place]) -> Lots:
    """Returns the lots at those places that have one."""
    if not places:
        return Lots()
    rows = connection.execute(_lots_at(connection.dialect.name), {"records": listed_records(places)}).all()
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in LOT_COLUMNS)
    lots = Lots(**dict(zip(LOT_COLUMNS, columns, strict=True)))
    lots.slot_of.update({place: slot for slot, place in enumerate(zip(lots.warehouse, lots.lot, strict=True))})
    return lots


LOT_COLUMNS = ("key", "warehouse", "lot", "good", "unit", "grade", "bin", "quantity")
"""Columns of a lot that booking reads."""


@cache
def _lots_at(dialect: str) -> Select[Any]:
    """Selects the lots at the places in the parameter ``records``."""
    wanted, table = record_rows(dialect, {"warehouse": Text, "lot": Text}), StockLotRow.__table__.c
    columns = (table[name] for name in ("lot_key", *LOT_COLUMNS[1:]))
    here = (table.warehouse == wanted.c.warehouse) & (table.lot == wanted.c.lot)
    return select(*columns).join_from(wanted, StockLotRow.__table__, here)


def known_movements(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, Known]:
    """What is known of those ids that the source has used before, with the quantity after the last correction."""
    if not ids:
        return {}
    wanted = {"source": source_key, "texts": listed_texts(ids)}
    found = list(connection.execute(_used_before(connection.dialect.name), wanted).scalars())
    return _known(connection, source_key, found) if found else {}


@cache
def _used_before(dialect: str) -> Select[Any]:
    """Those of the texts that are ids of the source."""
    wanted, table = text_rows(dialect), StockMovementRow.__table__.c
    # A subquery for each id, which is looked up in the index; as a join it may become a scan of every movement.
    key = select(table.movement_key).where(table.source_key == bindparam("source"), table.movement_id == wanted.c.value)
    return select(wanted.c.value).where(key.scalar_subquery().is_not(None))


def _known(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, Known]:
    wanted = text_rows(connection.dialect.name)
    move, lot, other = StockMovementRow.__table__.c, StockLotRow.__table__.alias(), StockLotRow.__table__.alias()
    restated = _restated(connection, source_key, ids)
    statement = (
        select(StockMovementRow.__table__, lot.c.warehouse, lot.c.lot, other.c.warehouse, other.c.lot)
        .join(wanted, (move.source_key == source_key) & (move.movement_id == wanted.c.value))
        .join(lot, lot.c.lot_key == move.lot_key)
        .outerjoin(other, other.c.lot_key == move.to_lot_key)
    )
    known = {}
    for row in connection.execute(statement, {"texts": listed_texts(ids)}):
        place, to_place = tuple(row[-4:-2]), tuple(row[-2:]) if row.to_lot_key else None
        said = (row.quantity, row.bin, row.to_bin, row.grade, row.corrects, row.document)
        known[row.movement_id] = Known(
            content=content(row.kind, row.effective_us, place, to_place, *said),
            kind=row.kind,
            effective_us=row.effective_us,
            place=place,
            to_place=to_place,
            quantity=restated.get(row.movement_id, row.quantity),
        )
    return known


def _restated(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, int]:
    """The quantity of the last correction of each movement that has one."""
    wanted = text_rows(connection.dialect.name)
    table = StockMovementRow.__table__.c
    statement = (
        select(table.corrects, table.quantity)
        .join_from(
            wanted,
            StockMovementRow.__table__,
            (table.source_key == source_key) & (table.corrects == wanted.c.value) & (table.corrects != ""),
        )
        .order_by(table.movement_key)
    )
    return {row[0]: row[1] for row in connection.execute(statement, {"texts": listed_texts(ids)})}


def store_lots(intake: Intake, lots: Lots) -> None:
    """Updates the changed lots, inserts the new ones with their keys, and queues all of them for the stock sync."""
    slots = sorted(lots.changed)
    if not slots:
        return
    new = [slot for slot in slots if not lots.key[slot]]
    _update_lots(intake, lots, [slot for slot in slots if lots.key[slot]])
    for slot, key in zip(new, new_keys(intake.connection, StockLotRow, len(new)), strict=True):
        lots.key[slot] = key
    names = ("warehouse", "lot", "good", "unit", "grade", "bin", "quantity")
    columns: dict[str, Any] = {name: [getattr(lots, name)[slot] for slot in new] for name in names}
    columns["lot_key"] = [lots.key[slot] for slot in new]
    times = {"version": 1, "opened_us": intake.received_us, "received_us": intake.received_us}
    insert_columns(intake.connection, StockLotRow, {**columns, **times}, len(new))
    changed = {"texts": listed_texts(str(lots.key[slot]) for slot in slots)}
    intake.connection.execute(_changes(intake.connection.dialect.name), changed)


@cache
def _changes(dialect: str) -> Insert:
    """Inserts a change of each lot whose key is in the parameter ``texts``."""
    keys = select(cast(text_rows(dialect).c.value, BigInteger))
    return insert(StockChangeRow).from_select(["lot_key"], keys)


def _update_lots(intake: Intake, lots: Lots, slots: Sequence[int]) -> None:
    if slots:
        columns = [[getattr(lots, name)[slot] for slot in slots] for name in CHANGING]
        values = {"records": listed_records(zip(*columns, strict=True)), "now": intake.received_us}
        intake.connection.execute(_lots_changed(intake.connection.dialect.name), values)


CHANGING = {"key": BigInteger, "quantity": BigInteger, "grade": Text, "bin": Text}
"""Columns of a lot that movements change, after its key."""


@cache
def _lots_changed(dialect: str) -> Update:
    """Updates the lots in the parameter ``records``."""
    new, table = record_rows(dialect, CHANGING), StockLotRow.__table__
    values = {name: new.c[name] for name in ("quantity", "grade", "bin")}
    changed = {**values, "version": table.c.version + 1, "received_us": bindparam("now")}
    return update(table).where(table.c.lot_key == new.c.key).values(**changed)


def store_movements(
    intake: Intake, source_key: int, run: Movements, places: BatchPlaces, booked: Booked, lots: Lots
) -> None:
    """Appends the booked rows of a run; each row [n] has its place in a batch."""
    rows = booked.row
    whole = len(rows) == len(run)

    def taken(column: Sequence[Any]) -> Sequence[Any]:
        return column if whole else [column[row] for row in rows]

    key = lots.key
    columns = {
        "source_key": source_key,
        "sequence": taken(places.sequence),
        "batch_row": taken(places.batch_row),
        "movement_id": taken(run.movement_id),
        "kind": taken(run.kind),
        "effective_us": booked.effective_us,
        "received_us": intake.received_us,
        "lot_key": [key[slot] for slot in booked.slot],
        "change": booked.change,
        "quantity": taken(run.quantity),
        "bin": taken(run.bin),
        "to_lot_key": [0 if slot == NO_SLOT else key[slot] for slot in booked.to_slot],
        "to_bin": taken(run.to_bin),
        "grade": taken(run.grade),
        "corrects": taken(run.corrects),
        "document": taken(run.document),
    }
    insert_columns(intake.connection, StockMovementRow, columns, len(rows))


def store_batches(intake: Intake, records: Sequence[BatchRecord], booked: Sequence[int], known: Sequence[int]) -> None:
    """Appends batches with their counts."""
    columns: dict[str, Any] = {
        name: [getattr(record, name) for record in records]
        for name in ("source_key", "sequence", "request_id", "body_hash", "item_count")
    }
    columns.update(booked_count=booked, known_count=known, received_us=intake.received_us)
    insert_columns(intake.connection, StockBatchRow, columns, len(records))


def store_rejections(intake: Intake, source_key: int, run: Movements, places: BatchPlaces, booked: Booked) -> None:
    """Keeps the rows that were not booked, with their reasons."""
    found = sorted(booked.problems.items())
    if not found:
        return
    columns = {
        "source_key": source_key,
        "sequence": [places.sequence[row] for row, _ in found],
        "batch_row": [places.batch_row[row] for row, _ in found],
        "movement_id": [printable(run.movement_id[row]) for row, _ in found],
        "reason": [int(problem.reason) for _, problem in found],
        "description": [problem.description for _, problem in found],
        "item": [json.dumps(run.item(row)) for row, _ in found],
        "received_us": intake.received_us,
        "state": int(RejectionState.OPEN),
        "resolved_us": 0,
        "resolved_by": "",
        "note": "",
    }
    insert_columns(intake.connection, StockRejectionRow, columns, len(found))


def store_lateness(intake: Intake, lots: Lots, done: Sequence[Booked]) -> None:
    """Adds to the sums of each warehouse how late its movements were told."""
    slots = np.array([slot for booked in done for slot in booked.slot], dtype=np.int64)
    if not len(slots):
        return
    told = np.array([time for booked in done for time in booked.effective_us], dtype=np.int64)
    seconds = np.maximum(intake.received_us - told, 0) // MILLION
    place_of = {warehouse: place for place, warehouse in enumerate(sorted(set(lots.warehouse)))}
    place = np.array([place_of[warehouse] for warehouse in lots.warehouse], dtype=np.int64)[slots]
    sums = (
        np.bincount(place, minlength=len(place_of)),
        np.bincount(place, seconds > LATE_SECONDS, len(place_of)).astype(np.int64),
        np.bincount(place, seconds, len(place_of)).astype(np.int64),
    )
    rows = zip(place_of, *(one.tolist() for one in sums), strict=True)
    names = ("warehouse", "movement_count", "late_count", "lateness_seconds")
    intake.connection.execute(_ADD_LATENESS, [dict(zip(names, row, strict=True)) for row in rows])


_ADD_LATENESS = sql(
    "INSERT INTO stock_warehouse (warehouse, movement_count, late_count, lateness_seconds) "
    "VALUES (:warehouse, :movement_count, :late_count, :lateness_seconds) ON CONFLICT (warehouse) DO UPDATE SET "
    "movement_count = stock_warehouse.movement_count + excluded.movement_count, "
    "late_count = stock_warehouse.late_count + excluded.late_count, "
    "lateness_seconds = stock_warehouse.lateness_seconds + excluded.lateness_seconds"
)


def printable(text: str) -> str:
    """A text that any database can hold: control characters escaped, cut at 200 characters."""
    return (text if text.isprintable() else text.encode("unicode_escape").decode())[:200]
