"""Random entries of invoice ledgers, and a simple model of the expected ledgers.

An entry depends only on the seed, the partner and its number. The model is the test oracle: it books one entry at a
time in dictionaries and shares no code with the service.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from collateral_partner.invoices.entries import Entry

DEBTORS = ("delta", "globex", "hooli", "initech")
OPENING = 12
"""Number of invoices with which each ledger begins."""

OPENING_UNITS = 10_000
LARGEST_CENTS = 900_000
WITHIN = 60
"""How far back an entry refers to an invoice."""

BEGIN = datetime(2021, 12, 30, tzinfo=UTC)
APART = timedelta(milliseconds=10)
KINDS = ("INVOICE", "PAYMENT", "CREDIT_NOTE", "DEBIT_NOTE", "UNAPPLIED", "CORRECTION", "LOST")
WEIGHTS = (45, 35, 8, 4, 2, 5, 1)
"""Relative frequency of each kind; LOST is a payment of an unknown invoice."""

SUMS = {"INVOICE": 1, "DEBIT_NOTE": 1, "PAYMENT": -1, "CREDIT_NOTE": -1}
"""Sign of each kind in the open amount of an invoice."""

Place = tuple[str, str]
"""Pool and invoice number, or pool and debtor."""


def pool(source: str) -> str:
    """Returns the id of a partner's pool."""
    return f"pool-{source}"


def name(source: str, number: int) -> str:
    """Returns the partner's id of an entry, which is also the number of its invoice if it is one."""
    return f"{source}-{number}"


def entries(source: str, seed: int, first: int, count: int) -> Iterator[Entry]:
    """Yields ``count`` entries from number ``first``."""
    return (entry(source, seed, number) for number in range(first, first + count))


def entry(source: str, seed: int, number: int) -> Entry:
    """Returns the entry of a number, which is always the same for a source and seed."""
    if number < OPENING:
        return _invoice(source, number, Decimal(OPENING_UNITS))
    draw = _draw(source, seed, number)
    kind = draw.choices(KINDS, WEIGHTS)[0]
    amount = Decimal(draw.randrange(1, LARGEST_CENTS)) / 100
    if kind == "INVOICE":
        return _invoice(source, number, amount)
    about = number - draw.randrange(1, WITHIN)
    if kind == "LOST":
        return _entry(source, number, "PAYMENT", amount, DEBTORS[0], "none")
    if kind == "UNAPPLIED" or not _is_invoice(source, seed, about):
        return _entry(source, number, "UNAPPLIED", amount, draw.choice(DEBTORS), "")
    if kind == "CORRECTION":
        corrected = name(source, about)
        return Entry(name(source, number), kind, None, "", "", amount=amount, currency="USD", corrects=corrected)
    return _entry(source, number, kind, amount, _debtor(about), name(source, about))


def _draw(source: str, seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}/{source}/{number}")


def _is_invoice(source: str, seed: int, number: int) -> bool:
    if number < OPENING:
        return number >= 0
    return _draw(source, seed, number).choices(KINDS, WEIGHTS)[0] == "INVOICE"


def _debtor(number: int) -> str:
    return DEBTORS[number % len(DEBTORS)]


def _invoice(source: str, number: int, amount: Decimal) -> Entry:
    days = {"issued": date(2021, 12, 20), "delivered": date(2021, 12, 20), "due": date(2022, 2, 10)}
    return _entry(source, number, "INVOICE", amount, _debtor(number), name(source, number), type_code=380, **days)


def _entry(source: str, number: int, kind: str, amount: Decimal, debtor: str, invoice: str, **fields: object) -> Entry:
    at = BEGIN + number * APART
    own = {"amount": amount, "currency": "USD", **fields}
    return Entry(name(source, number), kind, at, pool(source), f"debtors/{debtor}", invoice, **own)  # type: ignore[arg-type] # fields of an entry by name


@dataclass
class LedgerModel:
    """Expected amounts in cents, and the ids of booked and rejected entries."""

    sums: dict[Place, int] = field(default_factory=dict)
    faces: dict[str, tuple[Place, int]] = field(default_factory=dict)
    debtors: dict[Place, str] = field(default_factory=dict)
    cash: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    booked: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)

    def take(self, one: Entry) -> None:
        """Books an entry, or rejects it without any change."""
        cents = int(one.amount * 100)
        if one.kind == "CORRECTION":
            place, before = self.faces[one.corrects]
            self.sums[place] += cents - before
            self.faces[one.corrects] = (place, cents)
        elif one.kind == "UNAPPLIED":
            self.cash[one.pool, one.debtor] += cents
        elif one.kind == "INVOICE":
            place = (one.pool, one.number)
            self.sums[place], self.faces[one.entry_id], self.debtors[place] = cents, (place, cents), one.debtor
        elif (one.pool, one.number) in self.sums:
            self.sums[one.pool, one.number] += SUMS[one.kind] * cents
        else:
            self.rejected.add(one.entry_id)
            return
        self.booked.add(one.entry_id)

    def open_amounts(self) -> dict[Place, int]:
        """Returns the open amount of each invoice by pool and number."""
        return {place: max(0, amount) for place, amount in self.sums.items()}

    def unapplied(self) -> dict[Place, int]:
        """Returns what each debtor paid beyond its invoices, by pool and debtor."""
        found = defaultdict(int, self.cash)
        for place, amount in self.sums.items():
            if amount < 0:
                found[place[0], self.debtors[place]] -= amount
        return {place: amount for place, amount in found.items() if amount}


def model_of(counts: dict[str, int], seed: int) -> LedgerModel:
    """Returns the model after the given number of entries of each source."""
    model = LedgerModel()
    for source, count in counts.items():
        for one in entries(source, seed, 0, count):
            model.take(one)
    return model
