"""Payments of the two records, the borrower's ledger and the collection account, and which of them are the same.

A payment of one record is the same as one of the other if debtor, currency and amount are equal, the invoice number and
the document are equal where both state them, and the account received it at most MATCHED_DAYS after the day that the
ledger states. Each is matched once: first with one of the same invoice, then with the oldest. A corrected payment is
not matched any more. One that is corrected to 0 ends its match, so that the other one can be matched again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product

from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import CREDIT_CODES, LAST_DAY
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect

MATCHED_DAYS = 10
"""Days after the day of a payment in the ledger within which the account receives it, with cheques and weekends.

Cash that comes later is another payment, such as the next one of a debtor that pays the same amount every month. The
ledger may report a payment of the account however late.
"""

PAYMENT_KINDS = (int(EntryKind.PAYMENT), int(EntryKind.UNAPPLIED))
"""Kinds of the entries that may report cash."""

PaymentKey = tuple[str, str, str, int]
"""Pool, debtor, currency and amount of a payment."""

_ANY = None
"""Stands for every invoice number or document."""

_References = tuple[PaymentKey, int, str | None, str | None]
"""Key, source, invoice number and document of payments."""

_Dated = tuple[int, int, "Payment"]
"""A payment with its day and its number, by which payments are in order."""


@dataclass(slots=True)
class Payment:
    """A payment as one record reports it: its number in the ledger, its day, its references, and what it is booked on.

    ``stated_number`` is the invoice that the entry names. ``effect`` is PAYMENT on the invoice ``invoice_number``, or
    UNAPPLIED. ``same`` is the payment of the other record.
    """

    number: int
    day: int
    source: int
    stated_number: str
    document: str
    effect: int
    invoice_number: str
    amount_minor: int
    same: Payment | None = None
    is_corrected: bool = False

    @property
    def matches(self) -> int:
        """The number of the payment of the other record, or 0."""
        return self.same.number if self.same else 0

    def stay_at(self, source: int, effect: int, invoice_number: str) -> None:
        """Takes the place that a payment of the ledger had which it was matched with."""
        if source == EntrySource.LEDGER:
            self.effect, self.invoice_number = effect, invoice_number

    def change_to(self, amount_minor: int) -> int:
        """Returns the change if the amount is corrected; what both records report counts once, the larger amount."""
        other = self.same.amount_minor if self.same else 0
        return max(amount_minor, other) - max(self.amount_minor, other)


class PaymentBook:
    """Payments of the pools of a booking. It holds every payment that an entry may match or correct.

    ``of_account`` are the pools with payments of a collection account; in other pools no payment has a match. None
    stands for all pools.
    """

    def __init__(self, of_account: Collection[str] | None = None) -> None:
        self._of_account = of_account
        self._by_number: dict[tuple[str, int], tuple[PaymentKey, Payment]] = {}
        # Each payment is found by its references and without each of them, so that many payments of one amount cost no
        # search. A payment that is not free any more is dropped when it is found.
        self._free: dict[_References, list[_Dated]] = {}

    def add(self, key: PaymentKey, payment: Payment) -> Payment:
        """Adds a payment that was booked earlier, unless it is there; returns the one that is there."""
        _, found = self._by_number.setdefault((key[0], payment.number), (key, payment))
        if found is payment:
            self._offer(key, payment)
        return found

    def _offer(self, key: PaymentKey, payment: Payment) -> None:
        """Makes a payment findable; one that was found before may still be in its place."""
        one = (payment.day, payment.number, payment)
        for number, document in product((payment.stated_number, _ANY), (payment.document, _ANY)):
            dated = self._free.setdefault((key, payment.source, number, document), [])
            at = bisect_left(dated, one[:2])
            if at == len(dated) or dated[at][2] is not payment:
                dated.insert(at, one)

    def end_match(self, pool: str, payment: Payment) -> None:
        """Ends the match of a payment that was corrected to 0; the other one can be matched again."""
        if (other := payment.same) is not None:
            payment.same = other.same = None
            self._offer(self._by_number[pool, other.number][0], other)

    def is_matched(self, pool: str) -> bool:
        """Returns whether the payments of a pool may have a match in the other record."""
        return self._of_account is None or pool in self._of_account

    def get(self, pool: str, number: int) -> Payment | None:
        """Returns the payment with a number in the ledger of a pool; None if the entry is not a payment."""
        found = self._by_number.get((pool, number))
        return None if found is None else found[1]

    def invoices(self) -> Iterator[tuple[str, str, str]]:
        """Yields pool, debtor and number of each invoice on which a payment is booked."""
        for (pool, debtor, _, _), one in self._by_number.values():
            if one.invoice_number:
                yield pool, debtor, one.invoice_number

    def match(self, pool: str, effect: Effect, document: str) -> Payment | None:
        """Returns the payment of the other record that an entry reports again; None if there is none."""
        key = (pool, effect.debtor, effect.currency, effect.amount_minor)
        number = _stated_number(effect)
        same = self._oldest(key, effect, number, document)
        return same or self._oldest(key, effect, "" if number else _ANY, document)

    def _oldest(self, key: PaymentKey, effect: Effect, number: str | None, document: str) -> Payment | None:
        """Returns the oldest free payment with an invoice number that an entry may report again."""
        of_ledger = effect.source == EntrySource.LEDGER
        source = EntrySource.ACCOUNT if of_ledger else EntrySource.LEDGER
        first_day, last_day = (0, effect.day + MATCHED_DAYS) if of_ledger else (effect.day - MATCHED_DAYS, LAST_DAY)
        found = [
            one
            for stated in ((document, "") if document else (_ANY,))
            if (one := _first(self._free.get((key, source, number, stated), []), first_day)) and one.day <= last_day
        ]
        return min(found, key=lambda one: (one.day, one.number), default=None)

    def note(self, pool: str, effect: Effect, document: str, same: Payment | None) -> None:
        """Adds a payment that was booked now, and notes that it is the same as one of the other record."""
        number = _stated_number(effect)
        payment = Payment(
            effect.number, effect.day, effect.source, number, document, effect.effect, effect.invoice_number,
            effect.amount_minor,
        )  # fmt: skip
        self.add((pool, effect.debtor, effect.currency, effect.amount_minor), payment)
        if same is not None:
            join(payment, same)


def is_cash(kind: int, type_code: int) -> bool:
    """Returns whether an entry of PAYMENT_KINDS reports cash: an UNAPPLIED credit note has the type of one."""
    return kind != EntryKind.UNAPPLIED or type_code not in CREDIT_CODES


def join(one: Payment, other: Payment) -> None:
    """Notes that two payments are the same, and that both are booked where the ledger names them."""
    one.same, other.same = other, one
    of_ledger = one if one.source == EntrySource.LEDGER else other
    for payment in (one, other):
        payment.effect, payment.invoice_number = of_ledger.effect, of_ledger.invoice_number


def _stated_number(effect: Effect) -> str:
    return "" if effect.kind == EntryKind.UNAPPLIED else effect.invoice_number


def _is_free(payment: Payment) -> bool:
    return payment.same is None and not payment.is_corrected


def _first(dated: list[_Dated], day: int) -> Payment | None:
    """Returns the oldest free payment from a day on, after dropping those before it that are not free."""
    at = bisect_left(dated, (day,))
    while at < len(dated) and not _is_free(dated[at][2]):
        del dated[at]
    return dated[at][2] if at < len(dated) else None
