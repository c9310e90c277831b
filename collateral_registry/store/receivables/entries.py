"""Reads booked entries for display, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from collateral_registry.domain.feeds.items import item_of
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Amount, Id, Number, Reference, Text, Time, enum
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.schema.receivables import InvoiceEntryRow, InvoiceFeedRow, InvoicePoolRow

_ENTRY = InvoiceEntryRow

ENTRY_FILTER = FilterTable(
    feed=FilterField(Id("invoiceFeeds"), InvoiceFeedRow.source_id),
    entry=FilterField(Text(), _ENTRY.entry_id),
    kind=FilterField(enum(EntryKind, "INVOICE_ENTRY_KIND_"), _ENTRY.kind),
    pool=FilterField(Id("assets"), InvoicePoolRow.pool_id),
    debtor=FilterField(Reference("debtors"), _ENTRY.debtor),
    invoice_number=FilterField(Text(), _ENTRY.invoice_number),
    amount=FilterField(Amount(), _ENTRY.amount_minor, _ENTRY.currency != ""),
    currency_code=FilterField(Text(), _ENTRY.currency),
    source=FilterField(enum(EntrySource, "INVOICE_ENTRY_SOURCE_"), _ENTRY.source),
    corrects=FilterField(Text(), _ENTRY.corrects),
    document=FilterField(Text(), _ENTRY.document),
    number=FilterField(Number(), _ENTRY.number),
    sequence=FilterField(Number(), _ENTRY.sequence),
    effective_time=FilterField(Time(), _ENTRY.effective_us),
    known_time=FilterField(Time(), _ENTRY.received_us),
)
"""Fields by which entries can be filtered."""


@dataclass(frozen=True)
class StoredEntry:
    """A booked entry with its feed, its row in its batch, its place in the ledger of its pool, and what it added."""

    key: int
    source_id: str
    sequence: int
    batch_row: int
    entry: Entries
    number: int
    change_minor: int
    matches: int
    received_us: int


def list_entries(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredEntry]:
    """Returns a page of entries, most recently booked first."""
    statement = (
        select(_ENTRY.__table__, InvoiceFeedRow.source_id, InvoicePoolRow.pool_id)
        .join(InvoiceFeedRow, InvoiceFeedRow.source_key == _ENTRY.source_key)
        .join(InvoicePoolRow, InvoicePoolRow.pool_key == _ENTRY.pool_key)
        .where(ENTRY_FILTER.where(wanted), _ENTRY.leg == 0, _ENTRY.entry_key < before_key)
        .order_by(_ENTRY.entry_key.desc())
        .limit(limit)
    )
    return [_entry(row) for row in connection.execute(statement)]


def _entry(row: Row[Any]) -> StoredEntry:
    """Returns the entry as reported; a correction has the pool, debtor and invoice of the entry that it replaces."""
    item = {name: getattr(row, name) for name in Entries.column_names() if name != "pool"} | {"pool": row.pool_id}
    if row.kind == EntryKind.UNAPPLIED:
        item["invoice_number"] = ""
    return StoredEntry(
        row.entry_key,
        row.source_id,
        row.sequence,
        row.batch_row,
        item_of(Entries, item),
        row.number,
        row.change_minor,
        row.matches,
        row.received_us,
    )
