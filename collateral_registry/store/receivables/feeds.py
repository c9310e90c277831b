"""The feeds of invoice ledgers and their rejected entries."""

from __future__ import annotations

from collateral_registry.domain.receivables.ledgers.entries import Entries, EntryRejectionReason
from collateral_registry.store.feeds.batches import FeedStore, FeedTables
from collateral_registry.store.feeds.rejections import RejectionStore
from collateral_registry.store.schema.receivables import InvoiceBatchRow, InvoiceFeedRow, InvoiceRejectionRow

_TABLES = FeedTables(
    "invoiceFeeds",
    "feed",
    "invoice_feed",
    "PushInvoicesOpened",
    "entry_id",
    InvoiceFeedRow,
    InvoiceBatchRow,
    InvoiceRejectionRow,
)

INVOICE_FEEDS = FeedStore(_TABLES)

REJECTED_ENTRIES = RejectionStore(
    _TABLES, Entries, EntryRejectionReason, "rejectedEntries", "entry", "ENTRY_REJECTION_REASON_"
)
