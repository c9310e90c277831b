"""Reads stock movements from CSV files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from collateral_registry.cli.common.csv_columns import COLUMNS
from collateral_registry.cli.common.csv_rows import NumberedRow, Row, read_rows
from collateral_registry.client import Movement
from collateral_registry.client.movements import EPOCH


@dataclass
class MovementRows:
    """The movements of a file, the line of each movement by its id, and the refused rows with their reasons."""

    movements: list[Movement] = field(default_factory=list)
    line_of: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)


def read_movements(path: Path) -> MovementRows:
    """Reads the movements of a file; raises ValueError if the file as a whole is invalid."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            numbered = list(read_rows(file, "stock"))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    rows = MovementRows()
    for row in numbered:
        _add_row(row, rows)
    return rows


def _add_row(row: NumberedRow, rows: MovementRows) -> None:
    try:
        movement = parse_movement(row.fitting)
    except ValueError as error:
        rows.refused.append((row.line, str(error)))
        return
    rows.movements.append(movement)
    rows.line_of.setdefault(movement.movement_id, row.line)


def parse_movement(row: Row) -> Movement:
    """Converts a row to a movement; the time may be empty for a correction. Raises ValueError naming the column."""
    return Movement(
        movement_id=row["movement"],
        kind=row["kind"],
        happened=parse_time(row["time"]) if row["time"] or row["kind"] != "CORRECTION" else EPOCH,
        warehouse=row["warehouse"],
        lot=row["lot"],
        quantity=_quantity(row["quantity"]),
        **{name: row.get(name, "") for name in COLUMNS["stock"].optional},
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


def _quantity(text: str) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        raise ValueError(f"quantity: got {text[:40]!r}, want a number such as 12.5") from None
