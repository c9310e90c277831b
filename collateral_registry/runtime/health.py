"""Watches the parts on which a server depends. gRPC health and the readiness over HTTP report the same states."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic

from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.logs import logger
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.storage.durability import unsafe_settings

LOG = logger("health")

CHECK_SECONDS = 1.0
PROBE_SECONDS = 2.0
"""Time in which the database must answer."""

WRITER_SECONDS = 60.0
"""Time that one change may hold the writer; the largest batches take a few seconds."""


class Part(Enum):
    """A part on which a server depends."""

    DATABASE = "database"
    STORAGE = "storage"
    WRITER = "writer"
    INTAKE = "intake"
    CLOCK = "clock"
    SERVER = "server"


STARTING = "the server is starting"
DRAINING = "the server is stopping"


@dataclass
class Health:
    """The cause for which each part is not ready, by part; a part without a cause is ready."""

    causes: dict[Part, str] = field(default_factory=lambda: {Part.SERVER: STARTING})

    @property
    def is_ready(self) -> bool:
        """Whether calls can be answered. A business date that stands still stops none."""
        return not self.causes.keys() - {Part.CLOCK}

    def report(self, part: Part, cause: str) -> None:
        """Notes the cause for which a part is not ready, or that it is, and logs each change."""
        if cause == self.causes.get(part, ""):
            return
        if cause:
            self.causes[part] = cause
            LOG.warning("a part is not ready", part=part.value, cause=cause)
        else:
            del self.causes[part]
            LOG.info("a part is ready", part=part.value)


class HealthMonitor:
    """Checks database, storage, writer and stock intake every second, on a thread of its own."""

    def __init__(
        self,
        runner: BookRunner,
        intake: IntakeProcess,
        *,
        allow_unsafe_storage: bool,
    ) -> None:
        self.health = Health()
        self._runner = runner
        self._intake = intake
        self._allow_unsafe_storage = allow_unsafe_storage
        self._thread = ThreadPoolExecutor(1, "health")
        self._probe: Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, publish: Callable[[], Awaitable[None]]) -> None:
        """Reports the book as open once every part was checked, and goes on checking.

        ``publish`` is called after each check.
        """
        await self._check()
        self.health.report(Part.SERVER, "")
        await publish()
        self._task = asyncio.create_task(self._check_forever(publish))

    async def drain(self) -> None:
        """Reports that the server stops, and ends the checks."""
        self.health.report(Part.SERVER, DRAINING)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _check(self) -> None:
        """Checks every part once."""
        await self._check_database()
        since = self._runner.writing_since
        held = since is not None and monotonic() - since > WRITER_SECONDS
        self.health.report(Part.WRITER, f"a change has held the writer for over {WRITER_SECONDS:.0f} s" if held else "")
        self.health.report(Part.INTAKE, "" if self._intake.is_alive else "the stock writer process has died")
        self._intake.revive()

    async def _check_forever(self, publish: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._check()
            await publish()

    async def _check_database(self) -> None:
        """Asks the database for its settings; an answer that is late is waited for by the next check."""
        if self._probe is None:
            self._probe = self._thread.submit(unsafe_settings, self._runner.database)
        done, _ = await asyncio.wait([asyncio.wrap_future(self._probe)], timeout=PROBE_SECONDS)
        if not done:
            self.health.report(Part.DATABASE, f"the database does not answer within {PROBE_SECONDS:.0f} s")
            return
        probe, self._probe = self._probe, None
        error = probe.exception()
        if error is not None:
            self.health.report(Part.DATABASE, str(error) if isinstance(error, DomainError) else repr(error))
            return
        self.health.report(Part.DATABASE, "")
        unsafe = "" if self._allow_unsafe_storage else probe.result()
        self.health.report(Part.STORAGE, unsafe and f"acknowledged changes can be lost: {unsafe}")
