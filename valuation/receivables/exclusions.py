"""Rules that exclude an invoice as a whole because of its dates and its type, in columns.

The limits in days come from the policy; a limit may differ between invoices. A missing date is NaT.
"""

from __future__ import annotations

import numpy as np

from valuation._typing import Bool, Dates, Int
from valuation.receivables.rules import Truth, stated

NO_TYPE = 0
"""Type code of an invoice whose type is not stated."""

PRO_FORMA, PREPAYMENT = 325, 386
CONSIGNMENT_TYPES = (395,)
FACTORED_TYPES = (393, 396)
PROGRESS_TYPES = (875, 876, 877)
"""Codes of UNTDID 1001."""

CERTIFICATE_MONTHS = 12
CERTIFICATE_FLAGGED_MONTHS = 6


def over_age(day: np.datetime64, issue: Dates, limit_days: Int | int) -> Truth:
    """Returns OVER_AGE: more than ``limit_days`` since the issue; unknown without an issue day and before it."""
    implausible = np.isnat(issue) | (issue > day)
    return stated(_days(issue, day) > limit_days, ~implausible)


def past_due(day: np.datetime64, due: Dates, issue: Dates, limit_days: Int | int) -> Truth:
    """Returns PAST_DUE: more than ``limit_days`` after the due day; unknown if that is missing or before the issue."""
    implausible = np.isnat(due) | (due < issue)
    return stated(_days(due, day) > limit_days, ~implausible)


def tenor(due: Dates, issue: Dates, limit_days: Int | int) -> Truth:
    """Returns TENOR: more than ``limit_days`` from issue to due day; unknown if a day is missing or due is first."""
    implausible = np.isnat(due) | np.isnat(issue) | (due < issue)
    return stated(_days(issue, due) > limit_days, ~implausible)


def certificate_tenor(due: Dates, issue: Dates, is_certificate: Bool) -> Truth:
    """Returns CERTIFICATE_TENOR: an e-certificate that is due more than 12 months after its issue."""
    true, unknown = np.zeros_like(is_certificate), np.zeros_like(is_certificate)
    rows = np.flatnonzero(is_certificate)
    if len(rows):
        true[rows] = due[rows] > add_months(issue[rows], CERTIFICATE_MONTHS)
        unknown[rows] = np.isnat(due[rows]) | np.isnat(issue[rows])
    return stated(true, ~unknown)


def long_certificate(due: Dates, issue: Dates, is_certificate: Bool) -> Bool:
    """Returns whether an e-certificate is due more than 6 months after its issue, which is flagged."""
    return is_certificate & (due > add_months(issue, CERTIFICATE_FLAGGED_MONTHS))


def not_delivered(day: np.datetime64, issue: Dates, delivery: Dates, type_code: Int, grace_days: int) -> Truth:
    """Returns NOT_DELIVERED: a type of invoice before delivery, or delivery after ``day``.

    Without a delivery day the rule is unknown for ``grace_days`` after the issue and true after them, and unknown if
    the issue is missing as well. It is unknown if the type is not stated.
    """
    undelivered = np.isnat(delivery)
    before = is_one_of(type_code, (PRO_FORMA, PREPAYMENT)) | (delivery > day)
    expired = undelivered & (_days(issue, day) > grace_days) & ~np.isnat(issue)
    return Truth(before | expired, undelivered | (type_code == NO_TYPE))


def of_type(type_code: Int, codes: tuple[int, ...]) -> Truth:
    """Returns whether an invoice has one of the type codes; unknown if its type is not stated."""
    return stated(is_one_of(type_code, codes), type_code != NO_TYPE)


def is_one_of(column: Int, codes: tuple[int, ...]) -> Bool:
    """Returns whether each number equals one of a few codes, which takes less time than a search for small columns."""
    found = column == codes[0]
    for code in codes[1:]:
        found |= column == code
    return np.asarray(found)


def add_months(days: Dates, months: int) -> Dates:
    """Returns the same day of the month some months later, or the last of that month; NaT stays NaT."""
    month = days.astype("datetime64[M]")
    later = month + months
    last = (later + 1).astype("datetime64[D]") - 1
    return np.asarray(np.minimum(later.astype("datetime64[D]") + (days - month.astype("datetime64[D]")), last))


def _days(start: Dates | np.datetime64, end: Dates | np.datetime64) -> Int:
    """Returns the whole days from ``start`` to ``end``; meaningless where one is NaT."""
    return np.asarray(end - start, dtype="timedelta64[D]").view(np.int64)
