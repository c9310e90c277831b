"""Keeps the report of now ready while reports are asked for, so that a page does not wait for the commits before it.

Nobody asks, nothing is done: a server that only takes in prices pays nothing for reports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection

FOLLOW_SECONDS = 600.0
"""How long after the last report commits are followed."""

REST_SECONDS = 0.1
"""Pause after each time, so that a burst of commits is followed in a few steps."""

OTHERS_COMMIT_SECONDS = 1.0
"""How long to wait for a commit of this process before looking for those of others."""


class ReportRefresher:
    """Follows the commits of a book for a while after each time a report was asked for."""

    def __init__(self, runner: BookRunner, prepare: Callable[[Connection], None]) -> None:
        """Nobody has asked yet; ``prepare`` makes the report of now."""
        self._calls = runner
        self._prepare = prepare
        self._until = 0.0
        self._following: asyncio.Task[None] | None = None

    def asked(self) -> None:
        """Notes that a report is asked for; from the loop's own thread."""
        self._until = asyncio.get_running_loop().time() + FOLLOW_SECONDS
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())

    async def end(self) -> None:
        """Stops following."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def _follow(self) -> None:
        """Prepares after every commit; a database in trouble ends it, and the next report begins it again."""
        loop = asyncio.get_running_loop()
        while loop.time() < self._until:
            changed = self._calls.next_change
            with suppress(TimeoutError):
                async with asyncio.timeout(OTHERS_COMMIT_SECONDS):
                    await changed.wait()
            try:
                await self._calls.read(self._prepare)
            except DomainError:
                return
            await asyncio.sleep(REST_SECONDS)
