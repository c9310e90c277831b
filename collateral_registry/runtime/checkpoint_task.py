"""Signs checkpoints of the audit log in the background, and at shutdown."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial

from collateral_registry.commands.audit.checkpoints import Kept, make_checkpoint, uncovered
from collateral_registry.domain.audit.checkpoints import SigningKey
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.logs import logger
from collateral_registry.runtime.transactions import BookRunner

LOG = logger("audit")

LONGEST_SECONDS = 60.0
"""Time after a commit within which a checkpoint covers it."""

COMMITS_LIMIT = 1_000
"""Number of commits after which a checkpoint is made earlier."""

CHECK_SECONDS = 1.0


class CheckpointTask:
    """Makes checkpoints of the log of one book."""

    def __init__(self, runner: BookRunner, key: SigningKey, lender: str) -> None:
        """Stores the label of the lender, which is part of the name of the log."""
        self._runner = runner
        self._key = key
        self._lender = lender
        self._kept: Kept = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task in the running event loop."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stops the task and covers the last commits by a checkpoint."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._make()

    async def _watch(self) -> None:
        while True:
            committed = self._runner.next_change
            await self._make()
            with suppress(TimeoutError):  # another server may have committed
                async with asyncio.timeout(LONGEST_SECONDS):
                    await committed.wait()
            start = time.monotonic()
            while time.monotonic() - start < LONGEST_SECONDS and await self._uncovered() < COMMITS_LIMIT:
                await asyncio.sleep(CHECK_SECONDS)

    async def _uncovered(self) -> int:
        try:
            return await self._runner.read(uncovered)
        except DomainError:
            return 0
        except Exception:  # after any error, a later checkpoint must not need a restart
            LOG.exception("the commits without a checkpoint were not counted; trying again")
            return 0

    async def _make(self) -> None:
        work = partial(make_checkpoint, self._runner.database, self._key, self._kept, self._lender)
        try:
            await self._runner.long_compute(work)
        except DomainError as error:
            LOG.warning("no checkpoint of the audit log was made; trying again", cause=str(error))
        except Exception:  # after any error, a later checkpoint must not need a restart
            LOG.exception("no checkpoint of the audit log was made; trying again")
