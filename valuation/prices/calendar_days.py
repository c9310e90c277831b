"""Conversion of a horizon in calendar days to trading days of a price series."""

from __future__ import annotations

import math

import numpy as np

from valuation._typing import Dates, Float

BUSINESS_DAYS_OF_YEAR, CALENDAR_DAYS_OF_YEAR = 250, 365
"""Trading days of a market that closes on weekends and holidays, and calendar days, in a year. The calendar days are
also the length of the recent history that is examined."""

WEEKEND_SHARE = 0.5
"""Number of price changes a week on weekend days above which the market counts as open on weekends."""

WEEK_DAYS = 7.0


def days_of_trade(dates: Dates, prices: Float, calendar_days: int) -> int:
    """Returns the number of trading days in ``calendar_days`` for a series [n], rounded up.

    The share of trading days is 250 of 365. If the price also changes on weekends and the observed share of days with a
    quote is higher, the observed share is used.
    """
    share = max(BUSINESS_DAYS_OF_YEAR / CALENDAR_DAYS_OF_YEAR, _quotes_per_day(dates, prices))
    return math.ceil(round(calendar_days * share, 9))


def _quotes_per_day(dates: Dates, prices: Float) -> float:
    """Returns the share of days with a quote in the newest year; 0 if the price does not change on weekends."""
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
