"""Conversion of feeds of entries, of booked and of rejected entries to messages."""

from __future__ import annotations

from collections.abc import Mapping

from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.receivables.entry_columns import entry_message
from collateral_registry.store.feeds.batches import Feed
from collateral_registry.store.feeds.rejections import StoredRejection
from collateral_registry.store.receivables.entries import StoredEntry
from collateral_registry.v1 import invoice_feed_pb2 as pb


def feed_message(feed: Feed, open_rejections: Mapping[int, int]) -> pb.InvoiceFeed:
    """Returns a feed as a message; ``open_rejections`` maps feed keys to their numbers of open rejections."""
    return pb.InvoiceFeed(
        name=f"invoiceFeeds/{feed.source_id}",
        last_sequence=feed.last_sequence,
        call_count=-feed.last_call,
        receive_time=convert.optional_timestamp(feed.received_us),
        open_rejection_count=open_rejections.get(feed.key, 0),
    )


def recorded_message(one: StoredEntry) -> pb.RecordedInvoiceEntry:
    """Returns a booked entry as a message."""
    (currency,) = one.entry.currency
    return pb.RecordedInvoiceEntry(
        invoice_feed=f"invoiceFeeds/{one.source_id}",
        sequence=one.sequence,
        row=one.batch_row,
        entry=entry_message(one.entry),
        number=one.number,
        change=convert.money(one.change_minor, currency) if currency else None,
        same_payment_number=one.matches,
        known_time=convert.timestamp(one.received_us),
    )


def rejected_message(one: StoredRejection[Entries]) -> pb.RejectedEntry:
    """Returns an entry that was not booked as a message."""
    return convert.message_of(
        pb.RejectedEntry,
        one,
        name=f"invoiceFeeds/{one.source_id}/rejectedEntries/{one.key}",
        row=one.batch_row,
        entry=entry_message(one.item),
        receive_time=convert.timestamp(one.received_us),
        resolve_time=convert.optional_timestamp(one.resolved_us),
        resolver=one.resolved_by,
    )
