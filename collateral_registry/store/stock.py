"""Lots and movements in columns: what booking needs, and what it has done."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Connection, Text, bindparam, func, select, update
from sqlalchemy import text as sql

from collateral_registry.domain.movements import LATE_SECONDS, MILLION, Movements, RejectionState
from collateral_registry.domain.stock import NO_SLOT, Booked, Known, Lots, Place, content
from collateral_registry.store.bulk import insert_columns, new_keys, read_columns, record_rows, text_rows
from collateral_registry.store.database import Intake
from collateral_registry.store.stock_tables import (
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
    """The lots at those places that have one."""
    lots = Lots()
    wanted = _place_rows(connection, places)
    table = StockLotRow.__table__.c
    statement = select(
        table.lot_key, table.warehouse, table.lot, table.good, table.unit, table.grade, table.bin, table.quantity
    ).join_from(wanted, StockLotRow.__table__, (table.warehouse == wanted.c.warehouse) & (table.lot == wanted.c.lot))
    names = ("key", "warehouse", "lot", "good", "unit", "grade", "bin", "quantity")
    for name, column in zip(names, read_columns(connection, statement).values(), strict=True):
        getattr(lots, name).extend(column.tolist())
    lots.slot_of.update({place: slot for slot, place in enumerate(zip(lots.warehouse, lots.lot, strict=True))})
    return lots


def _place_rows(connection: Connection, places: Collection[Place]) -> Any:  # noqa: ANN401 - a named table
    """A table ``places(warehouse, lot)`` to join with."""
    if connection.dialect.name == "sqlite":
        rows = func.json_each(bindparam(None, json.dumps(list(places)))).table_valued("value", name="pairs")
        return select(
            func.json_extract(rows.c.value, "$[0]").label("warehouse"),
            func.json_extract(rows.c.value, "$[1]").label("lot"),
        ).subquery("places")
    columns = {name: [place[side] for place in places] for side, name in enumerate(("warehouse", "lot"))}
    return record_rows(columns, {"warehouse": Text, "lot": Text}, "places")


def known_movements(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, Known]:
    """What is known of those ids that the source has used before, with the quantity after the last correction."""
    wanted = text_rows(connection, ids)
    table = StockMovementRow.__table__.c
    # A subquery for each id, which is looked up in the index; as a join it may become a scan of every movement.
    key = select(table.movement_key).where(table.source_key == source_key, table.movement_id == wanted.c.value)
    statement = select(wanted.c.value).where(key.scalar_subquery().is_not(None))
    found = list(connection.execute(statement).scalars())
    return _known(connection, source_key, found) if found else {}


def _known(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, Known]:
    wanted = text_rows(connection, ids)
    move, lot, other = StockMovementRow.__table__.c, StockLotRow.__table__.alias(), StockLotRow.__table__.alias()
    restated = _restated(connection, source_key, ids)
    statement = (
        select(StockMovementRow.__table__, lot.c.warehouse, lot.c.lot, other.c.warehouse, other.c.lot)
        .join(wanted, (move.source_key == source_key) & (move.movement_id == wanted.c.value))
        .join(lot, lot.c.lot_key == move.lot_key)
        .outerjoin(other, other.c.lot_key == move.to_lot_key)
    )
    known = {}
    for row in connection.execute(statement):
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
    wanted = text_rows(connection, ids)
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
    return {row[0]: row[1] for row in connection.execute(statement)}


def store_lots(intake: Intake, lots: Lots) -> None:
    """Writes the lots that changed, gives new ones their keys, and notes all of them for the take-up."""
    slots = sorted(lots.changed)
    new = [slot for slot in slots if not lots.key[slot]]
    known = [slot for slot in slots if lots.key[slot]]
    _update_lots(intake, lots, known)
    for slot, key in zip(new, new_keys(intake.connection, StockLotRow, len(new)), strict=True):
        lots.key[slot] = key
    names = ("warehouse", "lot", "good", "unit", "grade", "bin", "quantity")
    columns: dict[str, Any] = {name: [getattr(lots, name)[slot] for slot in new] for name in names}
    columns["lot_key"] = [lots.key[slot] for slot in new]
    times = {"version": 1, "opened_us": intake.received_us, "received_us": intake.received_us}
    insert_columns(intake.connection, StockLotRow, {**columns, **times}, len(new))
    insert_columns(intake.connection, StockChangeRow, {"lot_key": [lots.key[slot] for slot in slots]}, len(slots))


def _update_lots(intake: Intake, lots: Lots, slots: Sequence[int]) -> None:
    if not slots:
        return
    table = StockLotRow.__table__
    columns = {name: [getattr(lots, name)[slot] for slot in slots] for name in ("key", "quantity", "grade", "bin")}
    if intake.connection.dialect.name == "sqlite":
        driver = intake.connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - a connection in a transaction has a driver
        statement = (
            f"UPDATE {table.name} SET quantity=?, grade=?, bin=?, version=version+1, received_us={intake.received_us} "  # noqa: S608 - a number
            "WHERE lot_key=?"
        )
        driver.executemany(
            statement, zip(columns["quantity"], columns["grade"], columns["bin"], columns["key"], strict=True)
        )
        return
    kinds: dict[str, Any] = {"key": BigInteger, "quantity": BigInteger, "grade": Text, "bin": Text}
    new = record_rows(columns, kinds, "new")
    values = {
        "quantity": new.c.quantity,
        "grade": new.c.grade,
        "bin": new.c.bin,
        "version": table.c.version + 1,
        "received_us": intake.received_us,
    }
    intake.connection.execute(update(table).where(table.c.lot_key == new.c.key).values(**values))


def store_movements(
    intake: Intake, source_key: int, run: Movements, places: BatchPlaces, booked: Booked, lots: Lots
) -> None:
    """Appends the rows of a run that were booked; each row [n] has its place in a batch."""
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
    names, code_of_slot = np.unique(np.array(lots.warehouse, dtype=object), return_inverse=True)
    code = code_of_slot[slots]
    rows = {
        "warehouse": names.tolist(),
        "movement_count": np.bincount(code, minlength=len(names)),
        "late_count": np.bincount(code, seconds > LATE_SECONDS, len(names)).astype(np.int64),
        "lateness_seconds": np.bincount(code, seconds, len(names)).astype(np.int64),
    }
    for warehouse, *sums in zip(rows["warehouse"], *(rows[name].tolist() for name in list(rows)[1:]), strict=True):
        values = dict(zip(list(rows)[1:], sums, strict=True))
        intake.connection.execute(_ADD_LATENESS, {"warehouse": warehouse, **values})


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
