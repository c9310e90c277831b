"""Batches for one writer: those that wait while one group is made durable go into the next, with one commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from collateral_registry.commands.stock_intake import Batch, Outcome, open_feed, take_in
from collateral_registry.rpc.calls import Calls
from collateral_registry.store.database import Database
from collateral_registry.store.stock_sources import Source

T = TypeVar("T")

GROUP_ITEMS_LIMIT = 10_000
"""Items made durable by one commit: more would make the first of them wait."""

HELD_ITEMS_LIMIT = 50_000
"""Items held in memory for all streams and calls together, some 100 MB; no more is read until some are durable."""

WINDOW = 16
"""Batches that a stream may send without an answer."""

BUSY_WINDOW = 2
"""The same while the writer is busy."""

BUSY_SECONDS = 0.25
"""A group that takes longer than this says that the writer is busy."""

DELAY_LIMIT_SECONDS = 5.0
"""The longest delay that a stream is asked for."""


class Pace(NamedTuple):
    """How fast a stream may go on: batches without an answer, and a delay before the next one."""

    window: int
    delay_seconds: float


class _Room:
    """Room for so many items; a batch larger than all of it may enter when nobody is in."""

    def __init__(self) -> None:
        self._held = 0
        self._freed = asyncio.Event()

    async def enter(self, items: int) -> None:
        while self._held and self._held + items > HELD_ITEMS_LIMIT:
            self._freed.clear()
            await self._freed.wait()
        self._held += items

    def leave(self, items: int) -> None:
        self._held -= items
        self._freed.set()


class StockDesk:
    """Takes batches of every stream and call, group by group."""

    def __init__(self, calls: Calls) -> None:
        """One writer thread; nobody waits yet."""
        self.calls = calls
        self._room = _Room()
        self.changed = asyncio.Event()
        self._writer = ThreadPoolExecutor(1, "intake")
        self._waiting: list[tuple[Batch, asyncio.Future[Outcome]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._last_seconds = 0.0

    async def open(self, source_id: str) -> Source:
        """Where a source stands; streams of it that were opened before may no longer write."""
        return await self.run(lambda database: open_feed(database, source_id))

    async def run(self, work: Callable[[Database], T]) -> T:
        """Does other work of the intake in its turn."""
        done = await asyncio.get_running_loop().run_in_executor(self._writer, work, self.calls.database)
        self.changed.set()
        return done

    async def take(self, batch: Batch) -> asyncio.Future[Outcome]:
        """What becomes of a batch, once it is durable; waits first until there is room for it."""
        items = len(batch.movements)
        await self._room.enter(items)
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        outcome.add_done_callback(lambda _: self._room.leave(items))
        self._waiting.append((batch, outcome))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return outcome

    @property
    def pace(self) -> Pace:
        """How fast a stream may go on."""
        if self._last_seconds <= BUSY_SECONDS:
            return Pace(WINDOW, 0.0)
        return Pace(BUSY_WINDOW, min(self._last_seconds, DELAY_LIMIT_SECONDS))

    def close(self) -> None:
        """Waits for the group under way and stops the thread."""
        self._writer.shutdown()

    async def _work(self) -> None:
        """Makes what waits durable until nothing does."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            group = self._next_group()
            start = time.monotonic()
            batches = [batch for batch, _ in group]
            taking = asyncio.ensure_future(loop.run_in_executor(self._writer, take_in, self.calls.database, batches))
            await asyncio.wait([taking])
            self._last_seconds = time.monotonic() - start
            self._answer([outcome for _, outcome in group], taking)
            self.changed.set()

    def _next_group(self) -> list[tuple[Batch, asyncio.Future[Outcome]]]:
        items, count = 0, 0
        for batch, _ in self._waiting:
            items += len(batch.movements)
            if count and items > GROUP_ITEMS_LIMIT:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def _answer(self, waiting: Sequence[asyncio.Future[Outcome]], taking: asyncio.Future[list[Outcome]]) -> None:
        """Hands out what became of the group; whatever went wrong with it went wrong for each."""
        error = taking.exception()
        for place, outcome in enumerate(waiting):
            if outcome.done():
                continue
            if error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(taking.result()[place])
