"""Servicer of InvoiceFeedService."""

from __future__ import annotations

from collections.abc import AsyncIterator

from grpc.aio import ServicerContext

from collateral_registry.commands.feeds.intake import CALL, Batch, DurableBatch
from collateral_registry.commands.feeds.rejections import (
    RejectionWords,
    Resolution,
    book_rejection,
    dismiss_rejection,
)
from collateral_registry.commands.receivables.entry_intake import EntryGroup
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.feeds.columns import digest
from collateral_registry.rpc.feeds.partners import check_own_feed, own_pools
from collateral_registry.rpc.feeds.rejections import check_resolved, of_feed, rejection_of
from collateral_registry.rpc.feeds.stream import FeedStreams
from collateral_registry.rpc.receivables.entry_columns import read_entries
from collateral_registry.rpc.receivables.feed_messages import feed_message, recorded_message, rejected_message
from collateral_registry.rpc.receivables.stream_messages import CODEC, rejected_items
from collateral_registry.runtime.feeds.feed_batcher import FeedBatcher
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.receivables.entries import list_entries
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS, REJECTED_ENTRIES
from collateral_registry.v1 import invoice_feed_pb2 as pb, invoice_feed_pb2_grpc, stock_ledger_pb2

WORDS = RejectionWords("ENTRY_REJECTED", "ListRejectedEntries", "rejected_entry", "entry")
"""Names of rejected entries in errors."""


class InvoiceFeedServicer(invoice_feed_pb2_grpc.InvoiceFeedServiceServicer):
    """Books entries of invoice ledgers, lists them, and resolves entries that were not booked."""

    def __init__(self, runner: BookRunner, intake: IntakeProcess) -> None:
        self.runner = runner
        self.batcher = FeedBatcher(intake, EntryGroup)
        self.streams = FeedStreams(CODEC, self.batcher)

    async def PushInvoices(
        self, request_iterator: AsyncIterator[pb.PushInvoicesRequest], context: ServicerContext
    ) -> AsyncIterator[pb.PushInvoicesResponse]:
        """Books numbered batches of one feed, and acknowledges each batch once it is durable."""
        async for answer in self.streams.serve(request_iterator, own_pools):
            yield answer

    async def RecordInvoiceEntries(
        self, request: pb.RecordInvoiceEntriesRequest, context: ServicerContext
    ) -> pb.RecordInvoiceEntriesResponse:
        """Books the entries of one call."""
        (source_id,) = id_of("invoice_feed", request.invoice_feed, "invoiceFeeds")
        batch = Batch(
            source_id=source_id,
            epoch=CALL,
            sequence=CALL,
            scope=own_pools(source_id),
            body_hash=digest(pb.RecordInvoiceEntriesRequest(entries=request.entries)),
            items=read_entries("entries", request.entries),
            request_id=checked_text("request_id", request.request_id, required=False),
        )
        if request.validate_only:
            outcome = await self.batcher.attempt(batch)
        else:
            outcome = await (await self.batcher.take(batch))
        assert isinstance(outcome, DurableBatch)  # noqa: S101 - a call has no sequence, so it cannot leave a gap
        return pb.RecordInvoiceEntriesResponse(
            booked_count=outcome.booked, known_count=outcome.known, rejected_items=rejected_items(outcome)
        )

    async def GetInvoiceFeed(self, request: pb.GetInvoiceFeedRequest, context: ServicerContext) -> pb.InvoiceFeed:
        """Returns one feed with the number of its open rejections."""
        check_own_feed(INVOICE_FEEDS.tables, request.name)
        (source_id,) = id_of("name", request.name, "invoiceFeeds")

        def work(connection: Connection) -> pb.InvoiceFeed:
            feed = INVOICE_FEEDS.get(connection, source_id)
            return feed_message(feed, REJECTED_ENTRIES.open_counts(connection, [feed]))

        return await self.runner.read(work)

    async def ListInvoiceFeeds(
        self, request: pb.ListInvoiceFeedsRequest, context: ServicerContext
    ) -> pb.ListInvoiceFeedsResponse:
        """Lists feeds in the order of their ids."""
        wanted, page = filtered_page(request, "ListInvoiceFeeds", "")

        def work(connection: Connection) -> pb.ListInvoiceFeedsResponse:
            found, token = page.cut(INVOICE_FEEDS.page(connection, wanted, *page.bounds), lambda row: row.source_id)
            rejections = REJECTED_ENTRIES.open_counts(connection, found)
            feeds = [feed_message(one, rejections) for one in found]
            return pb.ListInvoiceFeedsResponse(invoice_feeds=feeds, next_page_token=token)

        return await self.runner.read(work)

    async def ListInvoiceEntries(
        self, request: pb.ListInvoiceEntriesRequest, context: ServicerContext
    ) -> pb.ListInvoiceEntriesResponse:
        """Lists booked entries, most recently booked first."""
        wanted, page = filtered_page(request, "ListInvoiceEntries", NEWEST)

        def work(connection: Connection) -> pb.ListInvoiceEntriesResponse:
            messages, token = page.filled(
                list_entries(connection, wanted, *page.bounds), lambda row: row.key, recorded_message
            )
            return pb.ListInvoiceEntriesResponse(entries=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ListRejectedEntries(
        self, request: pb.ListRejectedEntriesRequest, context: ServicerContext
    ) -> pb.ListRejectedEntriesResponse:
        """Lists the entries that were not booked, of one feed or of all feeds, newest first; its own to a partner."""
        check_own_feed(INVOICE_FEEDS.tables, request.parent)
        wanted, page = filtered_page(
            request, "ListRejectedEntries", NEWEST, of_parent=lambda parent: of_feed(INVOICE_FEEDS.tables, parent)
        )

        def work(connection: Connection) -> pb.ListRejectedEntriesResponse:
            messages, token = page.filled(
                REJECTED_ENTRIES.page(connection, wanted, *page.bounds), lambda row: row.key, rejected_message
            )
            return pb.ListRejectedEntriesResponse(rejected_entries=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ResolveRejectedEntry(
        self, request: pb.ResolveRejectedEntryRequest, context: ServicerContext
    ) -> pb.RejectedEntry:
        """Resolves an entry that was not booked: books it as reported or as corrected, or dismisses it."""
        read = convert.read_all(
            item=lambda: rejection_of(REJECTED_ENTRIES, request.name),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note),
            state=lambda: check_resolved(request.state),
        )
        source_id, key = read["item"]
        resolution = Resolution(read["actor"], read["note"], request.validate_only)
        item = {"kind": EntryGroup, "words": WORDS, "source_id": source_id, "key": key, "resolution": resolution}
        if request.state == stock_ledger_pb2.REJECTION_STATE_DISMISSED:
            return rejected_message(await self.batcher.run(dismiss_rejection, **item))
        corrected = read_entries("entry", [request.entry]) if request.HasField("entry") else None
        return rejected_message(await self.batcher.run(book_rejection, replacement=corrected, **item))
