"""Reads stock movements and the lines of counts from files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path

from collateral_partner.feed_mapping import STANDARD, FeedMapping
from collateral_partner.movements import EPOCH, Movement
from collateral_partner.tables.canonical import UndecidedColumn
from collateral_partner.tables.errors import InvalidInput
from collateral_partner.tables.reader import Table, read_file
from collateral_partner.tables.schema import CellKind, Schema
from collateral_partner.times import WANTED_ZONE, Times, read_times

TEXT, NUMBER = CellKind.TEXT, CellKind.NUMBER
MOVEMENTS = Schema(
    {"movement": TEXT, "kind": TEXT, "time": TEXT, "warehouse": TEXT, "lot": TEXT, "quantity": NUMBER},
    dict.fromkeys(("good", "unit", "bin", "to_warehouse", "to_lot", "to_bin", "grade", "corrects", "document"), TEXT),
)
COUNT = Schema(
    {"lot": TEXT, "good": TEXT, "unit": TEXT, "quantity": NUMBER}, filled=frozenset(("lot", "good", "unit", "quantity"))
)
NO_TIME = "CORRECTION"
NO_QUANTITY = "QUALITY"


@dataclass
class MovementRows:
    """The movements of a file, the line of each movement by its id, and the refused rows with their reasons."""

    movements: list[Movement] = field(default_factory=list)
    line_of: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class CountLine:
    """The counted quantity of a lot, in plain digits."""

    lot: str
    good: str
    unit: str
    quantity: str


def read_movements(path: Path, mapping: FeedMapping = STANDARD) -> MovementRows:
    """Reads the movements of a file; raises ValueError if the file as a whole is invalid."""
    table = read_file(path, mapping.schema(MOVEMENTS), mapping.notation)
    rows = MovementRows(refused=[(one.line, one.reason) for one in table.refused])
    cells = mapping.cells(table, MOVEMENTS)
    times = _times(table, cells["time"], mapping)
    for at, line in enumerate(table.lines):
        row = {name: column[at] for name, column in cells.items()}
        try:
            movement = _movement(row, at, times, mapping)
        except ValueError as error:
            rows.refused.append((line, str(error)))
            continue
        rows.movements.append(movement)
        rows.line_of.setdefault(movement.movement_id, line)
    rows.refused.sort(key=lambda one: one[0])
    return rows


def read_count(path: Path, mapping: FeedMapping = STANDARD) -> list[CountLine]:
    """Reads the lines of a count; raises ValueError if a row is invalid."""
    table = read_file(path, mapping.schema(COUNT), mapping.notation).complete()
    cells = mapping.cells(table, COUNT)
    lines = []
    for at, line in enumerate(table.lines):
        try:
            row = {name: mapping.value(name, column[at]) for name, column in cells.items()}
        except ValueError as error:
            raise ValueError(f"{table.name}:{line}: {error}") from None
        lines.append(CountLine(**row))
    return lines


def read_time(text: str, zone: tzinfo | None = None) -> datetime:
    """Returns one time; raises ValueError if it is invalid, or has no zone and none is given."""
    try:
        times = read_times([text], zone)
    except UndecidedColumn as error:
        raise ValueError(f"time: {error}") from None
    found = times.instants[0]
    if found is None:
        raise ValueError(f"time: {times.wrong.get(0, f'got nothing, want {WANTED_ZONE}')}")
    return found


def _times(table: Table, cells: list[str], mapping: FeedMapping) -> Times:
    """Returns the times of a table; raises InvalidInput if the order of day and month cannot be decided."""
    try:
        return read_times(cells, mapping.time_zone, mapping.time_formats)
    except UndecidedColumn as error:
        place = f"{table.name}:{table.lines[error.at]}: {mapping.label('time')}"
        want = f"{error.want}, or their form in reading.time_format such as %d/%m/%Y"
        raise InvalidInput(place, error.got, want) from None


def _movement(cells: dict[str, str], at: int, times: Times, mapping: FeedMapping) -> Movement:
    """Converts a row to a movement; raises ValueError naming the column.

    The time may be empty for a correction, and the quantity for a change of quality.
    """
    row = {name: mapping.value(name, cell) for name, cell in cells.items()}
    kind = row["kind"].upper()
    if not row["quantity"] and kind != NO_QUANTITY:
        label = mapping.label("quantity")
        raise ValueError(f"{label}: got nothing, want a quantity; 0 in a correction cancels the movement")
    happened = times.instants[at]
    if at in times.wrong:
        raise ValueError(f"{mapping.label('time')}: {times.wrong[at]}")
    if happened is None and kind != NO_TIME:
        raise ValueError(f"{mapping.label('time')}: got nothing, want {WANTED_ZONE}")
    return Movement(
        movement_id=row["movement"],
        kind=kind,
        happened=happened or EPOCH,
        warehouse=row["warehouse"],
        lot=row["lot"],
        quantity=Decimal(row["quantity"] or "0"),
        **{name: row.get(name, "") for name in MOVEMENTS.optional},
    )
