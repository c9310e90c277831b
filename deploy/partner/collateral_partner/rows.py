"""Reads stock movements and the lines of counts from files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path

from collateral_partner.feed_mapping import STANDARD, FeedMapping
from collateral_partner.feeds.item_rows import SHOWN_LETTERS, ItemRows, repeated_row, times_of
from collateral_partner.movements import EPOCH, Movement
from collateral_partner.tables.canonical import UndecidedColumn
from collateral_partner.tables.identifiers import is_scientific, may_be_scientific
from collateral_partner.tables.reader import read_file
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
IDENTIFIERS = ("movement", "lot", "to_lot")
COLUMN_OF_FIELD = {"movement_id": "movement", "happened": "time"}
"""Columns of the fields of a movement that have another name."""


class MovementRows(ItemRows[Movement]):
    """The movements of a file, the line of each movement by its id, and the refused rows with their reasons."""

    @property
    def movements(self) -> list[Movement]:
        """The movements."""
        return self.items


@dataclass(frozen=True)
class CountLine:
    """The counted quantity of a lot, in plain digits."""

    lot: str
    good: str
    unit: str
    quantity: str


def read_movements(path: Path, mapping: FeedMapping = STANDARD) -> MovementRows:
    """Reads the movements of a file; raises ValueError if the file as a whole is invalid.

    A row that repeats an earlier one is refused, because it may be a second movement. Two rows with one id and
    different content make the file invalid: its ids are not those of movements.
    """
    table = read_file(path, mapping.schema(MOVEMENTS), mapping.notation)
    rows = MovementRows(refused=[(one.line, one.reason) for one in table.refused])
    cells = mapping.cells(table, MOVEMENTS)
    times = times_of(table, cells["time"], mapping)
    doubtful = [name for name in IDENTIFIERS if may_be_scientific("\n".join(cells.get(name, ())))]
    first: dict[str, Movement] = {}
    for at, line in enumerate(table.lines):
        row = {name: column[at] for name, column in cells.items()}
        try:
            _check_identifiers(row, doubtful, mapping)
            movement = _movement(row, at, times, mapping)
        except ValueError as error:
            rows.refused.append((line, str(error)))
            continue
        earlier = first.setdefault(movement.movement_id, movement)
        if earlier is movement:
            rows.take(movement, line)
        else:
            place = f"{table.name}:{line}: {mapping.label('movement')}"
            want = ("an id of its own for each movement; columns.movement can join several headers", "movement")
            rows.refused.append((line, repeated_row(place, movement, earlier, rows, want)))
    rows.refused.sort(key=lambda one: one[0])
    return rows


def _check_identifiers(cells: Mapping[str, str], names: Iterable[str], mapping: FeedMapping) -> None:
    """Raises ValueError if an identifier is in scientific notation, in which its last digits are lost."""
    for name in names:
        if is_scientific(cells[name]):
            want = "the digits as issued; format the column as text in the spreadsheet and save it again"
            raise ValueError(f"{mapping.label(name)}: got {cells[name][:SHOWN_LETTERS]!r}, want {want}")


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


def _movement(cells: dict[str, str], at: int, times: Times, mapping: FeedMapping) -> Movement:
    """Converts a row to a movement; raises ValueError naming the column.

    The time may be empty for a correction, and the quantity for a change of quality.
    """
    row = {name: mapping.value(name, cell) for name, cell in cells.items()}
    kind = row["kind"].upper()
    if not row["movement"]:
        want = "the number of the movement; a row of totals has none and is not sent"
        raise ValueError(f"{mapping.label('movement')}: got nothing, want {want}")
    if not row["quantity"] and kind != NO_QUANTITY:
        label = mapping.label("quantity")
        raise ValueError(f"{label}: got nothing, want a quantity; 0 in a correction cancels the movement")
    happened = times.instants[at]
    if at in times.wrong:
        raise ValueError(f"{mapping.label('time')}: {times.wrong[at]}")
    if happened is None and kind != NO_TIME:
        raise ValueError(f"{mapping.label('time')}: got nothing, want {WANTED_ZONE}")
    try:
        return Movement(
            movement_id=row["movement"],
            kind=kind,
            happened=happened or EPOCH,
            warehouse=row["warehouse"],
            lot=row["lot"],
            quantity=Decimal(row["quantity"] or "0"),
            **{name: row.get(name, "") for name in MOVEMENTS.optional},
        )
    except ValueError as error:
        name, _, rest = str(error).partition(": ")
        raise ValueError(f"{mapping.label(COLUMN_OF_FIELD.get(name, name))}: {rest}") from None
