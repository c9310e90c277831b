"""Servicer of StockService."""

from __future__ import annotations

from collections.abc import AsyncIterator

from grpc.aio import ServicerContext

from collateral_registry.commands.stock.stock_intake import CALL, Batch, DurableBatch
from collateral_registry.domain.shared.errors import NotPermitted
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.domain.stock.counts import FEED_ACTOR
from collateral_registry.rpc.common.warehouse_names import warehouse_of
from collateral_registry.rpc.stock.count_messages import read_count
from collateral_registry.rpc.stock.movement_columns import digest, read_movements
from collateral_registry.rpc.stock.partners import own_warehouses
from collateral_registry.rpc.stock.stream import StockStream, rejected_items
from collateral_registry.rpc.stock.warehouse_servicer import take_count
from collateral_registry.runtime.stock.stock_batcher import StockBatcher
from collateral_registry.runtime.stock.writer_process import IntakeProcess
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.v1 import stock_pb2 as pb, stock_pb2_grpc
from valuation.errors import InvalidInput


class StockServicer(stock_pb2_grpc.StockServiceServicer):
    """Books the stock that warehouses report."""

    def __init__(self, runner: BookRunner, intake: IntakeProcess) -> None:
        self.runner = runner
        self.batcher = StockBatcher(intake)
        self.streams: dict[str, StockStream] = {}
        self._draining = False

    async def PushStock(
        self, request_iterator: AsyncIterator[pb.PushStockRequest], context: ServicerContext
    ) -> AsyncIterator[pb.PushStockResponse]:
        """Books numbered batches of one feed, and acknowledges each batch once it is durable."""
        (source_id,) = id_of("open.stock_feed", await _opening(request_iterator), "stockFeeds")
        own = own_warehouses(source_id)
        stream = StockStream(self.batcher, await self.batcher.open(source_id), own)
        if source_id in self.streams:
            self.streams[source_id].supersede()
        self.streams[source_id] = stream
        if self._draining:
            stream.drain()
        try:
            async for answer in stream.run(request_iterator):
                yield answer
        finally:
            if self.streams.get(source_id) is stream:
                del self.streams[source_id]

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
            movements=read_movements("movements", request.movements),
            own_warehouses=own,
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

    def drain(self) -> None:
        """Ends every stream after the batches already read are acknowledged."""
        self._draining = True
        for stream in self.streams.values():
            stream.drain()


async def _opening(requests: AsyncIterator[pb.PushStockRequest]) -> str:
    """Returns the feed that the first message opens."""
    first = await anext(aiter(requests), None)
    if first is None or first.WhichOneof("message") != "open":
        raise InvalidInput("message", "no open", "open as the first message of the stream")
    return first.open.stock_feed
