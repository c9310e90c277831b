"""Batches for one writer: those that wait while one group is made durable go into the next, with one commit.

The writer is a process of its own (runtime/stock/writer_process.py); it has the next group by the time that it is
done with one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from math import ceil
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from collateral_registry.commands.stock.stock_intake import Batch, Outcome, book_batches, open_feed
from collateral_registry.domain.shared.errors import DomainError, StoreUnavailable
from collateral_registry.runtime.stock.writer_process import IntakeProcess
from collateral_registry.store.engine.database import Database
from collateral_registry.store.stock.feeds import Feed

P = ParamSpec("P")
T = TypeVar("T")

GROUP_ITEMS_LIMIT = 10_000
"""Items made durable by one commit: more would make the first of them wait."""

HELD_ITEMS_LIMIT = 50_000
"""Items held for all streams and calls together, some 100 MB; no more is read until some are durable.

The groups under way are on their way to the process of the intake as well: at most as much again of 20,000 items.
"""

GROUPS_LIMIT = 2
"""Groups that the process of the intake has: the one that it works on, and the next."""

UNDER_WAY_ITEMS = {"sqlite": 2_000, "postgresql": 3_200}
"""Items that all streams together are asked to have under way, a batch each at least. Half of them make a group, which
costs PostgreSQL some ten round trips whatever its size; with more, each would only wait the longer."""

WINDOW = 16
"""Batches that a stream may send without an answer at most, however small they are."""

LONE_WINDOW = 2
"""The least that a stream is asked for that is alone, however large its batches are: one is on its way meanwhile."""

BUSY_WINDOW = 2
"""The most while the writer is busy."""

BUSY_SECONDS = 0.25
"""A group that takes longer than this says that the writer is busy."""

IDLE_SECONDS = 0.1
"""With nothing under way for so long, nothing comes in."""

DELAY_LIMIT_SECONDS = 5.0
"""The longest delay that a stream is asked for."""


class Pace(NamedTuple):
    """How fast a stream may go on: batches without an answer, and a delay before the next one."""

    window: int
    delay_seconds: float


class _PendingBatch(NamedTuple):
    """A batch, and what will become of it."""

    batch: Batch
    outcome: asyncio.Future[Outcome]

    @property
    def items(self) -> int:
        return len(self.batch.movements)


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


class StockBatcher:
    """Takes batches of every stream and call, group by group."""

    def __init__(self, intake: IntakeProcess, engine: str) -> None:
        """Nobody waits yet; the engine is that of the book."""
        self._intake = intake
        self._under_way_items = UNDER_WAY_ITEMS[engine]
        self._room = _Room()
        self.changed = asyncio.Event()
        self._waiting: list[_PendingBatch] = []
        self._under_way: Counter[str] = Counter()
        self._taking: set[asyncio.Task[None]] = set()
        self._last_seconds, self._last_end = 0.0, 0.0

    async def open(self, source_id: str) -> Feed:
        """Where a source stands; streams of it that were opened before may no longer write."""
        return await self.run(open_feed, source_id)

    async def run(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **facts: P.kwargs) -> T:
        """Does work of the intake in its turn; raises what it raises, and StoreUnavailable where the process died."""
        try:
            # Shielded: a caller who leaves cancels nothing that the process may be at, or has in its queue.
            done = await asyncio.shield(asyncio.wrap_future(self._intake.submit(work, *args, **facts)))
        except BrokenProcessPool:
            raise StoreUnavailable("the process of the intake has died; nothing was acknowledged") from None
        except DomainError as error:
            raise error from None  # its cause is a page of the other process
        self.changed.set()
        return done

    async def take(self, batch: Batch) -> asyncio.Future[Outcome]:
        """What becomes of a batch, once it is durable; waits first until there is room for it."""
        await self._room.enter(len(batch.movements))
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        outcome.add_done_callback(lambda _: self._leave(batch))
        self._under_way[batch.source_id] += 1
        self._waiting.append(_PendingBatch(batch, outcome))
        self._hand_over()
        return outcome

    def pace(self, source_id: str, items: int) -> Pace:
        """How fast a stream of a source may go on whose batches have so many items: its share of what is under way."""
        sources = len(self._under_way.keys() | {source_id})
        share = max(ceil(self._under_way_items / (items * sources)), LONE_WINDOW if sources == 1 else 1)
        if self._last_seconds <= BUSY_SECONDS:
            return Pace(min(share, WINDOW), 0.0)
        return Pace(min(share, BUSY_WINDOW), min(self._last_seconds, DELAY_LIMIT_SECONDS))

    def _leave(self, batch: Batch) -> None:
        self._room.leave(len(batch.movements))
        self._under_way[batch.source_id] -= 1
        self._under_way += Counter()  # lets go of the sources that have nothing under way

    @property
    def is_idle(self) -> bool:
        """Whether nothing has come in for a moment."""
        return not self._taking and time.monotonic() - self._last_end > IDLE_SECONDS

    def _hand_over(self) -> None:
        """Gives what waits to the process of the intake, when that has nothing, or soon will."""
        while self._waiting and len(self._taking) < GROUPS_LIMIT:
            # With less than half of what is under way, small groups and large ones would take turns.
            if self._taking and sum(one.items for one in self._waiting) < self._under_way_items / 2:
                return
            self._taking.add(asyncio.create_task(self._take_in(self._next_group())))

    async def _take_in(self, group: Sequence[_PendingBatch]) -> None:
        """Has a group made durable, hands out what became of it, and the next group over."""
        start = time.monotonic()
        taking = asyncio.ensure_future(self.run(book_batches, [one.batch for one in group]))
        await asyncio.wait([taking])
        end = time.monotonic()
        self._last_seconds, self._last_end = end - max(start, self._last_end), end
        self._taking.discard(asyncio.current_task())  # type: ignore[arg-type] # inside of a task there is one
        self._answer([one.outcome for one in group], taking)
        self._hand_over()

    def _next_group(self) -> list[_PendingBatch]:
        items, count = 0, 0
        for one in self._waiting:
            items += one.items
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
