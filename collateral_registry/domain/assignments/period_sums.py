"""Sums the entries of a pool's ledger over a period, as the borrower's own ledger has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from collateral_registry.domain.assignments.roll_forward import RollForward
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect
from collateral_registry.domain.shared.money import Money

_BUCKETS = {
    EntryKind.INVOICE: ("sales", 1),
    EntryKind.DEBIT_NOTE: ("debit_notes", 1),
    EntryKind.PAYMENT: ("payments", -1),
    EntryKind.UNAPPLIED: ("payments", -1),
    EntryKind.CREDIT_NOTE: ("credit_notes", -1),
    EntryKind.WRITE_OFF: ("write_offs", -1),
}
"""The sum to which the effect of an entry belongs, and its sign in the closing amount."""

_PAID = (EntryKind.PAYMENT, EntryKind.UNAPPLIED)


@dataclass(frozen=True)
class PoolEntries:
    """The effects of all entries of a pool, in the order of their numbers.

    ``corrected`` holds the number of the entry that each correction restates, by the number of the correction.
    """

    effects: Sequence[Effect]
    corrected: Mapping[int, int]


@dataclass(frozen=True)
class Closing:
    """The closing amount that a borrower states for the end of a day, and what the entries of the period lead to.

    The period begins after ``after``, the day of the closing amount before; None if it is the first one.
    """

    day: date
    after: date | None
    currency: str
    sums: RollForward
    tolerance_ppm: int

    @property
    def amount(self) -> Money:
        """The stated amount."""
        return Money(self.sums.stated, self.currency)

    @property
    def unreconciled_minor(self) -> int:
        """The amount that does not count while the gap lasts."""
        return self.sums.unreconciled(self.tolerance_ppm)


def roll_forward(entries: PoolEntries, currency: str, after_day: int, day: int, stated_minor: int) -> RollForward:
    """Returns the sums of the entries after a day up to another one, in one currency.

    The opening amount follows from all entries up to the day before, so that a gap of an earlier period does not vanish
    with the next. Entries of the collection account are not in the borrower's ledger and do not count; a payment of the
    ledger counts by the amount that the ledger states, whatever the account reports. Moves to and from other pools are
    corrections.
    """
    ledger = _BorrowerLedger(entries.corrected)
    opening, sums = 0, Counter[str]()
    for one in entries.effects:
        if one.source == EntrySource.ACCOUNT or not (one.currency == currency or one.effect == EntryKind.MOVE):
            continue
        name, change = ledger.change(one)
        if not name or one.day > day:
            continue
        if one.day <= after_day:
            opening += change
        else:
            sums[name] += change if name == "corrections" else _unsigned(name, change)
    names = ("sales", "debit_notes", "payments", "credit_notes", "write_offs", "corrections")
    return RollForward(opening=opening, stated=stated_minor, **{name: sums[name] for name in names})


def _unsigned(name: str, change: int) -> int:
    """Returns a change of the closing amount as an amount of its sum: sums that reduce it are stated without sign."""
    return change if name in {"sales", "debit_notes"} else -change


class _BorrowerLedger:
    """The ledger as the borrower has it.

    ``open_of`` is what each invoice adds to the closing amount, which leaves with the invoice, and ``stated`` the
    present amount of each payment by its number.
    """

    def __init__(self, corrected: Mapping[int, int]) -> None:
        self.corrected = corrected
        self.open_of: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.stated: dict[int, int] = {}

    def change(self, one: Effect) -> tuple[str, int]:
        """Returns the sum to which an effect belongs, and its change of the closing amount; no name if it has none."""
        if one.effect == EntryKind.MOVE:
            return "corrections", -self.open_of.pop((one.debtor, one.invoice_number), 0)
        if one.effect not in _BUCKETS:
            return "", 0
        name, sign = _BUCKETS[EntryKind(one.effect)]
        change = sign * (self._paid(one) if one.effect in _PAID else one.change_minor)
        if one.effect != EntryKind.UNAPPLIED:
            self.open_of[one.debtor, one.invoice_number] += change
        return "corrections" if one.kind in {EntryKind.CORRECTION, EntryKind.MOVE} else name, change

    def _paid(self, one: Effect) -> int:
        """Returns what a payment adds by its stated amount: what is booked depends on the account too."""
        if one.kind == EntryKind.MOVE:
            return one.change_minor
        if one.leg:
            return 0
        number = self.corrected.get(one.number, one.number)
        before = self.stated.get(number, 0)
        self.stated[number] = one.amount_minor
        return one.amount_minor - before
