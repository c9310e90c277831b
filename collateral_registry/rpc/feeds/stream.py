"""One stream of batches: reads a window of batches, acknowledges durable ones, and asks for missing ones.

For each batch, the reader queues a future of its outcome, in the order of the batches. The answers are taken from that
queue. An acknowledgement therefore never precedes its commit, and memory holds one window of batches. A codec reads and
writes the messages of one kind of feed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from collateral_registry.commands.feeds.intake import Batch, DurableBatch, Gap, superseded
from collateral_registry.domain.feeds.items import Items
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.feeds.columns import digest
from collateral_registry.runtime.feeds.feed_batcher import WINDOW, FeedBatcher
from collateral_registry.store.feeds.batches import Feed, FeedTables
from valuation.errors import InvalidInput

FeedMessage = Any
"""A message of the contract of one kind of feed."""


@dataclass(frozen=True)
class StreamCodec:
    """The messages of the streams of one kind of feed.

    ``read_batch`` returns the items of a batch. The other functions build the messages of the server: from the last
    durable sequence, from the result of a batch, and from the sequence that is missing.
    """

    tables: FeedTables
    read_batch: Callable[[FeedMessage], Items]
    opened: Callable[[int], FeedMessage]
    acknowledged: Callable[[DurableBatch], FeedMessage]
    rewind: Callable[[int], FeedMessage]


@dataclass(frozen=True)
class _Missing:
    """The answer that the batches from this sequence on are missing."""

    expected: int


class _End:
    """Marks the end of the answers."""


_Answer = asyncio.Future[DurableBatch | Gap] | _Missing | Exception | _End


class FeedStream:
    """One stream of a feed. ``scope`` is what the feed may report; None means anything."""

    def __init__(self, codec: StreamCodec, batcher: FeedBatcher, source: Feed, scope: object) -> None:
        self.codec = codec
        self.batcher = batcher
        self.source = source
        self.scope = scope
        self._awaited = source.last_sequence + 1
        self._asked_for = 0
        self._window = asyncio.Semaphore(WINDOW)
        self._answers: asyncio.Queue[_Answer] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def run(self, requests: AsyncIterator[FeedMessage]) -> AsyncIterator[FeedMessage]:
        """Yields the answers. An error that ends the stream is raised after every earlier batch is acknowledged."""
        yield self.codec.opened(self.source.last_sequence)
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
        self._answers.put_nowait(superseded(self.codec.tables, self.source.source_id))

    def drain(self) -> None:
        """Stops reading. Batches that were already read are still acknowledged."""
        if self._reader is None:
            self._answers.put_nowait(_End())
        else:
            self._reader.cancel()

    async def _read(self, requests: AsyncIterator[FeedMessage]) -> None:
        try:
            async for request in requests:
                if request.WhichOneof("message") != "batch":
                    raise InvalidInput("message", request.WhichOneof("message") or "nothing", "a batch")
                await self._take(request.batch)
                del request  # so that it takes no memory while the next one is awaited
        finally:
            self._answers.put_nowait(_End())

    async def _take(self, message: FeedMessage) -> None:
        """Queues a batch once the window has room for it. If earlier batches are missing, asks for them once."""
        if message.sequence < 1:
            raise InvalidInput("batch.sequence", message.sequence, "1 or more")
        if message.sequence > self._awaited:
            self._ask_for(self._awaited)
            return
        items = self.codec.read_batch(message)
        await self._window.acquire()
        outcome = await self.batcher.take(
            Batch(
                source_id=self.source.source_id,
                epoch=self.source.epoch,
                sequence=message.sequence,
                body_hash=digest(message),
                items=items,
                scope=self.scope,
            )
        )
        if message.sequence == self._awaited:
            self._awaited += 1
        self._answers.put_nowait(outcome)

    def _ask_for(self, sequence: int) -> None:
        if self._asked_for != sequence:
            self._asked_for = sequence
            self._answers.put_nowait(_Missing(sequence))

    async def _message(self, answer: _Answer) -> FeedMessage:
        """Returns the message to send for an answer, or None; raises an answer that is an error."""
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, _Missing):
            return self.codec.rewind(answer.expected)
        assert isinstance(answer, asyncio.Future)  # noqa: S101 - run() handles the end
        outcome = await answer
        self._window.release()
        if isinstance(outcome, DurableBatch):
            return self.codec.acknowledged(outcome)
        self._awaited = outcome.expected
        self._ask_for(outcome.expected)
        return None


class FeedStreams:
    """The open streams of one kind of feed, at most one for each feed."""

    def __init__(self, codec: StreamCodec, batcher: FeedBatcher) -> None:
        self._codec, self._batcher = codec, batcher
        self._open: dict[str, FeedStream] = {}
        self._draining = False

    async def serve(
        self, requests: AsyncIterator[FeedMessage], scope_of: Callable[[str], object]
    ) -> AsyncIterator[FeedMessage]:
        """Yields the answers to a stream; ends the older stream of its feed.

        ``scope_of`` returns what the caller may report through a feed, and raises NotPermitted for a foreign feed.
        """
        tables = self._codec.tables
        name = await _opening(requests, tables.field)
        (source_id,) = id_of(f"open.{tables.field}", name, tables.collection)
        scope = scope_of(source_id)
        stream = FeedStream(self._codec, self._batcher, await self._batcher.open(source_id), scope)
        if source_id in self._open:
            self._open[source_id].supersede()
        self._open[source_id] = stream
        if self._draining:
            stream.drain()
        try:
            async for answer in stream.run(requests):
                yield answer
        finally:
            if self._open.get(source_id) is stream:
                del self._open[source_id]

    def drain(self) -> None:
        """Ends every stream after the batches already read are acknowledged."""
        self._draining = True
        for stream in self._open.values():
            stream.drain()


async def _opening(requests: AsyncIterator[FeedMessage], field: str) -> str:
    """Returns the feed that the first message opens."""
    first = await anext(aiter(requests), None)
    if first is None or first.WhichOneof("message") != "open":
        raise InvalidInput("message", "no open", "open as the first message of the stream")
    return str(getattr(first.open, field))
