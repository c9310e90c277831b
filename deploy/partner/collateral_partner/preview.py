"""Shows what a push of a file would send; sends nothing and changes no outbox."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path

from collateral_partner.movements import EPOCH, Movement
from collateral_partner.outbox import pending_in
from collateral_partner.rows import MovementRows
from collateral_partner.terminal import (
    EXIT_SOME_REFUSED,
    EXIT_USAGE,
    print_error,
    print_line,
    print_problems,
    print_table,
)

ALWAYS = ("movement", "kind", "time", "warehouse", "lot", "quantity", "unit", "good")
OPTIONAL = ("bin", "to_warehouse", "to_lot", "to_bin", "grade", "corrects", "document")


def show_preview(rows: MovementRows, name: str, outbox: Path, shown: int) -> int:
    """Prints the first movements, their number and quantity by kind, and the refused rows; returns the exit code.

    All movements are shown if ``shown`` is 0.
    """
    listed = rows.movements[: shown or None]
    filled = [column for column in OPTIONAL if any(getattr(one, column) for one in rows.movements)]
    cells = ([*_cells(one), *(getattr(one, column) for column in filled)] for one in listed)
    print_table((*ALWAYS, *filled), cells, ("quantity",))
    if len(listed) < len(rows.movements):
        print_line(f"the first {len(listed)} of {len(rows.movements)} movements; --rows 0 shows all")
    print_table(("kind", "good", "unit", "movements", "quantity"), _totals(rows.movements), ("movements", "quantity"))
    print_line(
        f"check: {len(rows.movements)} movements would be sent, {len(rows.refused)} rows refused; nothing was sent"
    )
    print_problems([f"{name}:{line}: {reason}" for line, reason in rows.refused], len(rows.refused))
    return _conflicts(rows, name, outbox) or (EXIT_SOME_REFUSED if rows.refused else 0)


def _cells(one: Movement) -> tuple[str, ...]:
    time = "" if one.happened == EPOCH else f"{one.happened.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    return (one.movement_id, one.kind, time, one.warehouse, one.lot, f"{one.quantity:f}", one.unit, one.good)


def _totals(movements: list[Movement]) -> Iterator[tuple[str, ...]]:
    """Yields number and quantity of the movements of each kind, good and unit."""
    counts: Counter[tuple[str, str, str]] = Counter()
    sums: dict[tuple[str, str, str], Decimal] = {}
    for one in movements:
        key = (one.kind, one.good, one.unit)
        counts[key] += 1
        sums[key] = sums.get(key, Decimal()) + one.quantity
    for key, count in sorted(counts.items()):
        yield (*key, str(count), f"{sums[key]:f}")


def _conflicts(rows: MovementRows, name: str, outbox: Path) -> int:
    """Prints what else the outbox holds, and whether a push would refuse the file for an id with two contents."""
    try:
        contents = pending_in(outbox) if outbox.exists() else {}
    except sqlite3.DatabaseError as error:
        print_error(f"outbox: {outbox.name} cannot be used: {error}")
        return EXIT_USAGE
    if contents:
        print_line(f"{len(contents)} movements are pending in the outbox from earlier pushes and would be sent first")
    for one in rows.movements:
        if contents.setdefault(one.movement_id, one.content) != one.content:
            place = f"{name}: movement_id: {one.movement_id}"
            print_error(f"{place} occurs twice or is pending, with different content; the file would be refused")
            return EXIT_USAGE
    return 0
