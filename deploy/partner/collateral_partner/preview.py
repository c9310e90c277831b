"""Shows what a push of a file would send; sends nothing and changes no outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal

from collateral_partner.movements import EPOCH, Movement
from collateral_partner.rows import MovementRows
from collateral_partner.terminal import (
    EXIT_SOME_REFUSED,
    print_line,
    print_problems,
    print_table,
)

COLUMNS = (
    "movement", "kind", "time", "warehouse", "lot", "quantity", "unit", "good", "to_warehouse", "to_lot", "corrects",
    "bin", "to_bin", "grade", "document",
)  # fmt: skip
EVERYWHERE = ("warehouse", "unit", "good", "bin", "to_warehouse", "to_bin", "grade", "document")
"""Columns that are shown in one line if all movements have the same value."""

OPTIONAL = ("good", "to_warehouse", "to_lot", "corrects", "bin", "to_bin", "grade", "document")


def show_preview(rows: MovementRows, name: str, pending: int, shown: int) -> int:
    """Prints the first movements, their number and quantity by kind, and the refused rows; returns the exit code.

    ``pending`` movements are in the outbox from earlier pushes. All movements are shown if ``shown`` is 0.
    """
    if rows.movements:
        _print_movements(rows.movements, shown)
    print_line(
        f"check: {len(rows.movements)} movements would be sent, {len(rows.refused)} rows refused; nothing was sent"
    )
    print_problems([f"{name}:{line}: {reason}" for line, reason in rows.refused], len(rows.refused))
    if pending:
        print_line(f"{pending} movements are pending in the outbox from earlier pushes and would be sent first")
    return EXIT_SOME_REFUSED if rows.refused else 0


def _print_movements(movements: list[Movement], shown: int) -> None:
    """Prints the first movements, and the totals of all."""
    listed = movements[: shown or None]
    values = {name: {_cell(one, name) for one in movements} for name in COLUMNS}
    everywhere = [name for name in EVERYWHERE if len(values[name]) == 1 < len(movements) and values[name] != {""}]
    if everywhere:
        print_line("every movement: " + ", ".join(f"{name} {next(iter(values[name]))}" for name in everywhere))
    names = [name for name in COLUMNS if values[name] - {""} and name not in everywhere]
    print_table(names, [[_cell(one, name) for name in names] for one in listed], ("quantity",), OPTIONAL)
    if len(listed) < len(movements):
        print_line(f"the first {len(listed)} of {len(movements)} movements; --rows 0 shows all")
    print_line("")
    print_table(("kind", "good", "unit", "movements", "quantity"), _totals(movements), ("movements", "quantity"))
    print_line("")


def _cell(one: Movement, name: str) -> str:
    if name == "time":
        return "" if one.happened == EPOCH else one.happened.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if name == "quantity":
        return f"{one.quantity:f}"
    return str(getattr(one, "movement_id" if name == "movement" else name))


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
