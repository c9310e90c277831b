"""Books entries on the ledgers of pools in the order of the rows, so that each row sees the effect of the rows before.

The loop holds only the checks that depend on earlier entries. ``entries`` checks everything else by columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any, ClassVar

from collateral_registry.domain.feeds.items import ItemProblem, Problems
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.arrivals import arrivals
from collateral_registry.domain.receivables.ledgers.entries import (
    ENTRY_AMOUNT_LIMIT_MINOR,
    Entries,
    EntryRejectionReason,
    shown_amount,
)
from collateral_registry.domain.receivables.ledgers.ledger_state import ADDING, DAY_US, Effect, Invoice, LedgerState
from collateral_registry.domain.receivables.ledgers.payments import Payment, PaymentBook, is_cash
from collateral_registry.domain.shared.days import NO_DAY

# Numbers, because naming a member of an enumeration costs more than all else that a check does.
_INVOICE, _PAYMENT, _CONTRA = int(EntryKind.INVOICE), int(EntryKind.PAYMENT), int(EntryKind.CONTRA)
_UNAPPLIED, _LEDGER = int(EntryKind.UNAPPLIED), int(EntrySource.LEDGER)
_RAISING = frozenset({EntryKind.INVOICE, EntryKind.DEBIT_NOTE})

Content = tuple[object, ...]
"""The fields that must be equal for two entries with the same id to be the same entry."""

CORRECTABLE = frozenset({*ADDING, EntryKind.UNAPPLIED})
"""Kinds whose amount a correction can restate; a newer entry replaces the others."""


@dataclass(frozen=True)
class Known:
    """An entry that was booked earlier: its content, its place, and its amount after corrections."""

    content: Content
    pool: str
    number: int
    kind: int
    effect: int
    debtor: str
    invoice_number: str
    currency: str
    source: int
    amount_minor: int


@dataclass
class Booked:
    """Result of booking: the booked and the repeated rows, and the problems by row.

    ``effects`` [n] are in their order, with the row of the entry and the pool of each. An entry may have several.
    """

    effects: list[Effect] = field(default_factory=list)
    effect_row: list[int] = field(default_factory=list)
    pool: list[LedgerState] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    problems: Problems = field(default_factory=dict)


CONTENT_COLUMNS = (
    "kind", "effective_us", "pool", "debtor", "invoice_number", "type_code", "amount_minor", "currency", "issue_day",
    "due_day", "delivery_day", "flags", "to_pool", "corrects", "document", "source",
)  # fmt: skip


def content_of(batch: Entries, row: int) -> Content:
    """Returns the content of a row."""
    return content(*(getattr(batch, name)[row] for name in CONTENT_COLUMNS))


def content(*stated: str | int) -> Content:
    """Builds the content of an entry from the values of CONTENT_COLUMNS.

    A correction has no time, place and currency of its own, because the original entry determines them.
    """
    if stated[0] != EntryKind.CORRECTION:
        return stated
    kept = {"kind", "type_code", "amount_minor", "issue_day", "due_day", "delivery_day", "corrects", "document"}
    return tuple(value for name, value in zip(CONTENT_COLUMNS, stated, strict=True) if name in kept)


def book(
    batch: Entries,
    problems: Problems,
    ledgers: Mapping[str, LedgerState],
    payments: PaymentBook,
    past: Mapping[str, Known],
    now_us: int,
    own_pools: Collection[str] | None = None,
) -> Booked:
    """Books every row that has no problem yet, and adds the problems that depend on ledgers and earlier entries.

    Changes ``ledgers`` and ``payments`` in place; both hold what the rows name. ``past`` maps the ids of the rows, and
    the ids they correct, to earlier entries. ``own_pools`` are the pools whose entries the feed may correct; None
    permits any.
    """
    booking = _Booking(batch, ledgers, payments, past, now_us, own_pools)
    booking.done.problems.update(problems)
    for row, stated in enumerate(_stated(batch)):
        if row not in problems:
            try:
                booking.book(row, stated)
            except _NotBookable as error:
                booking.done.problems[row] = error.problem
    return booking.done


_Stated = tuple[Any, ...]
"""The fields of an effect after its number."""


def _stated(batch: Entries) -> Iterator[_Stated]:
    """Yields the fields of the effect of each row as stated."""
    kind, amount, none = batch.kind, batch.amount_minor, repeat(0)
    return zip(
        none, kind, kind, batch.effective_us, batch.debtor, batch.invoice_number, batch.type_code, amount, amount,
        batch.currency, batch.issue_day, batch.due_day, batch.delivery_day, batch.flags, batch.source, none,
        strict=False,
    )  # fmt: skip


class _NotBookable(Exception):
    """Raised for a row that has a problem."""

    def __init__(self, reason: EntryRejectionReason, description: str) -> None:
        super().__init__(description)
        self.problem = ItemProblem(reason, description)


class _Booking:
    """State while a batch is booked.

    ``repeated`` are ids that may be repeats. ``wanted`` are ids that later rows may refer to, and ``here`` the entries
    with these ids that this batch has booked. ``restated`` holds the current amounts of the entries that this batch
    corrects.
    """

    def __init__(
        self,
        batch: Entries,
        ledgers: Mapping[str, LedgerState],
        payments: PaymentBook,
        past: Mapping[str, Known],
        now_us: int,
        own_pools: Collection[str] | None,
    ) -> None:
        self.batch, self.ledgers, self.payments, self.past = batch, ledgers, payments, past
        self.now_us, self.own_pools = now_us, own_pools
        self.done = Booked()
        self.repeated = _repeated(batch.entry_id, past)
        self.wanted = self.repeated.union(batch.corrects) - {""}
        self.here: dict[str, Known] = {}
        self.restated: dict[str, int] = {}

    def book(self, row: int, stated: _Stated) -> None:
        """Books a row. If it raises _NotBookable, the ledgers are unchanged."""
        if self.repeated and self.batch.entry_id[row] in self.repeated and self._is_known(row):
            self.done.known.append(row)
            return
        self._BOOKED.get(self.batch.kind[row], _Booking._enter)(self, row, stated)
        self.done.row.append(row)

    def _append(self, row: int, pool: LedgerState, effect: Effect) -> None:
        pool.apply(effect)
        done = self.done
        done.effects.append(effect)
        done.effect_row.append(row)
        done.pool.append(pool)
        if self.wanted and effect.leg == 0 and (name := self.batch.entry_id[row]) in self.wanted:
            self.here[name] = Known(
                content_of(self.batch, row), pool.pool_id, effect.number, effect.kind, effect.effect, effect.debtor,
                effect.invoice_number, effect.currency, effect.source, effect.amount_minor,
            )  # fmt: skip

    def _enter(self, row: int, stated: _Stated) -> None:
        """Books an entry that is neither a payment, a move nor a correction."""
        pool = self.ledgers[self.batch.pool[row]]
        effect = _effect(pool, stated)
        if effect.kind == _INVOICE:
            if (effect.debtor, effect.invoice_number) in pool.invoices:
                text = f"invoice_number: got {effect.invoice_number!r}, want a number that no other invoice of the "
                text += "debtor in the pool has; to change one, a CORRECTION"
                raise _NotBookable(EntryRejectionReason.INVOICE_EXISTS, text)
        elif effect.kind != _CONTRA:
            _check_sums(self._invoice(pool, effect), effect)
        self._append(row, pool, effect)

    def _invoice(self, pool: LedgerState, effect: Effect) -> Invoice:
        """Returns the invoice that an entry names; raises _NotBookable if it is not in the pool."""
        found = pool.invoices.get((effect.debtor, effect.invoice_number))
        if found is None:
            text = f"invoice_number: got {effect.invoice_number!r} of {effect.debtor!r}, want an invoice that is in "
            raise _NotBookable(EntryRejectionReason.UNKNOWN_INVOICE, f"{text}assets/{pool.pool_id}")
        if effect.currency and effect.currency != found.currency:
            text = f"currency_code: got {effect.currency}, want {found.currency} of invoice {found.invoice_number}"
            raise _NotBookable(EntryRejectionReason.CURRENCY_MISMATCH, text)
        return found

    def _pay(self, row: int, stated: _Stated) -> None:
        """Books a payment. One that the other record has reported already changes only what that did not know."""
        pool = self.ledgers[self.batch.pool[row]]
        effect = _effect(pool, stated)
        if effect.source == _LEDGER and effect.kind == _PAYMENT:
            _check_sums(self._invoice(pool, effect), effect)
        elif effect.kind == _PAYMENT:
            effect = _placed(pool, effect)
        if effect.effect == _UNAPPLIED:
            balance = pool.balances.get((effect.debtor, effect.currency))
            _check_sum((balance.unapplied_minor if balance else 0) + effect.change_minor, effect.currency)
        may_match = self.payments.is_matched(pool.pool_id) or self.batch.entry_id[row] in self.wanted
        if not may_match or not is_cash(effect.kind, effect.type_code):
            self._append(row, pool, effect)
            return
        document = self.batch.document[row]
        same = self.payments.match(pool.pool_id, effect, document)
        if same is None:
            self._append(row, pool, effect)
        elif effect.source == EntrySource.ACCOUNT:
            known = effect._replace(effect=EntryKind.UNAPPLIED, change_minor=0, matches=same.number)
            self._append(row, pool, known)
        else:
            effect = self._match_ledger(row, pool, effect._replace(matches=same.number), same)
        self.payments.note(pool.pool_id, effect, document, same)

    def _match_ledger(self, row: int, pool: LedgerState, effect: Effect, same: Payment) -> Effect:
        """Books a payment of the ledger that the account has reported, and returns it with its place.

        It changes nothing where the ledger names what the payment of the account was booked on. If it names something
        else, the payment is booked there and the other one is undone.
        """
        unapplied = same.effect == EntryKind.UNAPPLIED
        on_invoice = not unapplied and (effect.debtor, same.invoice_number) in pool.invoices
        if effect.kind == EntryKind.UNAPPLIED:
            is_there = unapplied or on_invoice
        else:
            is_there = on_invoice and same.invoice_number == effect.invoice_number
        if is_there:
            number = same.invoice_number if on_invoice else effect.invoice_number
            effect = effect._replace(effect=same.effect, invoice_number=number, change_minor=0)
            self._append(row, pool, effect)
            return effect
        self._append(row, pool, effect)
        if unapplied or on_invoice:
            number = same.invoice_number if on_invoice else effect.invoice_number
            undone = effect._replace(number=pool.entry_number + 1, leg=1, effect=same.effect, invoice_number=number)
            self._append(row, pool, undone._replace(change_minor=-effect.change_minor))
        return effect

    def _move(self, row: int, stated: _Stated) -> None:
        """Takes an invoice out of its pool and states it, with its sums, in the other pool."""
        pool, other = self.ledgers[self.batch.pool[row]], self.ledgers[self.batch.to_pool[row]]
        effect = _effect(pool, stated)
        found = self._invoice(pool, effect)
        if found.name in other.invoices:
            text = f"to_pool: got assets/{other.pool_id}, want a pool without invoice {found.invoice_number} of "
            raise _NotBookable(EntryRejectionReason.INVOICE_EXISTS, f"{text}{found.debtor!r}")
        self._append(row, pool, effect)
        for one in arrivals(found, effect, other.entry_number + 1):
            self._append(row, other, one)

    def _correct(self, row: int, stated: _Stated) -> None:
        """Books the difference between the corrected and the current amount on what the restated entry changed."""
        batch, name = self.batch, self.batch.corrects[row]
        before = self._restated(name)
        self._check_correction(row, before)
        pool = self.ledgers[before.pool]
        amount = batch.amount_minor[row]
        paid = self.payments.get(before.pool, before.number)
        change, matches = amount - before.amount_minor, 0
        effect_kind, number = before.effect, before.invoice_number
        if paid is not None:
            change, matches = paid.change_to(amount), paid.matches
            effect_kind, number = paid.effect, paid.invoice_number
        effect = _effect(pool, stated)._replace(
            effect=effect_kind, effective_us=batch.effective_us[row] or self.now_us, debtor=before.debtor,
            invoice_number=number, currency=before.currency, change_minor=change, matches=matches,
        )  # fmt: skip
        if effect.effect != EntryKind.UNAPPLIED:
            _check_sums(self._invoice(pool, effect), effect)
        other = paid.same if paid is not None and not amount and paid.source == _LEDGER else None
        if other is None:
            self._append(row, pool, effect)
        else:
            self._book_again(row, pool, effect, other)
        self.restated[name] = amount
        if paid is not None:
            paid.amount_minor, paid.is_corrected = amount, True
            if not amount:
                self.payments.end_match(pool.pool_id, paid)

    def _book_again(self, row: int, pool: LedgerState, cancelled: Effect, other: Payment) -> None:
        """Cancels a payment of the ledger, and books what the account has reported of it as of the account alone."""
        self._append(row, pool, cancelled._replace(change_minor=cancelled.change_minor - other.amount_minor))
        again = cancelled._replace(
            number=pool.entry_number + 1, leg=1, effective_us=other.day * DAY_US, change_minor=other.amount_minor,
            source=EntrySource.ACCOUNT, matches=0,
        )  # fmt: skip
        self._append(row, pool, again)

    def _check_correction(self, row: int, before: Known) -> None:
        """Raises _NotBookable if a correction does not fit the entry that it restates."""
        batch, reason = self.batch, EntryRejectionReason.INVALID_FIELD
        if self.own_pools is not None and before.pool not in self.own_pools:
            text = f"pool: got assets/{before.pool}, want a pool of the feed"
            raise _NotBookable(EntryRejectionReason.FOREIGN_POOL, text)
        if before.kind not in CORRECTABLE:
            text = f"corrects: got a {EntryKind(before.kind).name}, want an INVOICE, PAYMENT, CREDIT_NOTE, DEBIT_NOTE, "
            raise _NotBookable(reason, f"{text}WRITE_OFF or UNAPPLIED; replace it by a newer entry of its kind")
        stated = (("pool", before.pool), ("debtor", before.debtor), ("currency", before.currency))
        for name, want in (*stated, ("invoice_number", before.invoice_number)):
            got = getattr(batch, name)[row]
            if got and got != want:
                shown = {"currency": "currency_code"}.get(name, name)
                raise _NotBookable(reason, f"{shown}: got {got!r}, want {want!r} of the corrected entry")
        days = (batch.issue_day[row], batch.due_day[row], batch.delivery_day[row])
        if before.kind != EntryKind.INVOICE and (batch.type_code[row] or any(day != NO_DAY for day in days)):
            text = "corrects: got another kind with dates or a type code, want an INVOICE for a CORRECTION of these"
            raise _NotBookable(reason, text)
        if batch.source[row] != before.source:
            text = f"source: got {EntrySource(batch.source[row]).name}, want {EntrySource(before.source).name}"
            raise _NotBookable(reason, f"{text} of the corrected entry")

    def _restated(self, name: str) -> Known:
        """Returns the entry to be corrected, booked earlier or in this batch, with its current amount."""
        if (found := self.past.get(name) or self.here.get(name)) is None:
            text = f"corrects: got {name!r}, want the id of a booked entry of this feed"
            raise _NotBookable(EntryRejectionReason.UNKNOWN_ENTRY, text)
        return replace(found, amount_minor=self.restated.get(name, found.amount_minor))

    def _is_known(self, row: int) -> bool:
        """Returns whether the row repeats a booked entry; raises _NotBookable if its content differs."""
        name = self.batch.entry_id[row]
        before = self.past.get(name) or self.here.get(name)
        if before is None:
            return False
        if before.content != content_of(self.batch, row):
            text = f"entry_id: got {name!r}, want an id that no other entry has; to change it, a CORRECTION"
            raise _NotBookable(EntryRejectionReason.ID_REUSED, text)
        return True

    _BOOKED: ClassVar[Mapping[int, Callable[[_Booking, int, _Stated], None]]] = {
        EntryKind.PAYMENT: _pay,
        EntryKind.UNAPPLIED: _pay,
        EntryKind.MOVE: _move,
        EntryKind.CORRECTION: _correct,
    }
    """How each kind of entries is booked; the others are entered."""


def _effect(pool: LedgerState, stated: _Stated) -> Effect:
    """Returns the effect of a row as stated, as the next entry of the pool."""
    return Effect._make((pool.entry_number + 1, *stated))


def _placed(pool: LedgerState, effect: Effect) -> Effect:
    """Returns a payment of the account on the invoice that it names; unapplied if the pool has no such invoice."""
    found = pool.invoices.get((effect.debtor, effect.invoice_number))
    if found is None or found.currency != effect.currency:
        return effect._replace(effect=EntryKind.UNAPPLIED)
    _check_sums(found, effect)
    return effect


def _check_sums(invoice: Invoice, effect: Effect) -> None:
    """Raises _NotBookable if an entry would make a sum of its invoice too large."""
    kind = effect.effect
    if kind in _RAISING:
        _check_sum(invoice.face_minor + effect.change_minor, invoice.currency)
    elif kind in ADDING:
        settled = invoice.paid_minor + invoice.credited_minor + invoice.written_off_minor
        _check_sum(settled + effect.change_minor, invoice.currency)


def _check_sum(amount_minor: int, currency: str) -> None:
    if amount_minor > ENTRY_AMOUNT_LIMIT_MINOR:
        text = f"amount: got {shown_amount(amount_minor, currency)} with the earlier entries, want at most 10^14 minor "
        raise _NotBookable(EntryRejectionReason.INVALID_FIELD, f"{text}units")


def _repeated(ids: Sequence[str], past: Mapping[str, Known]) -> set[str]:
    """Returns the ids that were booked earlier or occur more than once."""
    distinct = set(ids)
    repeated = {name for name in past if name in distinct}
    if len(distinct) < len(ids):
        repeated.update(name for name, count in Counter(ids).items() if count > 1)
    return repeated
