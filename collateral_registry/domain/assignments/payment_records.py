"""Payments that only one of two records has: the borrower's ledger, or the lender's collection account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.ledger import EntrySource

LAG_BUSINESS_DAYS = 3
"""Business days within which the other record must report a payment."""


@dataclass(frozen=True)
class RecordedPayment:
    """A payment as one record reports it; ``is_matched`` states that the other one reports it too."""

    number: int
    source: EntrySource
    day: int
    debtor: str
    invoice_number: str
    amount_minor: int
    currency: str
    document: str
    is_matched: bool


def lagging(payments: Sequence[RecordedPayment], day: int) -> list[RecordedPayment]:
    """Returns the payments on the collection account that the borrower's ledger should have reported by a day."""
    return [one for one in payments if one.source == EntrySource.ACCOUNT and _is_late(one, day)]


def diverted(payments: Sequence[RecordedPayment], day: int) -> list[RecordedPayment]:
    """Returns the payments of the borrower's ledger that the collection account should have received by a day.

    Payments before the first one on the account are not compared, because the account was not reported then.
    """
    first = min((one.day for one in payments if one.source == EntrySource.ACCOUNT), default=None)
    if first is None:
        return []
    return [one for one in payments if one.source == EntrySource.LEDGER and one.day >= first and _is_late(one, day)]


def _is_late(payment: RecordedPayment, day: int) -> bool:
    if payment.is_matched or not payment.amount_minor:
        return False
    paid, today = np.datetime64(payment.day, "D"), np.datetime64(day, "D")
    return int(np.busday_count(paid, today)) > LAG_BUSINESS_DAYS
