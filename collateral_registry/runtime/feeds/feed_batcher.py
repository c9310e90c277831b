"""Queues batches of feed items from all streams and calls; the writer process books them group by group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, Concatenate, ParamSpec, TypeVar

from collateral_registry.commands.feeds.intake import (
    Batch,
    DurableBatch,
    Gap,
    Group,
    Outcome,
    book_batches,
    open_feed,
    try_batch,
)
from collateral_registry.metrics import FEED_ACKNOWLEDGEMENT
from collateral_registry.runtime.batching import Batcher
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.store.engine.database import Database
from collateral_registry.store.feeds.batches import Feed

P = ParamSpec("P")
T = TypeVar("T")

WINDOW = 16
"""Batches that a stream may send before one is acknowledged, so that some arrive while others are booked."""

GROUP_ITEMS_LIMIT = 10_000
"""Items made durable by one commit; a longer transaction would delay the acknowledgement of its first items."""

HELD_ITEMS_LIMIT = 50_000
"""Items of one kind held in memory for all streams and calls, about 100 MB.

At the limit, streams are not read until some items are durable.
"""


class FeedBatcher:
    """Books the batches of all streams and calls of one kind of feed in groups, each in one commit."""

    def __init__(self, intake: IntakeProcess, kind: type[Group[Any]]) -> None:
        self._intake, self._kind = intake, kind
        self._batcher: Batcher[Batch[Any], DurableBatch | Gap] = Batcher(
            self._book, lambda batch: len(batch.items), GROUP_ITEMS_LIMIT
        )
        self._held_items = 0
        self._released = asyncio.Event()
        self.changed = asyncio.Event()
        """Set after every transaction of the writer process."""

    async def open(self, source_id: str) -> Feed:
        """Opens a feed and returns its state; older streams of the feed may no longer write."""
        return await self.run(open_feed, self._kind, source_id)

    async def run(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Runs ``work`` in the writer process and returns its result.

        Raises the exception that ``work`` raises, and StoreUnavailable if the process dies.
        """
        result = await asyncio.wrap_future(self._intake.submit(work, *args, **named))
        self.changed.set()
        return result

    async def take(self, batch: Batch[Any]) -> asyncio.Future[DurableBatch | Gap]:
        """Queues a batch once there is room for its items, and returns the future of its outcome.

        The future raises Refused or RequestIdReused for a batch that is not accepted.
        """
        items = len(batch.items)
        # A batch larger than the limit is accepted when no other is held.
        while self._held_items and self._held_items + items > HELD_ITEMS_LIMIT:
            self._released.clear()
            await self._released.wait()
        self._held_items += items
        outcome, arrived = self._batcher.submit(batch), perf_counter()
        outcome.add_done_callback(lambda _: self._release(items))
        outcome.add_done_callback(partial(self._measure, arrived))
        return outcome

    async def attempt(self, batch: Batch[Any]) -> DurableBatch | Gap:
        """Returns the outcome that a batch would have now; writes nothing.

        Raises Refused or RequestIdReused for a batch that would not be accepted.
        """
        outcome = await self.run(try_batch, self._kind, batch)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _release(self, items: int) -> None:
        self._held_items -= items
        self._released.set()

    async def _book(self, group: Sequence[Batch[Any]]) -> list[Outcome]:
        return await self.run(book_batches, self._kind, group)

    def _measure(self, arrived: float, outcome: asyncio.Future[DurableBatch | Gap]) -> None:
        """Observes the time until a batch is durable; refused batches are not measured."""
        if not outcome.cancelled() and outcome.exception() is None:
            FEED_ACKNOWLEDGEMENT[self._kind.feeds.tables.field].observe(perf_counter() - arrived)
