"""Movements of warehouse stock in columns, and the checks that need no knowledge of the book.

Quantities are whole millionths of the lot's unit. Times are microseconds from 1970-01-01 UTC. Missing strings are
empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.assets.kinds import QUANTITY_LIMIT
from collateral_registry.domain.feeds.column_checks import (
    add_problems,
    are_equal,
    is_given,
    passes,
    rows_with,
    rows_with_unclean_text,
    shown_text,
    shown_time,
)
from collateral_registry.domain.feeds.items import CLOCK_TOLERANCE_US, NOT_STATED, ItemProblem, Items, Problems, item_of
from collateral_registry.domain.shared.names import checked_id
from collateral_registry.domain.shared.quantities import MILLION, plain
from collateral_registry.domain.shared.units import NO_SPELLINGS, UnitsBySpelling, has_meaning, is_known, unit_of
from valuation._typing import Bool
from valuation.errors import InvalidInput
from valuation.tables.identifiers import is_scientific, may_be_scientific

QUANTITY_LIMIT_MILLIONTHS = int(QUANTITY_LIMIT) * MILLION

LATE_SECONDS = 86_400
"""Delay after which a movement counts as reported late. It is one day, because warehouses list their stock daily."""


class MovementKind(IntEnum):
    """Kind of a movement; the numeric values are stored and sent."""

    RECEIPT = 1
    ISSUE = 2
    TRANSFER = 3
    ADJUSTMENT = 4
    QUALITY = 5
    SPLIT = 6
    MERGE = 7
    CORRECTION = 8


class RejectionReason(IntEnum):
    """Why a movement was not booked; the numeric values are stored and sent."""

    INVALID_FIELD = 1
    FOREIGN_WAREHOUSE = 2
    UNKNOWN_LOT = 3
    INSUFFICIENT_STOCK = 4
    LOT_MISMATCH = 5
    ID_REUSED = 6
    UNKNOWN_MOVEMENT = 7
    FUTURE_TIME = 8


TWO_LEGGED = frozenset({MovementKind.TRANSFER, MovementKind.SPLIT, MovementKind.MERGE})
"""Kinds that move goods from one lot to another."""


@dataclass(frozen=True)
class Movements(Items):
    """Movements [n] as reported by a partner, in columns."""

    movement_id: Sequence[str]
    kind: Sequence[int]
    effective_us: Sequence[int]
    warehouse: Sequence[str]
    good: Sequence[str]
    lot: Sequence[str]
    bin: Sequence[str]
    unit: Sequence[str]
    quantity: Sequence[int]
    to_warehouse: Sequence[str]
    to_lot: Sequence[str]
    to_bin: Sequence[str]
    grade: Sequence[str]
    corrects: Sequence[str]
    document: Sequence[str]


def movement_of(item: Mapping[str, str | int]) -> Movements:
    """Builds a batch of one movement from the result of :meth:`Items.item`."""
    return item_of(Movements, item)


def problems_of(
    batch: Movements, own_warehouses: Collection[str] | None, now_us: int, own_units: UnitsBySpelling = NO_SPELLINGS
) -> Problems:
    """Returns the problems that each row has independently of the book.

    ``own_warehouses`` are the warehouses that the feed may name; None permits any. ``own_units`` are the feed's own
    spellings of units. Each column is first checked as a whole. Only if that check fails are its rows checked one by
    one.
    """
    kind = np.array(batch.kind, dtype=np.int64)
    found: Problems = {}
    for name, rows in (*_wrong_texts(batch), *_wrong_by_kind(batch, kind), *_wrong_quantities(batch, kind)):
        _add(found, rows, RejectionReason.INVALID_FIELD, name, getattr(batch, name), WANTED[name])
    _check_units(found, batch, own_units)
    _check_times(found, batch, kind, now_us)
    if own_warehouses is not None:
        for name in ("warehouse", "to_warehouse"):
            column = getattr(batch, name)
            rows = rows_with(column, {text for text in set(column) if text and text not in own_warehouses})
            _add(found, rows, RejectionReason.FOREIGN_WAREHOUSE, name, column, "a warehouse of the feed")
    return found


WANTED = {
    "movement_id": "1 to 200 printable characters without spaces around them, not in scientific notation",
    "kind": "a kind of movement",
    "warehouse": "1 to 200 printable characters without spaces around them",
    "lot": "1 to 200 printable characters without spaces around them, not in scientific notation",
    "good": "an id such as copper",
    "unit": "a unit such as t, kg, lb, bbl, oz_t or piece",
    "bin": "at most 200 printable characters",
    "to_bin": "at most 200 printable characters",
    "grade": "at most 200 printable characters; a quality change needs one",
    "document": "at most 200 printable characters",
    "to_warehouse": "another warehouse for a transfer, none for other kinds",
    "to_lot": "another lot for a split or merge, a lot or none for a transfer, none for other kinds; not in "
    "scientific notation",
    "corrects": "the id of another movement for a correction, none for other kinds",
    "quantity": "more than 0 and at most 10^12; for an adjustment not 0, for a quality change 0, for a correction "
    "the correct quantity",
}
"""The valid content of each field, as stated in messages."""


def _add(
    found: Problems, rows: Iterable[int], reason: RejectionReason, name: str, column: Sequence[object], want: str
) -> None:
    add_problems(found, rows, reason, lambda row: f"{name}: got {_shown(name, column[row])}, want {want}")


def _shown(name: str, value: object) -> str:
    """Returns the value of a field as the partner states it: a quantity in its unit, a time in UTC."""
    if isinstance(value, int) and name == "quantity":
        return "nothing" if value == NOT_STATED else f"{plain(Decimal(value) / MILLION):f}"
    if isinstance(value, int) and name == "effective_time":
        return shown_time(value)
    return shown_text(value)


_FREE_TEXTS = (
    "movement_id", "warehouse", "lot", "bin", "to_bin", "grade", "document", "to_warehouse", "to_lot", "corrects",
)  # fmt: skip
"""Columns that may hold any clean string, which is printable, of limited length, and without surrounding spaces."""


def _wrong_texts(batch: Movements) -> list[tuple[str, list[int]]]:
    """Returns the rows of each string column that hold an invalid string."""
    wrong = []
    for name in _FREE_TEXTS:
        column = getattr(batch, name)
        wrong.append((name, rows_with_unclean_text(column)))
    bad = {text for text in set(batch.good) if text and not passes(checked_id, text)}
    wrong.append(("good", rows_with(batch.good, bad)))
    for name in ("movement_id", "lot", "to_lot"):
        column = getattr(batch, name)
        if may_be_scientific("\n".join(column)):
            wrong.append((name, rows_with(column, {text for text in set(column) if is_scientific(text)})))
    return wrong


def unclear_units(batch: Movements) -> set[str]:
    """Returns the stated units that the registry does not know with one meaning."""
    return {unit for unit in set(batch.unit) if unit and not is_known(unit)}


def _check_units(found: Problems, batch: Movements, own: UnitsBySpelling) -> None:
    """Adds a problem for each unit that is unknown, or has several meanings for the good that the row states.

    A word without a good is decided by the good of the lot, when the row is booked.
    """
    unclear = unclear_units(batch)
    for row in rows_with(batch.unit, unclear):
        if batch.good[row] or not has_meaning(batch.unit[row], own):
            try:
                unit_of("unit", batch.unit[row], batch.good[row], own=own)
            except InvalidInput as error:
                found.setdefault(row, ItemProblem(RejectionReason.INVALID_FIELD, str(error)))


def _wrong_by_kind(batch: Movements, kind: NDArray[np.int64]) -> list[tuple[str, list[int]]]:
    """Returns the rows that lack a field that their kind requires, or have one that it does not permit."""
    opens = kind == MovementKind.RECEIPT
    corrects = kind == MovementKind.CORRECTION
    transfers = kind == MovementKind.TRANSFER
    regroups = (kind == MovementKind.SPLIT) | (kind == MovementKind.MERGE)
    given = {name: is_given(getattr(batch, name)) for name in ("to_warehouse", "to_lot", "corrects")}
    wrong: dict[str, Bool] = {
        "kind": (kind < 1) | (kind > len(MovementKind)),
        "movement_id": ~is_given(batch.movement_id),
        "warehouse": ~corrects & ~is_given(batch.warehouse),
        "lot": ~corrects & ~is_given(batch.lot),
        "good": opens & ~is_given(batch.good),
        "unit": opens & ~is_given(batch.unit),
        "grade": (kind == MovementKind.QUALITY) & ~is_given(batch.grade),
        "to_warehouse": (transfers & ~given["to_warehouse"]) | (~transfers & given["to_warehouse"]),
        "to_lot": (regroups & ~given["to_lot"]) | (~transfers & ~regroups & given["to_lot"]),
        "corrects": corrects != given["corrects"],
    }
    _add_moves_in_place(batch, transfers, regroups, wrong)
    return [(name, np.flatnonzero(rows).tolist()) for name, rows in wrong.items() if rows.any()]


def _add_moves_in_place(batch: Movements, transfers: Bool, regroups: Bool, wrong: dict[str, Bool]) -> None:
    """Marks transfers to the same warehouse, and splits and merges into the same lot, as wrong."""
    if transfers.any():
        wrong["to_warehouse"] |= transfers & are_equal(batch.to_warehouse, batch.warehouse)
    if regroups.any():
        wrong["to_lot"] |= regroups & are_equal(batch.to_lot, batch.lot)


def _wrong_quantities(batch: Movements, kind: NDArray[np.int64]) -> list[tuple[str, list[int]]]:
    quantity = np.array(batch.quantity, dtype=np.int64)
    adjusts, corrects = kind == MovementKind.ADJUSTMENT, kind == MovementKind.CORRECTION
    regrades = kind == MovementKind.QUALITY
    wrong = (quantity > QUANTITY_LIMIT_MILLIONTHS) | (quantity < -QUANTITY_LIMIT_MILLIONTHS)
    wrong |= np.where(adjusts, quantity == 0, (quantity <= 0) & ~corrects & ~regrades)
    wrong |= regrades & (quantity != 0)
    return [("quantity", np.flatnonzero(wrong).tolist())] if wrong.any() else []


def _check_times(found: Problems, batch: Movements, kind: NDArray[np.int64], now_us: int) -> None:
    """Adds problems for missing and future times.

    Corrections are exempt, because they take the time of the movement that they restate.
    """
    time = np.array(batch.effective_us, dtype=np.int64)
    has_time = kind != MovementKind.CORRECTION
    latest = now_us + CLOCK_TOLERANCE_US
    missing, future = np.flatnonzero(has_time & (time <= 0)), np.flatnonzero(has_time & (time > latest))
    _add(
        found,
        missing.tolist(),
        RejectionReason.INVALID_FIELD,
        "effective_time",
        batch.effective_us,
        "a time after 1970-01-01",
    )
    latest_wanted = f"not after {shown_time(latest)}, five minutes from now"
    _add(found, future.tolist(), RejectionReason.FUTURE_TIME, "effective_time", batch.effective_us, latest_wanted)
