"""Servicer of StockService."""

from __future__ import annotations

from collections.abc import AsyncIterator

from grpc.aio import ServicerContext

from collateral_registry.commands.feeds.intake import CALL, Batch, DurableBatch
from collateral_registry.commands.stock.stock_intake import StockGroup
from collateral_registry.domain.feeds.partners import FEED_ACTOR
from collateral_registry.domain.shared.errors import NotPermitted
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common.warehouse_names import warehouse_of
from collateral_registry.rpc.feeds.columns import digest
from collateral_registry.rpc.feeds.partners import own_warehouses
from collateral_registry.rpc.feeds.stream import FeedStreams
from collateral_registry.rpc.stock.count_messages import read_count
from collateral_registry.rpc.stock.movement_columns import read_movements
from collateral_registry.rpc.stock.stream_messages import CODEC, rejected_items
from collateral_registry.rpc.stock.warehouse_servicer import take_count
from collateral_registry.runtime.feeds.feed_batcher import FeedBatcher
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.v1 import stock_pb2 as pb, stock_pb2_grpc


class StockServicer(stock_pb2_grpc.StockServiceServicer):
    """Books the stock that warehouses report."""

    def __init__(self, runner: BookRunner, intake: IntakeProcess) -> None:
        self.runner = runner
        self.batcher = FeedBatcher(intake, StockGroup)
        self.streams = FeedStreams(CODEC, self.batcher)

    async def PushStock(
        self, request_iterator: AsyncIterator[pb.PushStockRequest], context: ServicerContext
    ) -> AsyncIterator[pb.PushStockResponse]:
        """Books numbered batches of one feed, and acknowledges each batch once it is durable."""
        async for answer in self.streams.serve(request_iterator, own_warehouses):
            yield answer

    async def RecordMovements(
        self, request: pb.RecordMovementsRequest, context: ServicerContext
    ) -> pb.RecordMovementsResponse:
        """Books the movements of one call."""
        (source_id,) = id_of("stock_feed", request.stock_feed, "stockFeeds")
        own = own_warehouses(source_id)
        batch = Batch(
            source_id=source_id,
            epoch=CALL,
            sequence=CALL,
            body_hash=digest(pb.RecordMovementsRequest(movements=request.movements)),
            items=read_movements("movements", request.movements),
            scope=own,
            request_id=checked_text("request_id", request.request_id, required=False),
        )
        if request.validate_only:
            outcome = await self.batcher.attempt(batch)
        else:
            outcome = await (await self.batcher.take(batch))
        assert isinstance(outcome, DurableBatch)  # noqa: S101 - a call has no sequence, so it cannot leave a gap
        return pb.RecordMovementsResponse(
            booked_count=outcome.booked, known_count=outcome.known, rejected_items=rejected_items(outcome)
        )

    async def ReportCount(self, request: pb.ReportCountRequest, context: ServicerContext) -> pb.ReportCountResponse:
        """Records a count of a partner's own warehouse."""
        (source_id,) = id_of("stock_feed", request.stock_feed, "stockFeeds")
        own, warehouse = own_warehouses(source_id), warehouse_of("warehouse", request.warehouse)
        if own is not None and warehouse not in own:
            raise NotPermitted(f"warehouse {warehouse} is not one of stockFeeds/{source_id}", warehouse=warehouse)
        count = await read_count(warehouse, request.count)
        return await take_count(
            self.runner, request, "ReportCount", pb.ReportCountResponse, count, f"{FEED_ACTOR}{source_id}"
        )
