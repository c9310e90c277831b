"""State of a pool's ledger, and the effect of each of its entries on it.

The state is a fold of the effects in the order of their numbers. Booking applies each effect to the part of the state
that it names, and a ledger as of an entry applies all effects up to it, by the same function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource, InvoiceFlag
from collateral_registry.domain.shared.days import NO_DAY

DAY_US = 86_400_000_000

RE_INVOICED_DAYS = 30
"""Days from a credit note within which an invoice of the same debtor and amount counts as the same one again."""

WHOLE = -1
"""Disputed amount of an invoice that is disputed as a whole."""

ADDING = frozenset(
    {EntryKind.INVOICE, EntryKind.PAYMENT, EntryKind.CREDIT_NOTE, EntryKind.DEBIT_NOTE, EntryKind.WRITE_OFF}
)
"""Kinds whose amounts add up in an invoice."""

_ACCOUNT = int(EntrySource.ACCOUNT)

InvoiceName = tuple[str, str]
"""The debtor as stated, and the number of an invoice."""

AmountKey = tuple[str, str, int]
"""A debtor, a currency and an amount, by which credit notes and payments are compared."""


class Effect(NamedTuple):
    """One row of a pool's ledger: an entry as reported, and what it changes.

    ``effect`` is the kind of the change, which for a correction is that of the corrected entry. ``change_minor`` is
    what is added; for DISPUTE, RETENTION and CONTRA it is the amount from now on. ``leg`` distinguishes the rows of one
    entry: 0 is the entry itself, and further rows are the rest of its effect. ``matches`` is the number of the entry of
    the other record that reports the same payment, or 0.
    """

    number: int
    leg: int
    kind: int
    effect: int
    effective_us: int
    debtor: str
    invoice_number: str
    type_code: int
    amount_minor: int
    change_minor: int
    currency: str
    issue_day: int
    due_day: int
    delivery_day: int
    flags: int
    source: int
    matches: int

    @property
    def day(self) -> int:
        """The day of the entry."""
        return self.effective_us // DAY_US


@dataclass(slots=True)
class Invoice:
    """An invoice with the sums of its entries. Key 0 marks one that is not stored yet.

    The sums may exceed the face amount. ``ahead_minor`` is what only the collection account has reported as paid,
    ``lowered_minor`` the sum of the corrections that lowered the face amount, and ``withdrawn_day`` the newest day of a
    credit note, a write-off or such a correction.
    """

    debtor: str
    invoice_number: str
    currency: str
    type_code: int = 0
    flags: int = 0
    face_minor: int = 0
    paid_minor: int = 0
    credited_minor: int = 0
    written_off_minor: int = 0
    disputed_minor: int = 0
    retention_minor: int = 0
    retention_day: int = NO_DAY
    issue_day: int = NO_DAY
    due_day: int = NO_DAY
    delivery_day: int = NO_DAY
    ahead_minor: int = 0
    lowered_minor: int = 0
    withdrawn_day: int = NO_DAY
    key: int = 0

    @property
    def name(self) -> InvoiceName:
        """The debtor and the number."""
        return self.debtor, self.invoice_number

    @property
    def open_minor(self) -> int:
        """The face amount less what settles it, at least 0."""
        return max(0, self.face_minor - self.paid_minor - self.credited_minor - self.written_off_minor)


@dataclass(slots=True)
class Balance:
    """What a debtor has in one currency without an invoice. Key 0 marks a balance that is not stored yet."""

    debtor: str
    currency: str
    unapplied_minor: int = 0
    contra_minor: int = 0
    contra_day: int = NO_DAY
    key: int = 0


@dataclass
class LedgerState:
    """State of a pool's ledger, or the part of it that a booking names.

    ``credited`` has invoice numbers of credit notes by their day, and ``invoiced`` the numbers of invoices by their day
    of issue, of each debtor, currency and amount; the latter is None before the first credit note, which needs it.
    ``changed`` has the invoices and balances that were changed, ``restated`` the invoices whose face amount was
    changed, and ``removed`` the keys of stored invoices that left the pool.
    """

    pool_id: str
    key: int = 0
    entry_number: int = 0
    entry_day: int = NO_DAY
    account_entries: int = 0
    invoices: dict[InvoiceName, Invoice] = field(default_factory=dict)
    balances: dict[tuple[str, str], Balance] = field(default_factory=dict)
    credited: dict[AmountKey, dict[int, set[str]]] = field(default_factory=dict)
    invoiced: dict[AmountKey, dict[int, set[str]]] | None = None
    changed: dict[InvoiceName, Invoice] = field(default_factory=dict)
    restated: dict[InvoiceName, Invoice] = field(default_factory=dict)
    changed_balances: dict[tuple[str, str], Balance] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)

    def apply(self, one: Effect) -> None:
        """Applies the next entry of the ledger."""
        self.entry_number = one.number
        if one.source == _ACCOUNT:
            self.account_entries += 1
        elif one.leg == 0 and (day := one.effective_us // DAY_US) > self.entry_day:
            self.entry_day = day
        self._APPLIED[one.effect](self, one)

    def note_credit(self, key: AmountKey, day: int, number: str) -> None:
        """Remembers a credit note. Of a day two invoice numbers suffice: one of them is not that of a given invoice."""
        numbers = self.credited.setdefault(key, {}).setdefault(day, set())
        if len(numbers) < 2:
            numbers.add(number)

    def _note_invoice(self, one: Invoice) -> None:
        """Makes an invoice findable by its present face amount and its day of issue."""
        if self.invoiced is not None:
            by_day = self.invoiced.setdefault((one.debtor, one.currency, one.face_minor), {})
            by_day.setdefault(one.issue_day, set()).add(one.invoice_number)

    def _numbers_of(self, key: AmountKey) -> dict[int, set[str]]:
        """Returns the numbers of the invoices that have or had a face amount, by the day of issue."""
        if self.invoiced is None:
            self.invoiced = {}
            for one in self.invoices.values():
                self._note_invoice(one)
        return self.invoiced.get(key, {})

    def _balance(self, one: Effect) -> Balance:
        key = (one.debtor, one.currency)
        balance = self.balances.get(key)
        if balance is None:
            balance = self.balances[key] = Balance(*key)
        self.changed_balances[key] = balance
        return balance

    def _set_unapplied(self, one: Effect) -> None:
        self._balance(one).unapplied_minor += one.change_minor

    def _set_contra(self, one: Effect) -> None:
        balance = self._balance(one)
        if one.day >= balance.contra_day:
            balance.contra_minor, balance.contra_day = one.change_minor, one.day

    def _invoice(self, one: Effect) -> None:
        """Opens an invoice; or corrects its face amount and the days and the type that the correction states."""
        name = (one.debtor, one.invoice_number)
        found = self.invoices.get(name)
        if found is None:
            found = self.invoices[name] = Invoice(
                one.debtor,
                one.invoice_number,
                one.currency,
                type_code=one.type_code,
                flags=one.flags,
                face_minor=one.change_minor,
                issue_day=one.issue_day,
                due_day=one.due_day,
                delivery_day=one.delivery_day,
            )
        else:
            self._restate(found, one)
            found.type_code = one.type_code or found.type_code
            found.delivery_day = _stated(one.delivery_day, found.delivery_day)
            self._move_issue_day(found, _stated(one.issue_day, found.issue_day))
            self._move_due_day(found, _stated(one.due_day, found.due_day), one.day)
        if self.credited and one.kind != EntryKind.MOVE and self._was_credited(one, found.issue_day):
            found.flags |= InvoiceFlag.RE_INVOICED
        self._note_invoice(found)
        self.changed[name] = found

    def _move_issue_day(self, invoice: Invoice, issue_day: int) -> None:
        """Sets the issue day; marks an invoice that is dated later, because that makes it younger."""
        if NO_DAY != invoice.issue_day < min(issue_day, self.entry_day):
            invoice.flags |= InvoiceFlag.DATED_LATER_IN_HINDSIGHT
        invoice.issue_day = issue_day

    def _move_due_day(self, invoice: Invoice, due_day: int, day: int) -> None:
        """Sets the due day; marks an invoice of which it is moved to a later day after it had passed.

        The ledger may state that it was moved before, while entries of later days were reported already: then no one
        but the borrower knows.
        """
        if NO_DAY != invoice.due_day < due_day:
            if invoice.due_day < day:
                invoice.flags |= InvoiceFlag.DUE_DATE_MOVED_LATE
            elif invoice.due_day < self.entry_day:
                invoice.flags |= InvoiceFlag.DATED_LATER_IN_HINDSIGHT
        invoice.due_day = due_day

    def _was_credited(self, one: Effect, issue_day: int) -> bool:
        """Returns whether another invoice of the stated amount was credited shortly before the day of issue."""
        credits_ = self.credited.get((one.debtor, one.currency, one.amount_minor))
        if not credits_:
            return False
        day, own = _stated(issue_day, one.day), {one.invoice_number}
        return any(credits_.get(credit_day, own) - own for credit_day in range(day - RE_INVOICED_DAYS, day + 1))

    def _note_credit(self, one: Effect) -> None:
        """Remembers a credit note, and marks invoices of its amount that were reported before it."""
        key = (one.debtor, one.currency, one.amount_minor)
        self.note_credit(key, one.day, one.invoice_number)
        by_day = self._numbers_of(key)
        for day in range(one.day, one.day + RE_INVOICED_DAYS + 1):
            # An invoice is marked once, and noted again if its amount or its day changes.
            for number in by_day.pop(day, ()):
                found = self.invoices.get((one.debtor, number))
                if found is None or (found.face_minor, found.issue_day) != (one.amount_minor, day):
                    continue
                if number == one.invoice_number:
                    by_day.setdefault(day, set()).add(number)
                    continue
                found.flags |= InvoiceFlag.RE_INVOICED
                self.changed[found.name] = found

    def _remove(self, one: Effect) -> None:
        name = (one.debtor, one.invoice_number)
        found = self.invoices.pop(name)
        self.changed.pop(name, None)
        self.restated.pop(name, None)
        if found.key:
            self.removed.append(found.key)

    def _pay(self, one: Effect) -> None:
        found = self._found(one)
        found.paid_minor += one.change_minor
        if one.source == _ACCOUNT or one.matches:
            found.ahead_minor += _ahead(one)

    def _credit(self, one: Effect) -> None:
        found = self._found(one)
        found.credited_minor += one.change_minor
        if one.kind != EntryKind.MOVE:
            _withdraw(found, one, one.change_minor)
            self._note_credit(one)

    def _debit(self, one: Effect) -> None:
        found = self._found(one)
        self._restate(found, one)
        self._note_invoice(found)

    def _restate(self, invoice: Invoice, one: Effect) -> None:
        """Adds to the face amount what an entry changes of it."""
        invoice.face_minor += one.change_minor
        self.restated[invoice.name] = invoice
        if one.change_minor < 0:
            invoice.lowered_minor -= one.change_minor
            _withdraw(invoice, one, -one.change_minor)

    def _write_off(self, one: Effect) -> None:
        found = self._found(one)
        found.written_off_minor += one.change_minor
        if one.kind != EntryKind.MOVE:
            _withdraw(found, one, one.change_minor)

    def _dispute(self, one: Effect) -> None:
        self._found(one).disputed_minor = one.change_minor or WHOLE

    def _end_dispute(self, one: Effect) -> None:
        self._found(one).disputed_minor = 0

    def _set_due_day(self, one: Effect) -> None:
        self._move_due_day(self._found(one), one.due_day, one.day)

    def _retain(self, one: Effect) -> None:
        found = self._found(one)
        found.retention_minor, found.retention_day = one.change_minor, one.due_day

    def _set_delivery(self, one: Effect) -> None:
        self._found(one).delivery_day = _stated(one.delivery_day, one.day)

    def _found(self, one: Effect) -> Invoice:
        name = (one.debtor, one.invoice_number)
        found = self.changed[name] = self.invoices[name]
        return found

    _APPLIED: ClassVar[Mapping[int, Callable[[LedgerState, Effect], None]]] = {
        EntryKind.INVOICE: _invoice,
        EntryKind.PAYMENT: _pay,
        EntryKind.CREDIT_NOTE: _credit,
        EntryKind.DEBIT_NOTE: _debit,
        EntryKind.WRITE_OFF: _write_off,
        EntryKind.DISPUTE: _dispute,
        EntryKind.DISPUTE_END: _end_dispute,
        EntryKind.DUE_DATE: _set_due_day,
        EntryKind.RETENTION: _retain,
        EntryKind.DELIVERY: _set_delivery,
        EntryKind.CONTRA: _set_contra,
        EntryKind.UNAPPLIED: _set_unapplied,
        EntryKind.MOVE: _remove,
    }
    """What each kind of effect does."""


def replayed(pool_id: str, effects: Iterable[Effect]) -> LedgerState:
    """Returns the state of a ledger after its first entries, given in the order of their numbers."""
    state = LedgerState(pool_id)
    for one in effects:
        state.apply(one)
    return state


def _ahead(one: Effect) -> int:
    """Returns how much a payment adds to what only the collection account has reported.

    An entry of the account that matches one of the ledger adds nothing. An entry of the ledger that matches one of the
    account ends what it was ahead: by its amount if it changes nothing else, and by its change in a further row.
    """
    if one.source == EntrySource.ACCOUNT:
        return 0 if one.matches else one.change_minor
    if not one.matches or one.kind == EntryKind.CORRECTION:
        return 0
    if one.leg:
        return one.change_minor
    return 0 if one.change_minor else -one.amount_minor


def _withdraw(invoice: Invoice, one: Effect, amount_minor: int) -> None:
    """Notes the day on which an entry takes an amount off an invoice other than by payment."""
    if amount_minor > 0:
        invoice.withdrawn_day = max(invoice.withdrawn_day, one.day)


def _stated(day: int, otherwise: int) -> int:
    return otherwise if day == NO_DAY else day
