"""Cleaning of raw quotes into a price series; every quote that is left out is listed with its defect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Dates, Float, Int
from valuation.prices.closed_days import is_exchange_holiday, is_weekend
from valuation.prices.jumps import Quotes, jump_limit, screen
from valuation.prices.regime_breaks import sudden_steps, usual_sigma
from valuation.prices.returns import GAP_TO_MEDIAN
from valuation.prices.unit_factors import is_unit_factor
from valuation.quotes import quote_columns


class Defect(IntEnum):
    """Finding about a quote; those in ``LEFT_OUT`` exclude it from the series, the others only mark it."""

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
    UNIT_FACTOR = 11
    SUDDEN_STEP = 12
    STEP_AND_BACK = 13
    CONTRACT_ROLL = 14
    HOLIDAY_REPEAT = 15
    WEEKEND_REPEAT = 16


LEFT_OUT = frozenset({
    Defect.NOT_FINITE, Defect.NOT_POSITIVE, Defect.REPEATED_QUOTE, Defect.CONFLICTING_QUOTES,
    Defect.SPIKE, Defect.WEEKEND_REPEAT,
})  # fmt: skip
"""Defects that exclude a quote from the series."""


@dataclass(frozen=True)
class Cleaned:
    """A clean series in date order [m], the input rows it came from, and the defects found.

    ``defects`` maps each defect to the input rows that have it, in order:

    - GAP and UNCHANGED: the later of the two quotes.
    - LEVEL_BREAK: the first quote at the new level.
    - NOT_POSITIVE_KEPT: a price of 0 or less in a series that permits them.
    - UNIT_FACTOR: a spike or level break whose size is the factor of a unit change.
    - SUDDEN_STEP, STEP_AND_BACK and CONTRACT_ROLL: the quote after a move that is too large for the series
      (valuation/prices/regime_breaks.py).
    - HOLIDAY_REPEAT and WEEKEND_REPEAT: a quote that repeats the previous one on a day without trading.
    """

    dates: Dates
    prices: Float
    rows: Int
    defects: dict[Defect, Int]

    @property
    def log_returns(self) -> Float:
        """Log returns between consecutive prices [m - 1]."""
        return np.asarray(np.diff(np.log(self.prices)), dtype=np.float64)


COPY_DAYS = 7
"""Distance in calendar days from which an equal quote on a day without trading is not a copy of the previous one."""

UNIT_ERROR_LEVELS = 5.0
"""Jump, in multiples of the typical price, beyond which a quote that reverts is a unit error. For comparison, the fall
of WTI to -36.98 was a jump of 1.1."""


def clean(dates: ArrayLike, prices: ArrayLike) -> Cleaned:
    """Cleans raw quotes [n] of one series.

    Quotes are sorted by date. If the quotes for a date are equal, the first one is kept; if they differ, none is kept.
    A quote that jumps by more than max(8 MAD-sigma, 40 %) and reverts is a spike; a quote that jumps and persists is a
    level break (valuation/prices/jumps.py). Weekend quotes that repeat Friday's price are left out, because they would
    make the market look calmer than it is; a quote a week or more after the previous one, such as the end of a month,
    is no such copy. Raises InvalidInput as ``quote_columns`` does.
    """
    prices, dates = quote_columns(prices, dates)
    days = dates.astype(np.int64)
    finite = np.isfinite(prices)
    found = {Defect.NOT_FINITE: np.flatnonzero(~finite), Defect.NOT_POSITIVE: np.flatnonzero(finite & (prices <= 0.0))}
    kept = _in_order(np.flatnonzero(finite & (prices > 0.0)), days, prices, found)
    logs = np.log(np.where(finite & (prices > 0.0), prices, 1.0))
    limit = jump_limit(prices[kept])
    accepted = _without_spikes(kept, days, logs[kept], limit, found)
    found[Defect.UNIT_FACTOR] = _unit_factors(kept, accepted, logs, limit)
    return _cleaned(accepted, days, prices, np.diff(logs[accepted]), limit, found)


def clean_signed(dates: ArrayLike, prices: ArrayLike) -> Cleaned:
    """Cleans raw quotes [n] of a series whose prices may be 0 or less; these are kept and marked NOT_POSITIVE_KEPT.

    Jumps are measured in multiples of the median absolute price, because such prices have no logarithm. A jump beyond
    UNIT_ERROR_LEVELS that reverts is a spike. A price a hundred times too small is not detected, because it looks
    like a fall. Raises InvalidInput as ``clean`` does.
    """
    prices, dates = quote_columns(prices, dates)
    days = dates.astype(np.int64)
    finite = np.isfinite(prices)
    found = {Defect.NOT_FINITE: np.flatnonzero(~finite)}
    kept = _in_order(np.flatnonzero(finite), days, prices, found)
    typical = float(np.median(np.abs(prices[kept]))) if len(kept) else 0.0
    levels = prices / (typical or 1.0)
    kept = _without_spikes(kept, days, levels[kept], UNIT_ERROR_LEVELS, found)
    found[Defect.NOT_POSITIVE_KEPT] = kept[prices[kept] <= 0.0]
    return _cleaned(kept, days, prices, np.diff(levels[kept]), UNIT_ERROR_LEVELS, found)


def _cleaned(kept: Int, days: Int, prices: Float, moves: Float, limit: float, found: dict[Defect, Int]) -> Cleaned:
    found |= _marks(kept, days, moves, limit)
    defects = {defect: rows for defect, rows in sorted(found.items()) if len(rows)}
    return Cleaned(days[kept].astype("datetime64[D]"), prices[kept], kept, defects)


def _in_order(usable: Int, days: Int, prices: Float, found: dict[Defect, Int]) -> Int:
    """Returns the rows in date order, one for each day, without weekend repetitions; adds the defects to ``found``."""
    if len(usable):
        found[Defect.OUT_OF_ORDER] = usable[days[usable] < np.maximum.accumulate(days[usable])]
    kept, found[Defect.REPEATED_QUOTE], found[Defect.CONFLICTING_QUOTES] = _one_a_day(usable, days, prices)
    unchanged = np.flatnonzero((np.diff(prices[kept]) == 0.0) & (np.diff(days[kept]) < COPY_DAYS)) + 1
    copied = unchanged[is_weekend(days[kept[unchanged]].astype("datetime64[D]"))]
    found[Defect.WEEKEND_REPEAT] = kept[copied]
    return np.delete(kept, copied)


def _unit_factors(kept: Int, accepted: Int, logs: Float, limit: float) -> Int:
    """Returns the rows whose jump from the previous row is a unit factor.

    The rows are spikes and the first quotes after level breaks.
    """
    moves = np.diff(logs[kept])
    jumped = np.flatnonzero(np.abs(moves) > limit)
    if not len(jumped):
        return kept[:0]
    # The move from a spike back to an accepted quote has the same factor, but that quote is correct.
    reverts = np.isin(kept[jumped + 1], accepted) & ~np.isin(kept[jumped], accepted)
    by_unit = is_unit_factor(moves[jumped], usual_sigma(np.diff(logs[accepted])))
    return kept[jumped + 1][by_unit & ~reverts]


def _one_a_day(rows: Int, days: Int, prices: Float) -> tuple[Int, Int, Int]:
    """Returns the rows to keep (one per day, in date order), repeated rows, and rows of days with different prices."""
    if (np.diff(days[rows]) > 0).all():
        return rows, rows[:0], rows[:0]
    _, first, group = np.unique(days[rows], return_index=True, return_inverse=True)
    differs = prices[rows] != prices[rows][first][group]
    clash = np.isin(group, group[differs])
    repeated = ~clash
    repeated[first] = False
    kept = rows[first][~clash[first]]
    return kept, rows[repeated], rows[clash]


def _without_spikes(rows: Int, days: Int, levels: Float, limit: float, found: dict[Defect, Int]) -> Int:
    nothing = Quotes(np.zeros(0, dtype=np.int64), np.zeros(0))
    held = screen(nothing, nothing, Quotes(days[rows], levels), limit).held
    found[Defect.SPIKE] = np.sort(rows[held])
    return rows[~held]


def _marks(rows: Int, days: Int, moves: Float, limit: float) -> dict[Defect, Int]:
    """Returns the marks of quotes that stay in the series, by defect."""
    dates = days[rows].astype("datetime64[D]")
    gaps = np.busday_count(dates[:-1], dates[1:])
    usual = max(float(np.median(gaps)), 1.0) if len(gaps) else 1.0
    later, unchanged = rows[1:], moves == 0.0
    copies = unchanged & (np.diff(days[rows]) < COPY_DAYS)
    steps = sudden_steps(dates[1:], moves, limit)
    return {
        Defect.LEVEL_BREAK: later[np.abs(moves) > limit],
        Defect.UNCHANGED: later[unchanged],
        Defect.GAP: later[gaps > GAP_TO_MEDIAN * usual],
        Defect.SUDDEN_STEP: later[steps.others],
        Defect.STEP_AND_BACK: later[steps.and_back],
        Defect.CONTRACT_ROLL: later[steps.rolls],
        Defect.HOLIDAY_REPEAT: later[copies][is_exchange_holiday(dates[1:][copies])],
    }
