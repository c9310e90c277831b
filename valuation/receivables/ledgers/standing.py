"""The state of a ledger at the end of a day: what is open, and since when the rest is settled."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from valuation._typing import Bool, Int
from valuation.money import PPM, mul_div_floor
from valuation.receivables.ledgers.columns import NO_DAY, Ledger, Postings, by_entry

SETTLED_PPM = 5_000
"""An invoice is settled if at most this share of it is open: banks deduct fees for which no credit note is written."""


@dataclass(frozen=True, eq=False)
class Standing:
    """A ledger as the lender had received it at the end of ``day``, with what follows for each invoice [n].

    Two standings are equal if they are the same object, so that functions of a standing can keep their last result.
    """

    day: int
    ledger: Ledger

    @cached_property
    def reductions(self) -> Postings:
        """Payments, credit notes and write-offs in the order of their entry."""
        tables = (self.ledger.payments, self.ledger.credit_notes, self.ledger.write_offs)
        columns = (np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(Postings))
        return by_entry(Postings(*columns))

    @cached_property
    def open_minor(self) -> Int:
        """The open amounts; negative where more was posted than is owed."""
        return self.ledger.invoices.amount_minor - self.reduced_by(np.full(len(self.ledger.invoices.debtor), self.day))

    @cached_property
    def settled_day(self) -> Int:
        """The day of the newest posting of settled invoices, NO_DAY for the others."""
        last = np.full(len(self.open_minor), NO_DAY)
        np.maximum.at(last, self.reductions.invoice, self.reductions.entry_day)
        return np.where(self.is_settled(self.open_minor), last, NO_DAY)

    @cached_property
    def delivery_entry_day(self) -> Int:
        """The day on which the first delivery under each invoice was reported, NO_DAY where none is."""
        found = np.full(len(self.open_minor), np.iinfo(np.int64).max)
        np.minimum.at(found, self.ledger.deliveries.invoice, self.ledger.deliveries.entry_day)
        return np.where(found == np.iinfo(np.int64).max, NO_DAY, found)

    @cached_property
    def credited_day(self) -> Int:
        """The day of the credit note that left less than a tenth of an invoice uncredited, NO_DAY where none did."""
        notes = self.ledger.credit_notes
        credited, last = np.zeros_like(self.open_minor), np.full(len(self.open_minor), NO_DAY)
        np.add.at(credited, notes.invoice, notes.amount_minor)
        np.maximum.at(last, notes.invoice, notes.entry_day)
        return np.where(credited * 10 > self.ledger.invoices.amount_minor * 9, last, NO_DAY)

    def reduced_by(self, day: Int) -> Int:
        """Returns what was posted to each invoice [n] by a day of its own [n]."""
        own = self.reductions
        counted = own.entry_day <= day[own.invoice]
        reduced = np.zeros(len(day), dtype=np.int64)
        np.add.at(reduced, own.invoice[counted], own.amount_minor[counted])
        return reduced

    def is_settled(self, open_minor: Int) -> Bool:
        """Returns whether an open amount of each invoice [n] is small enough to count as settled."""
        return np.asarray(open_minor <= mul_div_floor(self.ledger.invoices.amount_minor, SETTLED_PPM, PPM))


def standing_of(ledger: Ledger, day: int) -> Standing:
    """Returns the state at the end of a day; later records of the ledger do not count."""
    return Standing(day, ledger.received_by(day))
