"""Applies pending stock to the book in a task that every intake and every commit wakes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial

from collateral_registry.commands.stock.sync_lots import find_pending_lots, sync_pending_lots
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.logs import logger
from collateral_registry.runtime.feeds.feed_batcher import FeedBatcher
from collateral_registry.runtime.transactions import BookRunner

LOG = logger("stock")

CHECK_SECONDS = 1.0
"""The task checks this often for stock booked by another server, and for stock left after an error."""

REST_FACTOR = 9
"""Pause after a commit, as a multiple of its duration, so that the sync occupies the writer a tenth of the time."""


class StockSyncTask:
    """Applies the pending stock of one book.

    The servers of a book take turns, because each commit needs the writer lock of the book.
    """

    def __init__(self, runner: BookRunner, batcher: FeedBatcher) -> None:
        self._runner = runner
        self._batcher = batcher
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task in the running event loop."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stops the task between two commits; stock that is still pending is applied after the next start."""
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
            # If a commit waited long for a commit of another server, the pause after it must still be short.
            await asyncio.sleep(min(REST_FACTOR * (time.monotonic() - start), CHECK_SECONDS))


async def _any(*events: asyncio.Event) -> None:
    """Waits until one of the events is set, but at most CHECK_SECONDS."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
