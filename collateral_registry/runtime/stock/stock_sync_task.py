"""The task that applies pending stock to the book, woken by every intake and every commit."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial

import structlog

from collateral_registry.commands.stock.sync_lots import find_pending_lots, sync_pending_lots
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.runtime.stock.stock_batcher import StockBatcher
from collateral_registry.runtime.transactions import BookRunner

LOG = structlog.get_logger("stock")

CHECK_SECONDS = 1.0
"""How often the task checks unprompted: for stock that another server has booked, and after an error."""

REST_FACTOR = 9
"""Pause after a commit, as a multiple of its duration, so that the sync occupies the writer a tenth of the time."""


class StockSyncTask:
    """Applies the pending stock of one book; servers of one book take turns by the book's writer lock."""

    def __init__(self, runner: BookRunner, batcher: StockBatcher) -> None:
        self._runner = runner
        self._batcher = batcher
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task in the running loop."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stops between two commits; stock that is still pending is applied after the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            committed = self._runner.next_change
            self._batcher.changed.clear()
            try:
                await self._work()
            except DomainError as error:
                LOG.warning("stock was not applied; trying again", cause=str(error), seconds=CHECK_SECONDS)
            except Exception:  # after any error, stock that arrives later must not need a restart
                LOG.exception("stock was not applied; trying again", seconds=CHECK_SECONDS)
            await _any(self._batcher.changed, committed)

    async def _work(self) -> None:
        """Applies pending stock, commit by commit, until none is left."""
        while (pending := await self._runner.read(find_pending_lots)) is not None:
            start = time.monotonic()
            work = partial(sync_pending_lots, pending=pending)
            await self._runner.change("SyncStock", work, lambda result: result.changes > 0, "stock")
            # A commit that waited long for another server's must not delay the next one just as long.
            await asyncio.sleep(min(REST_FACTOR * (time.monotonic() - start), CHECK_SECONDS))


async def _any(*events: asyncio.Event) -> None:
    """Waits for the first of some events, or CHECK_SECONDS."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
