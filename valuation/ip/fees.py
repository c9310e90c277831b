"""Fees that keep rights in force: which come due, until when they can still be paid, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind
from valuation.tables import read_table


@dataclass(frozen=True)
class Fee:
    """One fee of a right: due on a day, payable with a surcharge until the last day of grace.

    ``number`` counts the fees of the calendar from 1; ``valid_from`` and ``source`` say since when the amount is in
    force and who says so.
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
    """Whether the fees of an office for a kind are known."""
    return bool(_calendar(office, kind))


def fees_between(
    office: str, kind: RightKind, filing: date | None, grant: date | None, first: date, last: date
) -> list[Fee]:
    """The fees of a right that can be paid on some day from first to last, in the order they are due.

    A fee that is due before the grant is not asked for. Raises InvalidInput for an office and kind without a calendar,
    a missing day that the calendar counts from, or days that are out of order.
    """
    calendar = _calendar(office, kind)
    if not calendar:
        raise InvalidInput("office", f"{office} {kind.name}", "an office and kind with a calendar of fees")
    if last < first:
        raise InvalidInput("last", last, f"not before {first}")
    fees = []
    for number, entry in enumerate(calendar, 1):
        start = grant if entry.counted_from_grant else filing
        if start is None:
            raise InvalidInput("grant" if entry.counted_from_grant else "filing", "nothing", "the day fees count from")
        due = months_later(start, entry.due_months)
        until = months_later(due, entry.grace_months)
        asked_for = grant is None or due >= grant
        if asked_for and due <= last and until >= first:
            fees.append(Fee(number, due, until, entry.amount, entry.currency, entry.valid_from, entry.source))
    return fees


def months_later(day: date, months: int) -> date:
    """The same day some months later; the last of the month where it has no such day."""
    month = np.datetime64(day, "M") + np.timedelta64(months, "M")
    last = (month + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    same = month.astype("datetime64[D]") + np.timedelta64(day.day - 1, "D")
    found: date = min(same, last).astype(date)
    return found
