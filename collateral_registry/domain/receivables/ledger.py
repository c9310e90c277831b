"""The ledger of a pool at one of its entries, in columns: its invoices and the balances of its debtors."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np

from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Int, Texts
from valuation.money import AMOUNT_LIMIT_MINOR


class EntryKind(IntEnum):
    """Kind of a ledger entry; the numeric values are stored and sent."""

    INVOICE = 1
    PAYMENT = 2
    CREDIT_NOTE = 3
    DEBIT_NOTE = 4
    WRITE_OFF = 5
    DISPUTE = 6
    DISPUTE_END = 7
    DUE_DATE = 8
    RETENTION = 9
    DELIVERY = 10
    CONTRA = 11
    UNAPPLIED = 12
    MOVE = 13
    CORRECTION = 14


class EntrySource(IntEnum):
    """Which of the two records of payments an entry belongs to; the numeric values are stored and sent."""

    LEDGER = 1
    """The ledger of the borrower."""
    ACCOUNT = 2
    """The collection account of the lender."""


class InvoiceFlag(IntFlag):
    """Facts of an invoice that have no column of their own; the bits are stored."""

    NONE = 0
    CERTIFICATE = 1 << 0
    BILL = 1 << 1
    OTHER_PAYEE = 1 << 2
    RE_INVOICED = 1 << 3
    DUE_DATE_MOVED_LATE = 1 << 4
    CASH_AHEAD_OF_LEDGER = 1 << 5
    DATED_LATER_IN_HINDSIGHT = 1 << 6


@dataclass(frozen=True)
class PoolLedger:
    """Invoices [n] of one pool, ordered by debtor and number, and debtor balances [b], ordered by debtor.

    ``entry_number`` is the place of the newest entry that is included; the entries of a pool are numbered from 1
    without gaps. Amounts are in minor units of the pool's currency; days are NO_DAY where they are not stated.
    ``debtor`` is the debtor as the feed states it: an id, or ``scheme:value``. ``type_code`` is 0 where it is not
    stated. ``number_key`` is equal for two spellings of an invoice number, and for other numbers only by chance; it is
    not the same in another process.

    The face amount includes debit notes. Of what was paid, credited and written off the columns hold the part that
    settles the invoice, in this order, so that with ``open_minor`` they sum to the face amount. What is beyond it is in
    ``unapplied_minor`` of the debtor. A whole invoice in dispute has its open amount in ``disputed_minor``.

    ``entry_day`` is the newest day of an entry of the borrower's ledger, NO_DAY if there is none. A debtor has a
    balance for each of its currencies.

    ``withdrawn_minor`` is what credit notes, write-offs and corrections took off an invoice, and ``withdrawn_day`` the
    newest day on which one did, NO_DAY if none did in this pool.
    """

    pool_key: int
    entry_number: int
    entry_day: int
    invoice_number: Texts
    number_key: Int
    debtor: Texts
    currency: Texts
    type_code: Int
    flags: Int
    face_minor: Int
    paid_minor: Int
    credited_minor: Int
    written_off_minor: Int
    open_minor: Int
    disputed_minor: Int
    retention_minor: Int
    retention_day: Int
    issue_day: Int
    due_day: Int
    delivery_day: Int
    withdrawn_minor: Int
    withdrawn_day: Int
    balance_debtor: Texts
    unapplied_minor: Int
    contra_minor: Int
    contra_day: Int
    balance_currency: Texts


def is_too_large(ledger: PoolLedger) -> bool:
    """Returns whether the open amounts of a ledger sum to more than an amount may be."""
    # The sum is compared as a float, because a sum of integers could overflow and appear small.
    return float(ledger.open_minor.sum(dtype=np.float64)) >= AMOUNT_LIMIT_MINOR


def emptied(ledger: PoolLedger) -> PoolLedger:
    """Returns a ledger without its invoices and amounts; a balance of 0 names each of its debtors."""
    columns: dict[str, Any] = {one.name: getattr(ledger, one.name) for one in fields(PoolLedger)}
    arrays: dict[str, Any] = {name: value[:0] for name, value in columns.items() if isinstance(value, np.ndarray)}
    named = np.concatenate([ledger.debtor, ledger.balance_debtor])
    debtors, first = np.unique(named, return_index=True)
    none = np.zeros(len(debtors), dtype=np.int64)
    balances = {
        "balance_debtor": debtors,
        "unapplied_minor": none,
        "contra_minor": none,
        "contra_day": np.full(len(debtors), NO_DAY, dtype=np.int64),
        "balance_currency": np.concatenate([ledger.currency, ledger.balance_currency])[first],
    }
    return replace(ledger, **{**arrays, **balances})
