"""The task that takes up stock: woken by every intake and every commit, it works until nothing waits."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial

import structlog

from collateral_registry.commands.stock.sync_lots import (
    LOTS_LIMIT,
    LOTS_LIMIT_DURING_INTAKE,
    PendingLots,
    find_pending_lots,
    sync_pending_lots,
)
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.runtime.stock.stock_batcher import StockBatcher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection

LOG = structlog.get_logger("stock")

LOOK_SECONDS = 1.0
"""How often it looks by itself: for what another server has taken in, and after trouble."""

RESTS = 9
"""Rest after a commit while stock comes in, in times of what it took: the take-up has a tenth of the time at most."""

FIRST_REST_SECONDS = 1.0
"""Before the first commit after a start: it is the slowest, half a second of the database's time on a busy machine, and
would keep partners waiting who are about to come back."""

SHORTEST_REST_SECONDS = 0.1
"""Between two commits: of lots that move all the time, few would be taken up more often than a watcher can tell."""

LONGEST_REST_SECONDS = 2.0
"""Whatever a commit took, the next one comes then."""


class StockSyncTask:
    """Takes up the stock of one book; servers of one book take turns by the book's own lock."""

    def __init__(self, runner: BookRunner, batcher: StockBatcher) -> None:
        """Nothing is looked at yet."""
        self._calls = runner
        self._desk = batcher
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, in the running loop."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Ends between two commits; what waits is taken up after the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        """Looks for the first time after a rest: partners that were cut off come back first."""
        await asyncio.sleep(FIRST_REST_SECONDS)
        while True:
            committed = self._calls.next_change
            self._desk.changed.clear()
            try:
                await self._work()
            except DomainError as error:
                LOG.warning("stock was not taken up; trying again", cause=str(error), seconds=LOOK_SECONDS)
            except Exception:  # whatever it is, stock that comes later must not wait for a restart
                LOG.exception("stock was not taken up; trying again", seconds=LOOK_SECONDS)
            await _any(self._desk.changed, committed)

    async def _work(self) -> None:
        """Takes up what waits, commit by commit, and rests after each."""
        while (waiting := await self._calls.read(self._look)) is not None:
            start = time.monotonic()
            await self._calls.change(
                "TakeUpStock", partial(sync_pending_lots, pending=waiting), lambda taken: taken.changes > 0, "stock"
            )
            await self._rest(time.monotonic() - start)

    def _look(self, connection: Connection) -> PendingLots | None:
        return find_pending_lots(connection, LOTS_LIMIT if self._desk.is_idle else LOTS_LIMIT_DURING_INTAKE)

    async def _rest(self, worked_seconds: float) -> None:
        """Leaves the database to the intake, as long as there is any."""
        end = time.monotonic() + min(RESTS * worked_seconds, LONGEST_REST_SECONDS)
        await asyncio.sleep(SHORTEST_REST_SECONDS)
        while time.monotonic() < end and not self._desk.is_idle:
            await asyncio.sleep(SHORTEST_REST_SECONDS)


async def _any(*events: asyncio.Event) -> None:
    """Waits for the first of some events, or LOOK_SECONDS."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
