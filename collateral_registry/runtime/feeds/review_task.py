"""Reviews the pools of a book in the background: renews their estimates and opens findings about their ledgers."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial

from collateral_registry.commands.assignments.pool_reviews import State, next_review, record_review
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.logs import logger
from collateral_registry.runtime.transactions import BookRunner

LOG = logger("reviews")

REVIEWER = replace(SERVICE, actor="pools")
"""The author of what reviews record."""

CHECK_SECONDS = 2.0
"""The task checks this often whether a pool has changed."""

REST_FACTOR = 9
"""Pause after a review, as a multiple of its duration, so that reviews occupy a tenth of a core at most."""


class ReviewTask:
    """Reviews each pool after it has changed, one after the other.

    What was reviewed is remembered by this process alone: each server of a book reviews all pools, and again after a
    start. A review that finds nothing new records nothing.
    """

    def __init__(self, runner: BookRunner) -> None:
        self._runner = runner
        self._reviewed: dict[int, State] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task in the running event loop."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stops the task; a review that is not recorded is made again after the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            start = time.monotonic()
            try:
                found = await self._review()
            except DomainError as error:
                found = False
                LOG.warning("a pool was not reviewed; trying again", cause=str(error))
            except Exception:  # after any error, what changes later must not need a restart
                found = False
                LOG.exception("a pool was not reviewed; trying again")
            rest = REST_FACTOR * (time.monotonic() - start)
            await asyncio.sleep(rest if found else max(rest, CHECK_SECONDS))

    async def _review(self) -> bool:
        """Reviews one pool; returns False if none has changed."""
        review = await self._runner.long_read(partial(next_review, reviewed=self._reviewed))
        if review is None:
            return False
        if review.changes_book:
            await self._runner.change("ReviewPool", REVIEWER, partial(record_review, review=review), bool)
        self._reviewed.pop(review.asset.key, None)
        self._reviewed[review.asset.key] = review.state
        return True
