"""Sums the entries of a pool's ledger over a period, as the borrower's own ledger has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from collateral_registry.domain.assignments.roll_forward import RollForward
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect

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
    def unreconciled_minor(self) -> int:
        """The amount that does not count while the gap lasts."""
        return self.sums.unreconciled(self.tolerance_ppm)


def roll_forward(effects: Sequence[Effect], currency: str, after_day: int, day: int, stated_minor: int) -> RollForward:
    """Returns the sums of the entries after a day up to another one, in one currency.

    The opening amount follows from all entries up to the day before, so that a gap of an earlier period does not vanish
    with the next. A payment that only the collection account reports is not in the borrower's ledger and does not
    count; one that both report counts on the day of the ledger. Moves to and from other pools are corrections.
    """
    own = [one for one in effects if one.currency == currency or one.effect == EntryKind.MOVE]
    ledger_day = _ledger_days(own)
    opening, sums = 0, Counter[str]()
    open_of: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in own:
        name, change = _change(one, open_of)
        when = ledger_day.get(one.number) if one.source == EntrySource.ACCOUNT and one.effect in _PAID else one.day
        if not name or when is None or when > day:
            continue
        if when <= after_day:
            opening += change
        else:
            sums[name] += change if name == "corrections" else _unsigned(name, change)
    names = ("sales", "debit_notes", "payments", "credit_notes", "write_offs", "corrections")
    return RollForward(opening=opening, stated=stated_minor, **{name: sums[name] for name in names})


def _unsigned(name: str, change: int) -> int:
    """Returns a change of the closing amount as an amount of its sum: sums that reduce it are stated without sign."""
    return change if name in {"sales", "debit_notes"} else -change


def _change(one: Effect, open_of: defaultdict[tuple[str, str], int]) -> tuple[str, int]:
    """Returns the sum to which an effect belongs, and its change of the closing amount; no name if it changes nothing.

    ``open_of`` holds what each invoice adds to it, which leaves with the invoice.
    """
    if one.effect == EntryKind.MOVE:
        return "corrections", -open_of.pop((one.debtor, one.invoice_number), 0)
    if one.effect not in _BUCKETS:
        return "", 0
    name, sign = _BUCKETS[EntryKind(one.effect)]
    change = sign * one.change_minor
    if one.effect != EntryKind.UNAPPLIED:
        open_of[one.debtor, one.invoice_number] += change
    return "corrections" if one.kind in {EntryKind.CORRECTION, EntryKind.MOVE} else name, change


def _ledger_days(effects: Sequence[Effect]) -> dict[int, int]:
    """Returns the day on which the borrower's ledger reports a payment, by the number of the account's entry."""
    # A correction states when it was made, and not when the payment was.
    effects = [one for one in effects if one.kind != EntryKind.CORRECTION]
    day = {one.number: one.day for one in effects if one.source == EntrySource.LEDGER}
    days = {one.number: day[one.matches] for one in effects if one.source == EntrySource.ACCOUNT and one.matches in day}
    for one in effects:
        if one.source == EntrySource.LEDGER and one.matches:
            days[one.matches] = one.day
    return days
