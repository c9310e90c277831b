"""Raw quotes to a series of prices: every quote is either in the series or named with what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput
from valuation.prices.jumps import Quotes, jump_limit, screen
from valuation.prices.returns import GAP_TO_MEDIAN

Dates = NDArray[np.datetime64]
Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Defect(IntEnum):
    """What was found about a quote; those up to SPIKE keep it out of the series, the others only mark it."""

    NOT_FINITE = 1
    NOT_POSITIVE = 2
    REPEATED_QUOTE = 3
    CONFLICTING_QUOTES = 4
    SPIKE = 5
    OUT_OF_ORDER = 6
    LEVEL_BREAK = 7
    UNCHANGED = 8
    GAP = 9
    NOT_POSITIVE_KEPT = 10


LEFT_OUT = Defect.SPIKE
"""The last defect that keeps a quote out."""


@dataclass(frozen=True)
class Cleaned:
    """A series in order of dates [m], the rows of the input it came from, and what was found.

    ``defects`` maps each defect found to the rows of the input, in order. GAP and UNCHANGED name the later quote of
    the two, LEVEL_BREAK the first quote at the new level, NOT_POSITIVE_KEPT a price of 0 or less in a series that may
    have them.
    """

    dates: Dates
    prices: Float
    rows: Int
    defects: dict[Defect, Int]

    @property
    def log_returns(self) -> Float:
        """From each price to the next [m - 1]."""
        return np.asarray(np.diff(np.log(self.prices)), dtype=np.float64)


UNIT_ERROR_LEVELS = 5.0
"""In typical prices: a quote that jumps further and comes back is in another unit. WTI's fall to -36.98 was 1.1."""


def clean(dates: Dates, prices: Float) -> Cleaned:
    """Sorts out raw quotes [n] of one series.

    A quote out of order is put in its place. Of equal quotes of a date the first stays; of different ones none does. A
    quote that jumps beyond max(8 MAD-sigma, 40 %) and comes back is a spike; one that stays is a level break
    (valuation/prices/jumps.py). Raises InvalidInput where dates and prices differ in length or a date is NaT.
    """
    days = _days(dates, prices)
    finite = np.isfinite(prices)
    found = {Defect.NOT_FINITE: np.flatnonzero(~finite), Defect.NOT_POSITIVE: np.flatnonzero(finite & (prices <= 0.0))}
    kept = _in_order(np.flatnonzero(finite & (prices > 0.0)), days, prices, found)
    limit = jump_limit(prices[kept])
    kept = _without_spikes(kept, days, np.log(prices[kept]), limit, found)
    return _cleaned(kept, days, prices, np.diff(np.log(prices[kept])), limit, found)


def clean_signed(dates: Dates, prices: Float) -> Cleaned:
    """The same for a series whose prices may be 0 or less: these stay and are named NOT_POSITIVE_KEPT.

    Jumps are measured in typical prices, since there is no logarithm: one beyond UNIT_ERROR_LEVELS of them that comes
    back is a spike. A price a hundred times too small cannot be told from a fall. Raises InvalidInput as ``clean``.
    """
    days = _days(dates, prices)
    finite = np.isfinite(prices)
    found = {Defect.NOT_FINITE: np.flatnonzero(~finite)}
    kept = _in_order(np.flatnonzero(finite), days, prices, found)
    typical = float(np.median(np.abs(prices[kept]))) if len(kept) else 0.0
    levels = prices / (typical or 1.0)
    kept = _without_spikes(kept, days, levels[kept], UNIT_ERROR_LEVELS, found)
    found[Defect.NOT_POSITIVE_KEPT] = kept[prices[kept] <= 0.0]
    return _cleaned(kept, days, prices, np.diff(levels[kept]), UNIT_ERROR_LEVELS, found)


def _days(dates: Dates, prices: Float) -> Int:
    days = dates.astype("datetime64[D]").astype(np.int64)
    if days.shape != prices.shape or np.isnat(dates).any():
        raise InvalidInput("dates", f"{len(days)} for {len(prices)} prices", "a date for each price")
    return days


def _cleaned(kept: Int, days: Int, prices: Float, moves: Float, limit: float, found: dict[Defect, Int]) -> Cleaned:
    found |= _marks(kept, days, moves, limit)
    defects = {defect: rows for defect, rows in sorted(found.items()) if len(rows)}
    return Cleaned(days[kept].astype("datetime64[D]"), prices[kept], kept, defects)


def _in_order(usable: Int, days: Int, prices: Float, found: dict[Defect, Int]) -> Int:
    """Rows in order of days, one each; what is wrong with the others goes into ``found``."""
    if len(usable):
        found[Defect.OUT_OF_ORDER] = usable[days[usable] < np.maximum.accumulate(days[usable])]
    kept, found[Defect.REPEATED_QUOTE], found[Defect.CONFLICTING_QUOTES] = _one_a_day(usable, days, prices)
    return kept


def _one_a_day(rows: Int, days: Int, prices: Float) -> tuple[Int, Int, Int]:
    """Rows in order of days, one each; the repetitions; and those of days with different prices."""
    _, first, group = np.unique(days[rows], return_index=True, return_inverse=True)
    differs = prices[rows] != prices[rows][first][group]
    clash = np.isin(group, group[differs])
    again = ~clash
    again[first] = False
    kept = rows[first][~clash[first]]
    return kept, rows[again], rows[clash]


def _without_spikes(rows: Int, days: Int, levels: Float, limit: float, found: dict[Defect, Int]) -> Int:
    nothing = Quotes(np.zeros(0, dtype=np.int64), np.zeros(0))
    held = screen(nothing, nothing, Quotes(days[rows], levels), limit).held
    found[Defect.SPIKE] = np.sort(rows[held])
    return rows[~held]


def _marks(rows: Int, days: Int, moves: Float, limit: float) -> dict[Defect, Int]:
    """What is worth knowing of the quotes that stay."""
    gaps = np.busday_count(days[rows][:-1].astype("datetime64[D]"), days[rows][1:].astype("datetime64[D]"))
    usual = max(float(np.median(gaps)), 1.0) if len(gaps) else 1.0
    return {
        Defect.LEVEL_BREAK: rows[1:][np.abs(moves) > limit],
        Defect.UNCHANGED: rows[1:][moves == 0.0],
        Defect.GAP: rows[1:][gaps > GAP_TO_MEDIAN * usual],
    }
