"""Applies what feeds reported to the book, in a task that every intake and every commit wakes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.logs import logger
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write

LOG = logger("sync")

CHECK_SECONDS = 1.0
"""The task checks this often for what another server booked, and for what is left after an error."""

REST_FACTOR = 9
"""Pause after a commit, as a multiple of its duration, so that the sync occupies the writer a tenth of the time."""


@dataclass(frozen=True)
class Sync:
    """What a task applies: ``find`` returns what is pending, or None, and ``apply`` applies it in a transaction.

    ``apply`` returns the number of changes that it removed from the queue. The transaction is undone if it is 0.
    """

    kind: str
    subject: str
    find: Callable[[Connection], Any]
    apply: Callable[[Write, Any], int]


class SyncTask:
    """Applies what is pending in one book.

    The servers of a book take turns, because each commit needs the writer lock of the book. ``changed`` is set whenever
    something may have become pending.
    """

    def __init__(self, runner: BookRunner, changed: asyncio.Event, sync: Sync) -> None:
        self._runner = runner
        self._changed = changed
        self._sync = sync
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task in the running event loop."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stops the task between two commits; what is still pending is applied after the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        again = {"queue": self._sync.subject, "seconds": CHECK_SECONDS}
        while True:
            committed = self._runner.next_change
            self._changed.clear()
            try:
                await self._work()
            except DomainError as error:
                LOG.warning("pending changes were not applied; trying again", cause=str(error), **again)
            except Exception:  # after any error, what arrives later must not need a restart
                LOG.exception("pending changes were not applied; trying again", **again)
            await _any(self._changed, committed)

    async def _work(self) -> None:
        """Applies what is pending, commit by commit, until nothing is left."""
        sync = self._sync
        while (pending := await self._runner.read(sync.find)) is not None:
            start = time.monotonic()
            work = partial(_applied, sync=sync, pending=pending)
            await self._runner.change(
                sync.kind, replace(SERVICE, actor=sync.subject), work, lambda changes: changes > 0
            )
            # If a commit waited long for a commit of another server, the pause after it must still be short.
            await asyncio.sleep(min(REST_FACTOR * (time.monotonic() - start), CHECK_SECONDS))


def _applied(write: Write, sync: Sync, pending: object) -> int:
    return sync.apply(write, pending)


async def _any(*events: asyncio.Event) -> None:
    """Waits until one of the events is set, but at most CHECK_SECONDS."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
