"""Converts between dates and the day numbers that columns hold: whole days since 1970-01-01."""

from __future__ import annotations

from datetime import date, timedelta

NO_DAY = -1_000_000
"""Marks a day that is not set. It sorts before every valid day number."""

_EPOCH = date(1970, 1, 1)


def day_of(value: date | None) -> int:
    """Returns the days from 1970-01-01; NO_DAY if no date is given."""
    return NO_DAY if value is None else (value - _EPOCH).days


def date_of(day: int) -> date | None:
    """Returns the date of a day number; None for NO_DAY."""
    return None if day == NO_DAY else _EPOCH + timedelta(days=day)


def date_at(day: int) -> date:
    """Returns the date of a day number that cannot be NO_DAY."""
    return _EPOCH + timedelta(days=day)
