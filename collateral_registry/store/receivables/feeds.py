"""The feeds of invoice ledgers and their rejected entries."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.receivables.ledgers.entries import Entries, EntryRejectionReason
from collateral_registry.store.engine.asset_documents import asset_from_document
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.feeds.batches import FeedStore, FeedTables
from collateral_registry.store.feeds.rejections import RejectionStore
from collateral_registry.store.schema.assets import IS_NEWEST_OF_ASSET, AssetRevisionRow, AssetRow
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


def feeds_of_pools(connection: Connection, pool_ids: Iterable[str]) -> dict[str, str]:
    """Returns the feed that keeps the ledger of each pool that is registered with one, by the id of the pool."""
    found = {}
    for pool_id, document in connection.execute(_DETAILS, {"texts": sorted(pool_ids)}):
        detail = asset_from_document(document).detail
        if isinstance(detail, ReceivablePool) and detail.invoice_feed:
            found[pool_id] = detail.invoice_feed
    return found


_DETAILS = (
    select(AssetRow.asset_id, AssetRevisionRow.document)
    .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
    .where(is_one_of(AssetRow.asset_id, TEXTS))
)
