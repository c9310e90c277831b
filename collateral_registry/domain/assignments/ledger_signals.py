"""Signals of fraud in the ledger of a pool: its entries as records of the signals, and their alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.assignments.verification import Outcome
from collateral_registry.domain.receivables.estimates.history import DebtorNumbers
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from valuation._typing import Bool, Columns, Int
from valuation.receivables.ledgers.columns import (
    NO_DAY,
    NO_INVOICE,
    Answer,
    Closings,
    Deliveries,
    DueMoves,
    Invoices,
    Ledger,
    Letters,
    Postings,
    Receipts,
    Table,
    by_entry,
)
from valuation.receivables.ledgers.numbers import parsed
from valuation.receivables.ledgers.standing import standing_of
from valuation.receivables.signals.panel import SIGNALS

LEAST_DAYS = 180
"""Days that a ledger must cover to be read: alarms compare it with its own past. A design choice."""

SHOWN_INVOICES = 20
"""Most invoices that the evidence of an alarm names."""

NOT_READ = frozenset({"CLOSING_GAP", "HOLLOW_INVOICES"})
"""Signals of which no alarm is raised: ROLL_FORWARD_GAP reports gaps, and only the borrower reports deliveries."""

OF_ACCOUNT = frozenset({"UNPOSTED_CASH", "POSTED_WITHOUT_CASH"})
"""Signals that compare the ledger with the collection account, without which every payment would lack its cash."""

SENTENCES: Mapping[str, str] = {
    "DUPLICATES": "more invoices than usual repeat the debtor and the amount of an earlier one",
    "IRREGULAR_NUMBERS": "more invoices than usual have numbers that do not fit the series",
    "SKIPPED_NUMBERS": "more numbers of invoices than usual are skipped",
    "RE_AGEING": "more late invoices than usual are issued again or given a later due day",
    "ROUND_AMOUNTS": "more invoices than usual have round amounts",
    "MONTH_END_SALES": "more of the sales than usual are in the last days of a month",
    "UNPOSTED_CASH": "more cash than usual is on the account and not in the ledger",
    "POSTED_WITHOUT_CASH": "more payments than usual are in the ledger without cash on the account",
    "LATE_LEDGER": "several debtors pay later than they used to",
    "LATE_DEBTOR": "a debtor has stopped paying as it used to",
    "SHORT_PAYMENTS": "more invoices than usual are paid short without a credit note",
    "NEW_DEBTORS": "a new debtor does not pay as the others do",
    "CONCENTRATION_CREEP": "the share of a debtor in the sales grows",
    "DILUTION_TREND": "the share of the sales that is credited rises",
    "DENIED_LETTERS": "more debtors than usual deny what they are asked to confirm",
}

ANSWERS = {
    Outcome.CONFIRMED: Answer.CONFIRMED,
    Outcome.DIFFERS: Answer.DIFFERS,
    Outcome.DENIED: Answer.DENIED,
    Outcome.NO_ANSWER: Answer.NONE,
}


@dataclass(frozen=True)
class Letter:
    """The answer to a verification of an invoice, and the day of its plan."""

    day: int
    debtor: str
    invoice_number: str
    outcome: Outcome


@dataclass(frozen=True)
class Alarm:
    """A signal whose value exceeds its threshold. ``invoices`` counts those that it rests on; some are ``shown``."""

    signal: str
    value: float
    threshold: float
    invoices: int
    shown: Sequence[str]


def alarms(entries: Columns, letters: Sequence[Letter], debtors: DebtorNumbers, day: int) -> list[Alarm]:
    """Returns the signals that are alarms in a ledger at the end of a day; none while the ledger is too short.

    ``entries`` are the columns of ``entry_columns``. The day of an entry stands for the day of its receipt.
    """
    known = entries["day"] <= day
    records = _Records({name: column[known] for name, column in entries.items()}, debtors)
    if not len(records.names) or day - int(records.invoices.entry_day[0]) < LEAST_DAYS:
        return []
    standing = standing_of(records.ledger(letters), day)
    read = [one for one in SIGNALS if one.name not in NOT_READ and (records.has_account or one.name not in OF_ACCOUNT)]
    found = []
    for signal in read:
        reading = signal.read(standing, signal.threshold)
        if reading.is_alarm:
            named = [" ".join(records.names[row]) for row in reading.invoices[:SHOWN_INVOICES].tolist()]
            found.append(Alarm(signal.name, reading.value, reading.threshold, len(reading.invoices), named))
    return found


class _Records:
    """The entries of a ledger as the records that the signals read; invoices that left the pool do not count."""

    def __init__(self, entries: Columns, debtors: DebtorNumbers) -> None:
        self.entries = entries
        names = [*zip(entries["debtor"].tolist(), entries["invoice_number"].tolist(), strict=True)]
        last = {names[row]: row for row in np.flatnonzero(self._effect(EntryKind.INVOICE)).tolist()}
        gone = np.flatnonzero(self._effect(EntryKind.MOVE)).tolist()
        moved = {names[row] for row in gone if row > last.get(names[row], -1)}
        is_invoice = self._effect(EntryKind.INVOICE) & ~self._is(EntryKind.CORRECTION) & (entries["change_minor"] > 0)
        rows = [row for row in np.flatnonzero(is_invoice).tolist() if names[row] not in moved]
        rows.sort(key=lambda row: int(entries["day"][row]))
        first: dict[tuple[str, str], int] = {}
        for row in rows:
            first.setdefault(names[row], row)
        self.names = [*first]
        place = {name: at for at, name in enumerate(self.names)}
        self.invoice = np.array([place.get(name, NO_INVOICE) for name in names], dtype=np.int64)
        self.debtor = debtors.rows(entries["debtor"])
        self.invoices = self._invoices(np.array([*first.values()], dtype=np.int64))

    @property
    def has_account(self) -> bool:
        """Whether the collection account is reported."""
        return bool((self.entries["source"] == EntrySource.ACCOUNT).any())

    def ledger(self, letters: Sequence[Letter]) -> Ledger:
        """Returns the records with the answers to letters."""
        lowered = self._effect(EntryKind.INVOICE) & self._is(EntryKind.CORRECTION)
        change = self.entries["change_minor"]
        ledger_paid = self._is(EntryKind.PAYMENT) & (self.entries["source"] == EntrySource.LEDGER)
        corrected = self._effect(EntryKind.PAYMENT) & ~self._is(EntryKind.PAYMENT)
        paid = np.where(ledger_paid, self.entries["amount_minor"], change)
        credit = np.where(lowered, -change, change)
        written = np.where(self._effect(EntryKind.WRITE_OFF), change, -change)
        raised = self._effect(EntryKind.DEBIT_NOTE) | (lowered & (change > 0))
        none = np.zeros(0, dtype=np.int64)
        return Ledger(
            invoices=self.invoices,
            payments=self._postings(ledger_paid | corrected, paid),
            credit_notes=self._postings(self._effect(EntryKind.CREDIT_NOTE) | (lowered & (change < 0)), credit),
            write_offs=self._postings(self._effect(EntryKind.WRITE_OFF) | raised, written),
            due_moves=self._due_moves(),
            deliveries=Deliveries(none, none, none),
            receipts=self._receipts(),
            letters=self._letters(letters),
            closings=Closings(none, none, none),
        )

    def _is(self, kind: EntryKind) -> Bool:
        return np.asarray(self.entries["kind"] == kind)

    def _effect(self, kind: EntryKind) -> Bool:
        return np.asarray(self.entries["effect"] == kind)

    def _invoices(self, rows: Int) -> Invoices:
        entries = self.entries
        number = entries["invoice_number"][rows]
        return Invoices(
            entries["day"][rows],
            self.debtor[rows],
            number,
            *parsed(number),
            entries["change_minor"][rows],
            entries["issue_day"][rows],
            entries["due_day"][rows],
        )

    def _postings(self, wanted: Bool, amount_minor: Int) -> Postings:
        rows = np.flatnonzero(wanted & (self.invoice != NO_INVOICE) & (amount_minor != 0))
        day = self.entries["day"][rows]
        return by_entry(Postings(day, day, self.invoice[rows], amount_minor[rows]))

    def _due_moves(self) -> DueMoves:
        rows = np.flatnonzero(self._is(EntryKind.DUE_DATE) & (self.invoice != NO_INVOICE))
        before = self.invoices.due_day[self.invoice[rows]]
        rows = rows[(before != NO_DAY) & (self.entries["due_day"][rows] > before)]
        return by_entry(DueMoves(self.entries["day"][rows], self.invoice[rows], self.entries["due_day"][rows]))

    def _receipts(self) -> Receipts:
        paying = (self._is(EntryKind.PAYMENT) | self._is(EntryKind.UNAPPLIED)) & (self.entries["leg"] == 0)
        rows = np.flatnonzero(paying & (self.entries["source"] == EntrySource.ACCOUNT))
        day, debtor, amount = self.entries["day"][rows], self.debtor[rows], self.entries["amount_minor"][rows]
        return by_entry(Receipts(day, debtor, self.invoice[rows], amount, debtor))

    def _letters(self, letters: Sequence[Letter]) -> Letters:
        place = {name: at for at, name in enumerate(self.names)}
        rows = [
            (one.day, one.day, place[one.debtor, one.invoice_number], ANSWERS[one.outcome])
            for one in letters
            if (one.debtor, one.invoice_number) in place
        ]
        return _table(Letters, rows)


def _table(kind: type[Table], rows: Sequence[tuple[int, ...]]) -> Table:
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), -1).T if rows else np.zeros((4, 0), dtype=np.int64)
    return by_entry(kind(*columns))
