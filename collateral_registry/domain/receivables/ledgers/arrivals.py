"""States an invoice that moves to another pool, with its sums, as effects on the ledger of that pool."""

from __future__ import annotations

from collections.abc import Iterator

from collateral_registry.domain.receivables.ledger import EntryKind
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect, Invoice


def arrivals(invoice: Invoice, move: Effect, number: int) -> Iterator[Effect]:
    """Yields the effects of a MOVE on the pool that an invoice enters, from the given number of its ledger on."""
    for leg, (kind, amount) in enumerate(_sums_of(invoice), start=1):
        yield _arrival(invoice, move, number + leg - 1, leg, kind, amount)


def _sums_of(invoice: Invoice) -> list[tuple[EntryKind, int]]:
    """Returns the kinds and amounts of entries that state an invoice as it is; the invoice itself is the first."""
    sums = (
        (EntryKind.PAYMENT, invoice.paid_minor),
        (EntryKind.CREDIT_NOTE, invoice.credited_minor),
        (EntryKind.WRITE_OFF, invoice.written_off_minor),
        (EntryKind.RETENTION, invoice.retention_minor),
    )
    disputed = [(EntryKind.DISPUTE, max(0, invoice.disputed_minor))] if invoice.disputed_minor else []
    return [(EntryKind.INVOICE, invoice.face_minor), *((kind, amount) for kind, amount in sums if amount), *disputed]


def _arrival(invoice: Invoice, move: Effect, number: int, leg: int, kind: EntryKind, amount: int) -> Effect:
    due_day = invoice.retention_day if kind == EntryKind.RETENTION else invoice.due_day
    return Effect(
        number, leg, move.kind, kind, move.effective_us, invoice.debtor, invoice.invoice_number, invoice.type_code,
        0, amount, invoice.currency, invoice.issue_day, due_day, invoice.delivery_day, invoice.flags, move.source, 0,
    )  # fmt: skip
