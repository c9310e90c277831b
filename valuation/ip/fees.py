"""Renewal fees of IP assets: due dates, grace periods and amounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.packaged import read_table


@dataclass(frozen=True)
class Fee:
    """Renewal fee of an IP asset, payable with a surcharge after the due date until the last day of the grace period.

    ``number`` is the position in the fee calendar, counted from 1. ``valid_from`` and ``source`` document the amount.
    """

    number: int
    due: date
    last_day: date
    amount: float
    currency: str
    valid_from: str
    source: str


@dataclass(frozen=True)
class _Entry:
    counted_from_grant: bool
    due_months: int
    grace_months: int
    amount: float
    currency: str
    valid_from: str
    source: str


@cache
def _calendar(office: str, kind: RightKind) -> tuple[_Entry, ...]:
    rows = read_table("valuation.ip", "fee_calendars.csv")
    return tuple(
        _Entry(
            row["counted_from"] == "grant",
            int(row["due_months"]),
            int(row["grace_months"]),
            float(row["fee"]),
            row["currency"],
            row["valid_from"],
            row["source"],
        )
        for row in rows
        if row["office"] == office and row["kind"] == kind.name
    )


def has_calendar(office: str, kind: RightKind) -> bool:
    """Returns whether there is a fee calendar for an office and kind."""
    return bool(_calendar(office, kind))


def fees_between(
    office: str, kind: RightKind, filing: date | None, grant: date | None, first: date, last: date
) -> list[Fee]:
    """Returns the fees of an IP asset that are payable on any day from first to last, in order of their due dates.

    Fees due before the grant are not charged. Raises InvalidInput for an office and kind without a calendar, if the
    date from which the calendar counts is missing, or if the last day is before the first.
    """
    calendar = _calendar(office, kind)
    if not calendar:
        raise InvalidInput("office", f"{office} {kind.name}", "an office and kind with a fee calendar")
    if last < first:
        raise InvalidInput("last", last, f"not before {first}")
    fees = []
    for number, entry in enumerate(calendar, 1):
        start = grant if entry.counted_from_grant else filing
        if start is None:
            missing = "grant" if entry.counted_from_grant else "filing"
            raise InvalidInput(missing, "nothing", "the date that fees are counted from")
        due = months_later(start, entry.due_months)
        until = months_later(due, entry.grace_months)
        charged = grant is None or due >= grant
        if charged and due <= last and until >= first:
            fees.append(Fee(number, due, until, entry.amount, entry.currency, entry.valid_from, entry.source))
    return fees


def months_later(day: date, months: int) -> date:
    """Returns the same day of the month a number of months later, or the last day if that month is too short."""
    month = np.datetime64(day, "M") + np.timedelta64(months, "M")
    last = (month + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    same = month.astype("datetime64[D]") + np.timedelta64(day.day - 1, "D")
    found: date = min(same, last).astype(date)
    return found
