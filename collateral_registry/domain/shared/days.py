"""Dates as whole days from 1970-01-01, the form in which columns hold them."""

from __future__ import annotations

from datetime import date, timedelta

NO_DAY = -1_000_000
"""Marks a day that is not set: before any date; days are counted from 1970-01-01."""

_EPOCH = date(1970, 1, 1)


def day_of(value: date | None) -> int:
    """Days from 1970-01-01; NO_DAY for none."""
    return NO_DAY if value is None else (value - _EPOCH).days


def date_of(day: int) -> date | None:
    """The date of a day; none for NO_DAY."""
    return None if day == NO_DAY else _EPOCH + timedelta(days=day)


def date_at(day: int) -> date:
    """The date of a day that is set."""
    return _EPOCH + timedelta(days=day)
