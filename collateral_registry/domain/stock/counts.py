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


class Disagreement(IntEnum):
    """How a count of a lot differs from the book."""

    NONE = 0
    SHORT = 1
    LONG = 2
    OTHER_GOOD = 3


@dataclass(frozen=True)
class ComparedCount:
    """A count of one lot compared with the book; ``reserve`` is the shortage that it shows beyond the tolerance."""

    key: int
    by_lender: bool
    counted_us: int
    disagreement: Disagreement
    reserve: int


def deciding_counts(counts: Sequence[ComparedCount]) -> list[ComparedCount]:
    """Returns the counts of one lot that decide its reserve, which is the largest reserve of these.

    The newest count decides. If the lender's newest count shows a shortage, it decides together with the warehouse's
    own counts since, which may raise the reserve but not lower it. Of two counts at the same time, both decide if they
    are by the lender and by the warehouse, else the one recorded last.
    """
    ordered = sorted(counts, key=lambda one: (one.counted_us, one.key))
    lender = next((one for one in reversed(ordered) if one.by_lender), None)
    own = [one for one in ordered if not one.by_lender and (lender is None or one.counted_us >= lender.counted_us)]
    if lender is None or not own:
        return [*own[-1:]] if lender is None else [lender]
    if lender.reserve:
        return [lender, *(one for one in own[:-1] if one.reserve), own[-1]]
    return [lender, own[-1]] if own[-1].counted_us == lender.counted_us else [own[-1]]


@dataclass(frozen=True)
class Compared:
    """Counts compared with the book [n]: tolerance, whether the lot is short or long beyond it, and reserve."""

    tolerance: Int
    short: Bool
    long: Bool
    reserve: Int


def compare(counted: Int, book: Int, tolerance_ppm: int | Int, has_book: Bool) -> Compared:
    """Compares counts [n] with the booked quantities [n] at the time of the count.

    The tolerance is a share of the booked quantity. If the difference exceeds it, the smaller quantity counts: a
    shortage is reserved, and a surplus is ignored. Lots known only from counts (``has_book`` false) never differ.
    """
    booked = np.maximum(book, 0)
    # Split into whole millions and the rest, so that the product stays within int64.
    share = np.asarray(tolerance_ppm, dtype=np.int64)
    tolerance: Int = booked // PPM * share + booked % PPM * share // PPM
    short = has_book & (booked - counted > tolerance)
    long = has_book & (counted - booked > tolerance)
    reserve: Int = np.where(short, booked - counted, 0)
    return Compared(tolerance, short, long, reserve)
