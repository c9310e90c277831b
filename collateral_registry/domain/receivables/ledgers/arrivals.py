"""States an invoice that moves to another pool, with its sums, as effects on the ledger of that pool."""

from __future__ import annotations

from collections.abc import Iterator

from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect, Invoice


def arrivals(invoice: Invoice, move: Effect, number: int) -> Iterator[Effect]:
    """Yields the effects of a MOVE on the pool that an invoice enters, from the given number of its ledger on."""
    for leg, (kind, source, amount) in enumerate(_sums_of(invoice, move.source), start=1):
        yield _arrival(invoice, move._replace(number=number + leg - 1, leg=leg, effect=kind, source=source), amount)


_Sum = tuple[EntryKind, int, int]
"""Kind, source and amount of an entry."""


def _sums_of(invoice: Invoice, source: int) -> list[_Sum]:
    """Returns the entries that state an invoice as it is; the invoice itself is the first.

    What only the collection account has reported as paid is an entry of the account.
    """
    ahead = max(0, invoice.ahead_minor)
    sums = (
        (EntryKind.PAYMENT, invoice.paid_minor - ahead),
        (EntryKind.CREDIT_NOTE, invoice.credited_minor),
        (EntryKind.WRITE_OFF, invoice.written_off_minor),
        (EntryKind.RETENTION, invoice.retention_minor),
    )
    found = [(EntryKind.INVOICE, source, invoice.face_minor)]
    found += [(kind, source, amount) for kind, amount in sums if amount]
    found += [(EntryKind.PAYMENT, int(EntrySource.ACCOUNT), ahead)] if ahead else []
    return found + ([(EntryKind.DISPUTE, source, max(0, invoice.disputed_minor))] if invoice.disputed_minor else [])


def _arrival(invoice: Invoice, placed: Effect, amount: int) -> Effect:
    """Returns an effect of a MOVE in its place with the fields of the invoice."""
    return placed._replace(
        type_code=invoice.type_code, amount_minor=0, change_minor=amount, currency=invoice.currency,
        issue_day=invoice.issue_day, delivery_day=invoice.delivery_day, flags=invoice.flags, matches=0,
        due_day=invoice.retention_day if placed.effect == EntryKind.RETENTION else invoice.due_day,
    )  # fmt: skip
