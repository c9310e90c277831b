"""Defines the clock of the service, which is passed as a parameter so that tests can set any time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""A function that returns the current time in UTC."""

EPOCH = date(1970, 1, 1)


def wall_clock() -> datetime:
    """Returns the current time of the system in UTC."""
    return datetime.now(UTC)


def microseconds(moment: datetime) -> int:
    """Returns the microseconds from 1970-01-01 UTC to a moment."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def local_date(moment: datetime, zone: str) -> date:
    """Returns the date at a moment in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()
