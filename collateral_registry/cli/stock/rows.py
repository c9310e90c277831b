"""Reads stock movements from files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from collateral_partner import Movement
from collateral_partner.movements import EPOCH
from collateral_registry.cli.common.file_schemas import SCHEMAS, Row
from valuation.tables.reader import NumberedRow, read_file


@dataclass
class MovementRows:
    """The movements of a file, the line of each movement by its id, and the refused rows with their reasons."""

    movements: list[Movement] = field(default_factory=list)
    line_of: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)


def read_movements(path: Path) -> MovementRows:
    """Reads the movements of a file; raises ValueError if the file as a whole is invalid."""
    table = read_file(path, SCHEMAS["stock"])
    rows = MovementRows(refused=[(one.line, one.reason) for one in table.refused])
    for row in table.rows():
        _add_row(row, rows)
    return rows


def _add_row(row: NumberedRow, rows: MovementRows) -> None:
    try:
        movement = parse_movement(row.values)
    except ValueError as error:
        rows.refused.append((row.line, str(error)))
        return
    rows.movements.append(movement)
    rows.line_of.setdefault(movement.movement_id, row.line)


def parse_movement(row: Row) -> Movement:
    """Converts a row to a movement; raises ValueError naming the column.

    The time may be empty for a correction, and the quantity for a change of quality.
    """
    if not row["quantity"] and row["kind"] != "QUALITY":
        raise ValueError("quantity: got nothing, want a quantity; 0 in a correction cancels the movement")
    return Movement(
        movement_id=row["movement"],
        kind=row["kind"],
        happened=parse_time(row["time"]) if row["time"] or row["kind"] != "CORRECTION" else EPOCH,
        warehouse=row["warehouse"],
        lot=row["lot"],
        quantity=Decimal(row["quantity"] or "0"),
        **{name: row.get(name, "") for name in SCHEMAS["stock"].optional},
    )


def parse_time(text: str) -> datetime:
    """Parses a time with its time zone; raises ValueError if the time is invalid or has no zone."""
    problem = ValueError(f"time: got {text[:40]!r}, want a time with its zone such as 2022-07-01T12:00:00Z")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise problem from None
    if found.tzinfo is None:
        raise problem
    return found
