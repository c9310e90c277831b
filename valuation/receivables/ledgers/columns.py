"""What a lender receives of a borrower's receivables: a table for each kind of record, as columns of equal length.

Days are whole days since 1970-01-01, amounts minor units of one currency. ``entry_day`` is the day on which the lender
received the record. ``invoice`` is a row of Invoices, ``debtor`` any key of a debtor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TypeVar

import numpy as np

from valuation._typing import Bool, Int, Texts

NO_DAY = -1_000_000
"""Stands in columns of days for a day that is not stated."""

NO_INVOICE = -1
"""Stands in columns of invoices for a record that names none."""


@dataclass(frozen=True)
class Invoices:
    """Invoices [n] as the borrower's ledger stated them first, by day of entry; later changes are records of their own.

    ``due_day`` is NO_DAY where it is not stated. ``number`` is the number as stated; ``numbers.parsed`` gives its form,
    its series and its place in the series.
    """

    entry_day: Int
    debtor: Int
    number: Texts
    form: Int
    series: Int
    place: Int
    amount_minor: Int
    issue_day: Int
    due_day: Int


@dataclass(frozen=True)
class Postings:
    """Records of the borrower's ledger [m] that reduce the open amount of invoices; negative amounts reverse others.

    ``document_day`` is the day that the document bears, such as the date of a credit note.
    """

    entry_day: Int
    document_day: Int
    invoice: Int
    amount_minor: Int


@dataclass(frozen=True)
class DueMoves:
    """New due days [m] that the borrower's ledger states of invoices."""

    entry_day: Int
    invoice: Int
    due_day: Int


@dataclass(frozen=True)
class Deliveries:
    """Deliveries [m] under invoices as reported by a carrier or a warehouse, never by the borrower."""

    entry_day: Int
    invoice: Int
    delivery_day: Int


@dataclass(frozen=True)
class Receipts:
    """Cash [m] on the lender's collection account: the debtor, the invoice named or NO_INVOICE, and who paid.

    ``payer`` is any key of the account that paid, which may be the debtor's, its group's or the borrower's.
    """

    entry_day: Int
    debtor: Int
    invoice: Int
    amount_minor: Int
    payer: Int


class Answer(IntEnum):
    """Answer of a debtor to a letter of verification."""

    NONE = 0
    CONFIRMED = 1
    DIFFERS = 2
    DENIED = 3


@dataclass(frozen=True)
class Letters:
    """Answers [m] to letters in which the lender asks debtors to confirm invoices; ``entry_day`` is that of the answer.

    Letters without an answer have none of these records until the lender gives up and records NONE.
    """

    entry_day: Int
    sent_day: Int
    invoice: Int
    answer: Int


@dataclass(frozen=True)
class Closings:
    """Totals of open receivables [m] in the borrower's accounts at the end of ``day``."""

    entry_day: Int
    day: Int
    amount_minor: Int


Table = TypeVar("Table", Invoices, Postings, DueMoves, Deliveries, Receipts, Letters, Closings)


@dataclass(frozen=True)
class Ledger:
    """All records of a borrower. Each table is in the order of ``entry_day``."""

    invoices: Invoices
    payments: Postings
    credit_notes: Postings
    write_offs: Postings
    due_moves: DueMoves
    deliveries: Deliveries
    receipts: Receipts
    letters: Letters
    closings: Closings

    def received_by(self, day: int) -> Ledger:
        """Returns the records that the lender had received at the end of a day."""
        return Ledger(*(_received_by(getattr(self, table.name), day) for table in fields(self)))


def chosen(table: Table, rows: Int | Bool | slice) -> Table:
    """Returns some rows of a table in the order of ``rows``."""
    return type(table)(*(getattr(table, column.name)[rows] for column in fields(table)))


def by_entry(table: Table) -> Table:
    """Returns the rows of a table in the order of their entry."""
    return chosen(table, np.argsort(table.entry_day, kind="stable"))


def _received_by(table: Table, day: int) -> Table:
    return chosen(table, slice(int(np.searchsorted(table.entry_day, day, side="right"))))
