"""Small ledgers without surprises, to which a test adds one."""

from dataclasses import dataclass, field

import numpy as np

from valuation.receivables.ledgers.columns import (
    Closings,
    Deliveries,
    DueMoves,
    Invoices,
    Ledger,
    Letters,
    Postings,
    Receipts,
    by_entry,
)
from valuation.receivables.ledgers.numbers import parsed
from valuation.receivables.ledgers.standing import Standing, standing_of

FIRST = 19_000
TODAY = FIRST + 600
TERMS = 15


@dataclass
class Book:
    """Rows of a ledger in the order in which they are added; ``ledger`` sorts them."""

    invoices: list[tuple[int, int, str, int, int, int]] = field(default_factory=list)
    payments: list[tuple[int, int, int, int]] = field(default_factory=list)
    credit_notes: list[tuple[int, int, int, int]] = field(default_factory=list)
    due_moves: list[tuple[int, int, int]] = field(default_factory=list)
    deliveries: list[tuple[int, int, int]] = field(default_factory=list)
    receipts: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    letters: list[tuple[int, int, int, int]] = field(default_factory=list)
    closings: list[tuple[int, int, int]] = field(default_factory=list)

    def invoice(self, day: int, debtor: int, amount: int, number: str = "", due: int | None = None) -> int:
        """Adds an invoice with the next number, and returns its row."""
        row = len(self.invoices)
        self.invoices.append((day, debtor, number or f"A-{1000 + row}", amount, day, due or day + TERMS))
        return row

    def pay(self, row: int, day: int, amount: int | None = None) -> None:
        """Adds cash on the account, and its posting in the ledger on the same day."""
        self.post(row, day, amount)
        self.receive(row, day, amount)

    def post(self, row: int, day: int, amount: int | None = None) -> None:
        """Adds a payment in the ledger, of the whole invoice by default."""
        self.payments.append((day, day, row, self.invoices[row][3] if amount is None else amount))

    def receive(self, row: int, day: int, amount: int | None = None) -> None:
        """Adds cash on the account, of the whole invoice by default."""
        debtor = self.invoices[row][1]
        self.receipts.append((day, debtor, row, self.invoices[row][3] if amount is None else amount, debtor))

    def credit(self, row: int, day: int, amount: int | None = None) -> None:
        """Adds a credit note, of the whole invoice by default."""
        self.credit_notes.append((day, day, row, self.invoices[row][3] if amount is None else amount))

    def deliver(self, row: int, day: int) -> None:
        """Adds the carrier's report of a delivery."""
        self.deliveries.append((day, row, day))

    def ledger(self) -> Ledger:
        """Returns the ledger; invoices must have been added in the order of their days."""
        entry, debtor, number, amount, issue, due = zip(*self.invoices, strict=True)
        texts = np.array(number, dtype=object)
        return Ledger(
            Invoices(
                np.array(entry),
                np.array(debtor),
                texts,
                *parsed(texts),
                np.array(amount),
                np.array(issue),
                np.array(due),
            ),
            table(Postings, self.payments),
            table(Postings, self.credit_notes),
            table(Postings, []),
            table(DueMoves, self.due_moves),
            table(Deliveries, self.deliveries),
            table(Receipts, self.receipts),
            table(Letters, self.letters),
            table(Closings, self.closings),
        )

    def standing(self, day: int = TODAY) -> Standing:
        """Returns the standing at the end of a day."""
        return standing_of(self.ledger(), day)


def table(kind, rows):
    """Returns rows as a table in the order of entry."""
    width = len(kind.__dataclass_fields__)
    return by_entry(kind(*np.array(rows, dtype=np.int64).reshape(-1, width).T))


def amount_of(row: int) -> int:
    """Returns an amount that no other row has and that is not round."""
    return 100_001 + 37 * ((row * 7_919) % 10_007) + row


def regular(until=TODAY, settle=None, is_delivered=None, amount=amount_of) -> Book:
    """Returns a book with two invoices a day to eight debtors in turn, delivered at once and paid on the due day.

    ``settle`` replaces the payment of an invoice: it gets the book, the row and the day of issue.
    """
    book = Book()
    for day in range(FIRST, until + 1):
        for _ in range(2):
            row = book.invoice(day, len(book.invoices) % 8, amount(len(book.invoices)))
            if is_delivered is None or is_delivered(row, day):
                book.deliver(row, day)
            if settle is None or not settle(book, row, day):
                book.pay(row, day + TERMS)
    return book
