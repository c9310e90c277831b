"""Weekends and exchange holidays: a quote that repeats the previous one on such a day is a copy, not a calm market."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np

from valuation._typing import Bool, Dates

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
GOOD_FRIDAY_BEFORE_EASTER = 2
JUNETEENTH_SINCE = 2022
KING_DAY_SINCE = 1998


def is_weekend(days: Dates) -> Bool:
    """Returns whether days [n] are Saturdays or Sundays."""
    return np.asarray(~np.is_busday(days.astype("datetime64[D]")), dtype=np.bool_)


def is_exchange_holiday(days: Dates) -> Bool:
    """Returns whether days [n] are holidays of the New York and Chicago exchanges (NYSE Rule 7.2)."""
    if not len(days):
        return np.zeros(0, dtype=np.bool_)
    whole = days.astype("datetime64[D]")
    first, last = (int(day.astype("datetime64[Y]").astype(np.int64)) + 1970 for day in (whole.min(), whole.max()))
    return np.asarray(np.isin(whole, _between(first, last)), dtype=np.bool_)


@cache
def _between(first: int, last: int) -> Dates:
    holidays = [day for year in range(first, last + 1) for day in exchange_holidays(year)]
    return np.array(holidays, dtype="datetime64[D]")


def exchange_holidays(year: int) -> list[dt.date]:
    """Returns the exchange holidays of a year.

    A holiday on a Saturday is observed on Friday and one on a Sunday on Monday, unless that day is in another year.
    """
    fixed = [(1, 1), (7, 4), (12, 25), *([(6, 19)] if year >= JUNETEENTH_SINCE else [])]
    observed = [_observed(dt.date(year, month, day)) for month, day in fixed]
    monday_of = [(2, 3), (9, 1), *([(1, 3)] if year >= KING_DAY_SINCE else [])]
    floating = [_nth_weekday(year, month, MONDAY, nth) for month, nth in monday_of]
    memorial = _nth_weekday(year, 6, MONDAY, 1) - dt.timedelta(weeks=1)
    good_friday = easter(year) - dt.timedelta(days=GOOD_FRIDAY_BEFORE_EASTER)
    return [
        *(day for day in observed if day.year == year),
        *floating,
        memorial,
        _nth_weekday(year, 11, THURSDAY, 4),
        good_friday,
    ]


def easter(year: int) -> dt.date:
    """Returns Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, 1991, chapter 8)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


def _observed(day: dt.date) -> dt.date:
    shift = {SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0)
    return day + dt.timedelta(days=shift)


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
