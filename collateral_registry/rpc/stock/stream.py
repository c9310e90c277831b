"""One stream of batches: reads a window of batches, acknowledges durable ones, and asks for missing ones.

For each batch, the reader queues a future of its outcome, in the order of the batches. The answers are taken from that
queue. An acknowledgement therefore never precedes its commit, and memory holds one window of batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass

from collateral_registry.commands.stock.stock_intake import Batch, DurableBatch, Gap, superseded
from collateral_registry.rpc.stock.movement_columns import BATCH_ITEMS_LIMIT, digest, read_batch
from collateral_registry.runtime.stock.stock_batcher import WINDOW, StockBatcher
from collateral_registry.store.stock.feeds import Feed
from collateral_registry.v1 import stock_pb2 as pb
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class _Missing:
    """The answer that the batches from this sequence on are missing."""

    expected: int


class _End:
    """Marks the end of the answers."""


_Answer = asyncio.Future[DurableBatch | Gap] | _Missing | Exception | _End


class StockStream:
    """One stream of a feed."""

    def __init__(self, batcher: StockBatcher, source: Feed, own_warehouses: Collection[str] | None) -> None:
        self.batcher = batcher
        self.source = source
        self.own_warehouses = own_warehouses
        self._awaited = source.last_sequence + 1
        self._asked_for = 0
        self._window = asyncio.Semaphore(WINDOW)
        self._answers: asyncio.Queue[_Answer] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def run(self, requests: AsyncIterator[pb.PushStockRequest]) -> AsyncIterator[pb.PushStockResponse]:
        """Yields the answers. An error that ends the stream is raised after every earlier batch is acknowledged."""
        opened = pb.PushStockOpened(
            last_sequence=self.source.last_sequence, window=WINDOW, batch_items_limit=BATCH_ITEMS_LIMIT
        )
        yield pb.PushStockResponse(opened=opened)
        self._reader = asyncio.create_task(self._read(requests))
        try:
            while not isinstance(answer := await self._answers.get(), _End):
                message = await self._message(answer)
                if message is not None:
                    yield message
        finally:
            self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    def supersede(self) -> None:
        """Ends the stream because its feed has opened another one."""
        self._answers.put_nowait(superseded(self.source.source_id))

    def drain(self) -> None:
        """Stops reading. Batches that were already read are still acknowledged."""
        if self._reader is None:
            self._answers.put_nowait(_End())
        else:
            self._reader.cancel()

    async def _read(self, requests: AsyncIterator[pb.PushStockRequest]) -> None:
        try:
            async for request in requests:
                if request.WhichOneof("message") != "batch":
                    raise InvalidInput("message", request.WhichOneof("message") or "nothing", "a batch")
                await self._take(request.batch)
        finally:
            self._answers.put_nowait(_End())

    async def _take(self, message: pb.StockBatch) -> None:
        """Queues a batch once the window has room for it. If earlier batches are missing, asks for them once."""
        if message.sequence < 1:
            raise InvalidInput("batch.sequence", message.sequence, "1 or more")
        if message.sequence > self._awaited:
            self._ask_for(self._awaited)
            return
        movements = read_batch(message)
        await self._window.acquire()
        outcome = await self.batcher.take(
            Batch(
                source_id=self.source.source_id,
                epoch=self.source.epoch,
                sequence=message.sequence,
                body_hash=digest(message),
                movements=movements,
                own_warehouses=self.own_warehouses,
            )
        )
        if message.sequence == self._awaited:
            self._awaited += 1
        self._answers.put_nowait(outcome)

    def _ask_for(self, sequence: int) -> None:
        if self._asked_for != sequence:
            self._asked_for = sequence
            self._answers.put_nowait(_Missing(sequence))

    async def _message(self, answer: _Answer) -> pb.PushStockResponse | None:
        """Returns the message to send for an answer, or None; raises an answer that is an error."""
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, _Missing):
            return _rewind(answer.expected)
        assert isinstance(answer, asyncio.Future)  # noqa: S101 - run() handles the end
        outcome = await answer
        self._window.release()
        if isinstance(outcome, DurableBatch):
            return _acknowledged(outcome)
        self._awaited = outcome.expected
        self._ask_for(outcome.expected)
        return None


def _acknowledged(taken: DurableBatch) -> pb.PushStockResponse:
    message = pb.PushStockAcknowledged(
        sequence=taken.sequence,
        repeated_batch=taken.repeated,
        booked_count=taken.booked,
        known_count=taken.known,
        rejected_items=rejected_items(taken),
        window=WINDOW,
    )
    return pb.PushStockResponse(acknowledged=message)


def rejected_items(taken: DurableBatch) -> list[pb.RejectedItem]:
    """Returns the rows that were not booked, as messages."""
    return [
        pb.RejectedItem(row=item.row, movement_id=item.movement_id, reason=item.reason, description=item.description)
        for item in taken.rejected
    ]


def _rewind(expected: int) -> pb.PushStockResponse:
    return pb.PushStockResponse(rewind=pb.PushStockRewind(expected_sequence=expected, window=WINDOW))
