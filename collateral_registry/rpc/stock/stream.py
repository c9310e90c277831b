"""One stream of batches: read no further than the window, acknowledge what is durable, ask for what is missing.

The reader puts into a queue, in the order of the batches, what will become of each; the answers come out of it. So an
acknowledgement is never ahead of the commit, and memory holds a window of batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from collateral_registry.commands.stock.stock_intake import Batch, DurableBatch, Gap, Outcome, superseded
from collateral_registry.rpc.stock.movement_columns import BATCH_ITEMS_LIMIT, digest, read_batch
from collateral_registry.runtime.stock.stock_batcher import WINDOW, Pace, StockBatcher
from collateral_registry.store.stock.feeds import Feed
from collateral_registry.v1 import stock_pb2 as pb
from valuation.errors import InvalidInput

BATCH_ITEMS = 200
"""What a batch is taken for before the first one came: as many as the kit puts into one."""


@dataclass(frozen=True)
class _Missing:
    """Batches are missing from this one on."""

    expected: int


class _End:
    """Nothing more will come."""


_Answer = asyncio.Future[Outcome] | _Missing | Exception | _End


class StockStream:
    """A stream of one source from its opening to its end."""

    def __init__(self, batcher: StockBatcher, source: Feed, own_warehouses: Collection[str] | None) -> None:
        """Nothing is read yet; the first batch awaited is the one after the last durable one."""
        self.batcher = batcher
        self.source = source
        self.own_warehouses = own_warehouses
        self._awaited = source.last_sequence + 1
        self._asked_for = 0
        self._batch_items = BATCH_ITEMS
        self._window = asyncio.Semaphore(WINDOW)
        self._answers: asyncio.Queue[_Answer] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def run(self, requests: AsyncIterator[pb.PushStockRequest]) -> AsyncIterator[pb.PushStockResponse]:
        """The answers; raises what ends the stream, after everything before it was acknowledged."""
        pace = self._pace
        opened = pb.PushStockOpened(
            last_sequence=self.source.last_sequence, window=pace.window, batch_items_limit=BATCH_ITEMS_LIMIT
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
        """Ends the stream, because its source has opened another one."""
        self._answers.put_nowait(superseded(self.source.source_id))

    def drain(self) -> None:
        """Reads no further; what is under way is still acknowledged."""
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
        """Hands a batch to the desk, once there is room; asks once for what is missing before it."""
        if message.sequence < 1:
            raise InvalidInput("batch.sequence", message.sequence, "1 or more")
        if message.sequence > self._awaited:
            self._ask_for(self._awaited)
            return
        movements = read_batch(message)
        self._batch_items = len(movements)
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

    @property
    def _pace(self) -> Pace:
        """How fast it may go on."""
        return self.batcher.pace(self.source.source_id, self._batch_items)

    async def _message(self, answer: _Answer) -> pb.PushStockResponse | None:
        """The message of an answer, when there is one; raises what ends the stream."""
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, _Missing):
            return _rewind(answer.expected, self._pace)
        assert isinstance(answer, asyncio.Future)  # noqa: S101 - the end was taken before
        outcome = await answer
        self._window.release()
        if isinstance(outcome, DurableBatch):
            return _acknowledged(outcome, self._pace)
        if isinstance(outcome, Gap):
            self._awaited = outcome.expected
            self._ask_for(outcome.expected)
            return None
        raise outcome


def _acknowledged(taken: DurableBatch, pace: Pace) -> pb.PushStockResponse:
    message = pb.PushStockAcknowledged(
        sequence=taken.sequence,
        repeated_batch=taken.repeated,
        booked_count=taken.booked,
        known_count=taken.known,
        rejected_items=rejected_items(taken),
        window=pace.window,
    )
    if pace.delay_seconds:
        message.retry_delay.CopyFrom(Duration(nanos=0))
        message.retry_delay.FromNanoseconds(int(pace.delay_seconds * 1e9))
    return pb.PushStockResponse(acknowledged=message)


def rejected_items(taken: DurableBatch) -> list[pb.RejectedItem]:
    """The rows that were not booked."""
    return [
        pb.RejectedItem(row=item.row, movement_id=item.movement_id, reason=item.reason, description=item.description)
        for item in taken.rejected
    ]


def _rewind(expected: int, pace: Pace) -> pb.PushStockResponse:
    return pb.PushStockResponse(rewind=pb.PushStockRewind(expected_sequence=expected, window=pace.window))
