"""Counts of stock held against the book: what agrees, what is short, what must not count as collateral.

Quantities are whole millionths of the lot's unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.shared.names import checked_id, checked_text
from collateral_registry.domain.shared.units import checked_unit
from collateral_registry.domain.stock.movements import QUANTITY_LIMIT_MILLIONTHS
from valuation._typing import Bool, Int
from valuation.errors import InvalidInput
from valuation.money import PPM

LINES_LIMIT = 20_000
"""Lots in one count."""


FEED_ACTOR = "stockFeeds/"
"""How the actor of a count begins that a warehouse made of itself; every other one is the lender's."""


class CountMethod(IntEnum):
    """How it was found out what is there; the numbers are stored and sent."""

    STOCK_LIST = 1
    PHYSICAL_COUNT = 2


@dataclass(frozen=True)
class CountLine:
    """One lot as it was counted or listed."""

    lot: str
    good: str
    unit: str
    quantity: int

    def __post_init__(self) -> None:
        """Checks every field."""
        checked_text("count.lines.lot", self.lot)
        checked_id("count.lines.good", self.good)
        checked_unit("count.lines.unit", self.unit)
        if not 0 <= self.quantity <= QUANTITY_LIMIT_MILLIONTHS:
            raise InvalidInput("count.lines.quantity", f"{self.quantity} millionths", "0 or more, at most 10^12 units")


@dataclass(frozen=True)
class StockCount:
    """A count of lots of one warehouse; a complete one names every lot that is there, so that what it omits is gone."""

    warehouse: str
    method: CountMethod
    counted_us: int
    lines: Sequence[CountLine]
    complete: bool = False
    document: str = ""

    def __post_init__(self) -> None:
        """Checks the warehouse, and that each lot is counted once."""
        checked_text("count.warehouse", self.warehouse)
        checked_text("count.document", self.document, required=False)
        if self.counted_us <= 0:
            raise InvalidInput("count.count_time", "nothing", "a time")
        if not (self.complete or self.lines) or len(self.lines) > LINES_LIMIT:
            raise InvalidInput("count.lines", f"{len(self.lines)} lots", f"1 to {LINES_LIMIT}, or none when complete")
        lots = [line.lot for line in self.lines]
        if len(set(lots)) < len(lots):
            twice = next(lot for place, lot in enumerate(lots) if lot in lots[:place])
            raise InvalidInput("count.lines.lot", repr(twice), "each lot once")


@dataclass(frozen=True)
class Compared:
    """Counts against the book [n]: the tolerance, what lies beyond it, and what is reserved for it."""

    tolerance: Int
    short: Bool
    long: Bool
    reserve: Int


def compare(counted: Int, book: Int, tolerance_ppm: int, has_book: Bool) -> Compared:
    """Compares counts [n] with the balances of the book [n] as of the time of the count.

    A difference of at most the tolerance, a share of the book, agrees. Beyond it the smaller figure counts: what the
    count lacks is reserved; what it has beyond the book never counts. Lots that nobody but the counts tells of
    (``has_book`` false) cannot differ.
    """
    there = np.maximum(book, 0)
    tolerance: Int = there // PPM * tolerance_ppm + there % PPM * tolerance_ppm // PPM
    short = has_book & (there - counted > tolerance)
    long = has_book & (counted - there > tolerance)
    reserve: Int = np.where(short, there - counted, 0)
    return Compared(tolerance, short, long, reserve)
