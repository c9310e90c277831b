"""Price adjustment: a rise counts only as far as the recent level and the usual moves of the series support it.

    supported price = level x exp(2 x usual move)          adjustment = min(1, supported price / price)

The level is the highest price that more than half of the quotes of the last 20 business days reached; the usual move is
that of ten business days. A rise that lasts moves the level, and then counts in full
(docs/models/price-adjustment.md).
"""

from __future__ import annotations

import numpy as np

from valuation._typing import Dates, Float
from valuation.flags import QualityFlag
from valuation.prices.cleaning import Cleaned, Defect
from valuation.prices.jumps import JUMP_LOG_MOVE
from valuation.prices.returns import SPACING_GAPS, usual_step_days
from valuation.prices.stale_quotes import fresh

LEVEL_DAYS = 20
MIN_LEVEL_QUOTES = 5
"""Business days before the newest quote from which the level is computed, and the fewest quotes used for it. A rise
has lasted after half of them: ten business days of daily quotes, or three quotes of a slower series."""

USUAL_MOVES = 250
"""Number of moves, all before the quotes of the level, from which the usual move is computed."""

SUPPORTED_MOVES = 2.0
"""Rise above the level that counts at once, in usual moves."""

UNKNOWN_DAILY_MOVE = 0.03 * float(np.sqrt(2.0 / np.pi))
"""Mean absolute daily log move assumed for a series without moves: that of a volatility of 3 % a day, as for the
haircut of a series without an estimate."""


def adjustment(price: Float, supported: Float) -> Float:
    """Returns the factors [n] that reduce prices [n] to their supported prices [n]; 1 where either is not positive."""
    known = (price > 0.0) & (supported > 0.0)
    share = np.where(known, supported, 1.0) / np.where(known, price, 1.0)
    return np.asarray(np.minimum(share, 1.0), dtype=np.float64)


def supported_price(dates: Dates, prices: Float) -> float:
    """Returns the highest newest price that the earlier quotes of a series [n] support; NaN without quotes.

    Prices are positive and in date order. A first quote supports itself. Quotes of a feed that stands still are left
    out, because a repeated quote does not show that a rise has lasted.
    """
    places = fresh(dates, prices).places
    days, quotes = dates[places], prices[places]
    if len(quotes) < 2:
        return float(quotes[-1]) if len(quotes) else float("nan")
    step = usual_step_days(days[-SPACING_GAPS - 1 :])
    level_quotes = max(-(-LEVEL_DAYS // step), MIN_LEVEL_QUOTES)
    lag = _lag(level_quotes)
    elapsed = float(np.busday_count(days[-1 - min(lag, len(days) - 1)], days[-1])) / (lag * step)
    return float(supported(quotes[-USUAL_MOVES - lag - level_quotes :], level_quotes, step, elapsed))


def supported(
    quotes: Float, level_quotes: int, step_days: int, elapsed: float = 1.0, moves: float = SUPPORTED_MOVES
) -> Float:
    """Returns the supported price of the newest quote of each series [...], given its last quotes [..., k].

    ``level_quotes`` is the number of quotes before the newest one that form the level, all of them in a shorter series.
    ``step_days`` is the usual step of the series. ``elapsed`` is the time from the middle of the level's quotes to the
    newest quote, as a multiple of the usual time; after a gap it is more than 1, and the usual move grows with its
    square root. ``moves`` is the number of usual moves that count at once.
    """
    earlier, lag = quotes[..., :-1], _lag(level_quotes)
    recent = np.sort(earlier[..., -level_quotes:], axis=-1)
    level = recent[..., (recent.shape[-1] - 1) // 2]
    logs = np.log(earlier[..., : max(earlier.shape[-1] - level_quotes, 0) + 1])
    count = max(logs.shape[-1] - lag, 0)
    weight = 1.0 if count >= USUAL_MOVES else count / (count + USUAL_MOVES)
    # A move of the past counts at most as the jump limit, so that an old unit error does not support a new one.
    sizes = np.minimum(np.abs(logs[..., lag:] - logs[..., :count]), JUMP_LOG_MOVE)
    own = sizes.mean(axis=-1) if count else 0.0
    usual = weight * own + (1.0 - weight) * UNKNOWN_DAILY_MOVE * np.sqrt(lag * step_days)
    growth = np.sqrt(max(elapsed, 1.0))
    return np.asarray(level * np.exp(moves * usual * growth), dtype=np.float64)


def _lag(level_quotes: int) -> int:
    """Returns the number of quotes from the middle of the level's quotes to the newest quote."""
    return (level_quotes + 1) // 2


def adjustment_flag(factor: float) -> QualityFlag:
    """Returns the flag of an adjustment below 1."""
    return QualityFlag.PRICE_ADJUSTED if factor < 1.0 else QualityFlag.NONE


def newest_adjustment(dates: Dates, prices: Float, cleaned: Cleaned) -> float:
    """Returns the adjustment of the newest raw quote of a series [n], also if cleaning left it out as a spike.

    A quote that is not positive needs no adjustment.
    """
    newest = newest_quote(dates, prices, cleaned)
    if newest is None:
        return 1.0
    known = (cleaned.dates < dates[newest]) & (cleaned.prices > 0.0)
    days = np.append(cleaned.dates[known], dates[newest])
    quotes = np.append(cleaned.prices[known], prices[newest])
    return adjustment_of_last(days, quotes)


def newest_quote(dates: Dates, prices: Float, cleaned: Cleaned) -> int | None:
    """Returns the row of the newest raw quote that is clean or a positive spike; None if there is none."""
    held = cleaned.defects.get(Defect.SPIKE, np.zeros(0, dtype=np.int64))
    usable = np.concatenate([cleaned.rows, held[prices[held] > 0.0]])
    return int(usable[np.argmax(dates[usable])]) if len(usable) else None


def adjustment_of_last(dates: Dates, prices: Float) -> float:
    """Returns the adjustment of the last price of a series [n], positive and in date order; 1 without quotes."""
    return float(adjustment(prices[-1:], np.array([supported_price(dates, prices)]))[0]) if len(prices) else 1.0
