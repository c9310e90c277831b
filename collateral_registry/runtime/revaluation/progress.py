"""Reports the progress of runs to watchers. Each watched run is read once for all of its watchers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from contextvars import Context

from collateral_registry.store.revaluation.runs import StoredRun

PROGRESS_SECONDS = 0.25
"""A watched run is read this often."""


class RunProgress:
    """The watched runs of one server process."""

    def __init__(self, read: Callable[[int], Awaitable[StoredRun]]) -> None:
        """Stores ``read``, which returns a run or raises a domain error."""
        self._read = read
        self._watched: dict[int, _WatchedRun] = {}

    async def watch(self, seq: int) -> AsyncIterator[StoredRun]:
        """Yields the run now and each time it progresses, until it ends; raises the error of reading it."""
        run = self._watched.get(seq)
        if run is None:
            run = self._watched[seq] = _WatchedRun(self._read, seq)
        run.watchers += 1
        try:
            async for state in run.states():
                yield state
        finally:
            run.watchers -= 1
            if not run.watchers:
                run.task.cancel()
                del self._watched[seq]

    def wake(self) -> None:
        """Reads every watched run now; must be called on the event loop's thread."""
        for run in self._watched.values():
            run.wanted.set()


class _WatchedRun:
    """A run with at least one watcher, and the task that reads it."""

    def __init__(self, read: Callable[[int], Awaitable[StoredRun]], seq: int) -> None:
        self._read, self._seq = read, seq
        self._newest: StoredRun | None = None
        self._moved = asyncio.Event()
        self.wanted = asyncio.Event()
        self.watchers = 0
        # In a context of its own, because it works for all watchers.
        self.task = asyncio.create_task(self._follow(), context=Context())
        self.task.add_done_callback(lambda _: self._move())

    async def states(self) -> AsyncIterator[StoredRun]:
        """Yields the newest state and each later one, until the run has ended."""
        last = None
        while last is None or not last.is_over:
            moved, newest = self._moved, self._newest
            if newest is not None and newest != last:
                last = newest
                yield newest
            elif self.task.done():
                self.task.result()  # raises the error of reading the run
            else:
                await moved.wait()

    def _move(self) -> None:
        """Wakes the watchers."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _follow(self) -> None:
        """Reads the run until it has ended or cannot be read."""
        while self._newest is None or not self._newest.is_over:
            self.wanted.clear()
            self._newest = await self._read(self._seq)
            self._move()
            with suppress(TimeoutError):
                async with asyncio.timeout(PROGRESS_SECONDS):
                    await self.wanted.wait()
