"""Servicer of StockLedgerService."""

from __future__ import annotations

from collections.abc import Mapping

from grpc.aio import ServicerContext

from collateral_registry.commands.feeds.rejections import RejectionWords, Resolution, book_rejection, dismiss_rejection
from collateral_registry.commands.stock.feed_spellings import change_spellings, feed_with_spellings
from collateral_registry.commands.stock.stock_intake import StockGroup
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.field_masks import masked
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.feeds.partners import check_own_feed
from collateral_registry.rpc.feeds.rejections import check_resolved, of_feed, rejection_of
from collateral_registry.rpc.stock.ledger_messages import feed_message, lot_message, recorded_message, rejected_message
from collateral_registry.rpc.stock.movement_columns import read_movements
from collateral_registry.runtime.feeds.feed_batcher import FeedBatcher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.prices.unit_spellings import own_spellings
from collateral_registry.store.stock.feeds import REJECTED_MOVEMENTS, STOCK_FEEDS
from collateral_registry.store.stock.ledger import list_lots, list_movements
from collateral_registry.v1 import stock_ledger_pb2 as pb, stock_ledger_pb2_grpc

WORDS = RejectionWords("MOVEMENT_REJECTED", "ListRejectedMovements", "rejected_movement", "movement")
"""Names of rejected movements in errors."""

MASKED_FIELDS = ("unit_spellings",)
"""Fields of a feed that an update mask may name."""


class StockLedgerServicer(stock_ledger_pb2_grpc.StockLedgerServiceServicer):
    """Lists the stock that partners reported and resolves items that were not booked.

    Writes go through the stock batcher, because only the batcher books stock.
    """

    def __init__(self, runner: BookRunner, batcher: FeedBatcher) -> None:
        self.runner = runner
        self.batcher = batcher

    async def GetStockFeed(self, request: pb.GetStockFeedRequest, context: ServicerContext) -> pb.StockFeed:
        """Returns one feed with the number of its open rejections."""
        check_own_feed(STOCK_FEEDS.tables, request.name)
        (source_id,) = id_of("name", request.name, "stockFeeds")

        def work(connection: Connection) -> pb.StockFeed:
            feed, spellings = feed_with_spellings(connection, source_id)
            return feed_message(feed, REJECTED_MOVEMENTS.open_counts(connection, [feed]), spellings)

        return await self.runner.read(work)

    async def UpdateStockFeed(self, request: pb.UpdateStockFeedRequest, context: ServicerContext) -> pb.StockFeed:
        """Changes the own spellings of a feed."""
        (source_id,) = id_of("stock_feed.name", request.stock_feed.name, "stockFeeds")

        def changed(spellings: Mapping[str, str]) -> Mapping[str, str]:
            message = pb.StockFeed(unit_spellings=spellings)
            masked(request.stock_feed, message, request.update_mask, MASKED_FIELDS)
            return message.unit_spellings

        def work(write: Write) -> pb.StockFeed:
            feed, spellings = change_spellings(write, source_id, changed)
            return feed_message(feed, REJECTED_MOVEMENTS.open_counts(write.connection, [feed]), spellings)

        return await self.runner.write(call_of(request, "UpdateStockFeed", pb.StockFeed), work)

    async def ListStockFeeds(
        self, request: pb.ListStockFeedsRequest, context: ServicerContext
    ) -> pb.ListStockFeedsResponse:
        """Lists feeds in the order of their ids."""
        wanted, page = filtered_page(request, "ListStockFeeds", "")

        def work(connection: Connection) -> pb.ListStockFeedsResponse:
            found, token = page.cut(STOCK_FEEDS.page(connection, wanted, *page.bounds), lambda row: row.source_id)
            rejections = REJECTED_MOVEMENTS.open_counts(connection, found)
            own = own_spellings(connection, [f"stockFeeds/{one.source_id}" for one in found])
            feeds = [feed_message(one, rejections, own[f"stockFeeds/{one.source_id}"]) for one in found]
            return pb.ListStockFeedsResponse(stock_feeds=feeds, next_page_token=token)

        return await self.runner.read(work)

    async def ListStockLots(
        self, request: pb.ListStockLotsRequest, context: ServicerContext
    ) -> pb.ListStockLotsResponse:
        """Lists lots in their current state, in the order in which they were opened."""
        wanted, page = filtered_page(request, "ListStockLots", 0)

        def work(connection: Connection) -> pb.ListStockLotsResponse:
            messages, token = page.filled(list_lots(connection, wanted, *page.bounds), lambda row: row.key, lot_message)
            return pb.ListStockLotsResponse(stock_lots=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ListMovements(
        self, request: pb.ListMovementsRequest, context: ServicerContext
    ) -> pb.ListMovementsResponse:
        """Lists booked movements, most recently booked first."""
        wanted, page = filtered_page(request, "ListMovements", NEWEST)

        def work(connection: Connection) -> pb.ListMovementsResponse:
            messages, token = page.filled(
                list_movements(connection, wanted, *page.bounds), lambda row: row.key, recorded_message
            )
            return pb.ListMovementsResponse(movements=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ListRejectedMovements(
        self, request: pb.ListRejectedMovementsRequest, context: ServicerContext
    ) -> pb.ListRejectedMovementsResponse:
        """Lists the items that were not booked, of one feed or of all feeds, newest first; of its own to a partner."""
        check_own_feed(STOCK_FEEDS.tables, request.parent)
        wanted, page = filtered_page(
            request, "ListRejectedMovements", NEWEST, of_parent=lambda parent: of_feed(STOCK_FEEDS.tables, parent)
        )

        def work(connection: Connection) -> pb.ListRejectedMovementsResponse:
            messages, token = page.filled(
                REJECTED_MOVEMENTS.page(connection, wanted, *page.bounds), lambda row: row.key, rejected_message
            )
            return pb.ListRejectedMovementsResponse(rejected_movements=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ResolveRejectedMovement(
        self, request: pb.ResolveRejectedMovementRequest, context: ServicerContext
    ) -> pb.RejectedMovement:
        """Resolves an item that was not booked: books it as reported or as corrected, or dismisses it."""
        read = convert.read_all(
            item=lambda: rejection_of(REJECTED_MOVEMENTS, request.name),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note),
            state=lambda: check_resolved(request.state),
        )
        source_id, key = read["item"]
        resolution = Resolution(read["actor"], read["note"], request.validate_only)
        item = {"kind": StockGroup, "words": WORDS, "source_id": source_id, "key": key, "resolution": resolution}
        if request.state == pb.REJECTION_STATE_DISMISSED:
            return rejected_message(await self.batcher.run(dismiss_rejection, **item))
        corrected = read_movements("movement", [request.movement]) if request.HasField("movement") else None
        return rejected_message(await self.batcher.run(book_rejection, replacement=corrected, **item))
