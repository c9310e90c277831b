"""How many quotes a horizon in calendar days holds: fewer where markets rest on weekends, all where they do not."""

from __future__ import annotations

import math

import numpy as np

from valuation._typing import Dates, Float

BUSINESS_DAYS_OF_YEAR, CALENDAR_DAYS_OF_YEAR = 250, 365
"""Days of trade in a year with weekends and holidays, and all days: also the newest days that are looked at."""

WEEKEND_SHARE = 0.5
"""Weekends that move a price beyond which the market is open on them; a stray quote is no open market."""

WEEK_DAYS = 7.0


def days_of_trade(dates: Dates, prices: Float, calendar_days: int) -> int:
    """Quotes of a series [n] that so many calendar days hold, rounded up: 250 of 365, or more if weekends move it."""
    share = max(BUSINESS_DAYS_OF_YEAR / CALENDAR_DAYS_OF_YEAR, _quotes_per_day(dates, prices))
    return math.ceil(round(calendar_days * share, 9))


def _quotes_per_day(dates: Dates, prices: Float) -> float:
    """Days with a quote per calendar day of the newest year, 0 where weekends do not move the price."""
    finite = np.isfinite(prices)
    days, places = np.unique(dates[finite].astype("datetime64[D]"), return_index=True)
    if len(days) < 2:
        return 0.0
    quotes = prices[finite][places]
    recent = days[1:] > days[-1] - np.timedelta64(CALENDAR_DAYS_OF_YEAR, "D")
    later, moved = days[1:][recent], np.diff(quotes)[recent] != 0.0
    span = float((days[-1] - days[:-1][recent][0]).astype(np.int64))
    weekends = np.count_nonzero(moved & ~np.is_busday(later)) / (span / WEEK_DAYS)
    return len(later) / span if weekends > WEEKEND_SHARE else 0.0
