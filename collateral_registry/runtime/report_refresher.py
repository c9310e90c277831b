"""Rebuilds the current report after each commit, so that a request for a page finds it up to date.

Nothing is rebuilt if no client has requested a report lately.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection

FOLLOW_SECONDS = 600.0
"""The report is rebuilt for this long after the last request."""

REST_SECONDS = 0.5
"""Pause after each rebuild, so that a burst of commits costs few rebuilds."""

OTHERS_COMMIT_SECONDS = 1.0
"""The commits of other servers are checked this often if no notification arrives."""


class ReportRefresher:
    """Rebuilds the report after each commit, until no report was requested for FOLLOW_SECONDS."""

    def __init__(self, runner: BookRunner, prepare: Callable[[Connection], None]) -> None:
        """Stores ``prepare``, the function that rebuilds the current report."""
        self._runner = runner
        self._prepare = prepare
        self._until = 0.0
        self._following: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Records a request for a report; must be called on the event loop's thread."""
        self._until = asyncio.get_running_loop().time() + FOLLOW_SECONDS
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())

    async def end(self) -> None:
        """Stops rebuilding the report."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        """Rebuilds the report after every commit.

        The task ends when the database fails; the next request starts it again.
        """
        loop = asyncio.get_running_loop()
        while loop.time() < self._until:
            changed = self._runner.next_change
            with suppress(TimeoutError):
                async with asyncio.timeout(OTHERS_COMMIT_SECONDS):
                    await changed.wait()
            try:
                await self._runner.long_read(self._prepare)
            except DomainError:
                return
            await asyncio.sleep(REST_SECONDS)
