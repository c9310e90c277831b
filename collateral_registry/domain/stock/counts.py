"""Compares stock counts with the booked quantities: shortages, surpluses and reserves.

Quantities are whole millionths of the lot's unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.shared.names import checked_id, checked_text
from collateral_registry.domain.shared.units import checked_spelling
from collateral_registry.domain.stock.movements import QUANTITY_LIMIT_MILLIONTHS
from valuation._typing import Bool, Int
from valuation.errors import InvalidInput
from valuation.money import PPM

LINES_LIMIT = 20_000
"""Largest number of lots in one count."""


FEED_ACTOR = "stockFeeds/"
"""Prefix of the actor of a count that a warehouse reports itself. All other counts are the lender's."""


class CountMethod(IntEnum):
    """Method of a count; the numeric values are stored and sent."""

    STOCK_LIST = 1
    PHYSICAL_COUNT = 2


@dataclass(frozen=True)
class CountLine:
    """The counted or listed quantity of one lot."""

    lot: str
    good: str
    unit: str
    quantity: int

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        checked_text("count.lines.lot", self.lot)
        checked_id("count.lines.good", self.good)
        checked_spelling("count.lines.unit", self.unit)
        if not 0 <= self.quantity <= QUANTITY_LIMIT_MILLIONTHS:
            raise InvalidInput("count.lines.quantity", f"{self.quantity} millionths", "0 or more, at most 10^12 units")


@dataclass(frozen=True)
class StockCount:
    """A count of lots in one warehouse. If it is complete, lots that it omits are counted as 0."""

    warehouse: str
    method: CountMethod
    counted_us: int
    lines: Sequence[CountLine]
    complete: bool = False
    document: str = ""

    def __post_init__(self) -> None:
        """Validates every field, and that each lot is counted once; raises InvalidInput."""
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
    """Counts compared with the book [n]: tolerance, whether the lot is short or long beyond it, and reserve."""

    tolerance: Int
    short: Bool
    long: Bool
    reserve: Int


def compare(counted: Int, book: Int, tolerance_ppm: int, has_book: Bool) -> Compared:
    """Compares counts [n] with the booked quantities [n] at the time of the count.

    The tolerance is a share of the booked quantity. If the difference exceeds it, the smaller quantity counts: a
    shortage is reserved, and a surplus is ignored. Lots known only from counts (``has_book`` false) never differ.
    """
    booked = np.maximum(book, 0)
    # Split into whole millions and the rest, so that the product stays within int64.
    tolerance: Int = booked // PPM * tolerance_ppm + booked % PPM * tolerance_ppm // PPM
    short = has_book & (booked - counted > tolerance)
    long = has_book & (counted - booked > tolerance)
    reserve: Int = np.where(short, booked - counted, 0)
    return Compared(tolerance, short, long, reserve)
