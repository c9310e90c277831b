"""Drives revaluation runs: plans a run, lets workers revalue it, publishes it, and resumes unfinished runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from collateral_registry.commands.revaluation.run_partition import PartitionJob, work_partition
from collateral_registry.commands.revaluation.runs import pending_jobs, plan_run, publish_run, run_in_progress
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.domain.revaluation.runs import RunStep
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.logs import logger
from collateral_registry.metrics import RUN_SECONDS
from collateral_registry.runtime.revaluation.errors import WorkersLost
from collateral_registry.runtime.revaluation.progress import RunProgress
from collateral_registry.store.engine.database import Database
from collateral_registry.store.revaluation.runs import StoredRun, get_run

LOG = logger("runs")

INLINE_JOBS = 2
"""The service executes a step itself if it has at most this many jobs, which is faster than sending them away."""

CHECK_SECONDS = 5.0
"""A server checks this often for a run that no server drives, and retries a failed run this often."""


class _Stopping(Exception):
    """Ends the watchers of a run because the service stops."""


class Workers(Protocol):
    """Executes partition jobs."""

    def work(self, jobs: Sequence[PartitionJob]) -> Iterator[int]:
        """Executes jobs and yields the number of each stored partition; raises WorkersLost."""

    def close(self) -> None:
        """Releases the workers."""


class RunDriver:
    """Drives the runs of one book; only one of the servers of a book drives at a time."""

    def __init__(self, database: Database, workers: Workers, committed: Callable[[], object]) -> None:
        """Stores the callback ``committed``, which is called on the driver's thread after each commit."""
        self._database = database
        self._workers = workers
        self._committed = committed
        self._thread = ThreadPoolExecutor(1, "driver")
        self._wanted = asyncio.Event()
        self._progress = RunProgress(self._state)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._driven = 0
        self._troubled: int | None = None

    def start(self) -> None:
        """Starts the task that checks for runs, in the running event loop."""
        self._task = asyncio.create_task(self._watch())

    def wake(self) -> None:
        """Checks for a run immediately; must be called on the event loop's thread."""
        self._wanted.set()

    async def finished(self, seq: int) -> StoredRun:
        """Wakes the driver, waits until the run has ended, and returns it."""
        self.wake()
        async for run in self.progress(seq):
            if run.is_over:
                return run
        raise StoreUnavailable("the service is stopping; the run goes on when it is started again")

    async def settled(self) -> None:
        """Waits until every run has ended."""
        run = await asyncio.get_running_loop().run_in_executor(None, self._unfinished)
        if run is not None:
            await self.finished(run.seq)

    async def progress(self, seq: int) -> AsyncIterator[StoredRun]:
        """Yields the run each time it progresses, until it ends or the service stops.

        Raises NotFound, and StoreUnavailable if an unexpected error prevents the run from continuing.
        """
        with suppress(_Stopping):
            async for run in self._progress.watch(seq):
                yield run

    async def stop(self) -> None:
        """Stops the driver between two partitions; the remaining partitions are revalued after the next start."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        self._workers.close()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.clear()
            await loop.run_in_executor(self._thread, self._drive)
            self._progress.wake()
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._wanted.wait()

    async def _state(self, seq: int) -> StoredRun:
        if self._stopping:
            raise _Stopping
        if self._troubled == seq:
            raise StoreUnavailable("the run cannot go on and is tried again; the log states the cause")
        return await asyncio.get_running_loop().run_in_executor(None, self._read, seq)

    def _read(self, seq: int) -> StoredRun:
        with self._database.read() as connection:
            return get_run(connection, seq)

    def _drive(self) -> None:
        """Drives the unfinished runs to their end, unless another server is driving them."""
        try:
            with self._database.alone("revaluation") as alone:
                while alone and not self._stopping and (run := self._unfinished()) is not None:
                    self._finish(run.seq)
        except (WorkersLost, StoreUnavailable) as error:
            LOG.warning("a revaluation could not go on; trying again", cause=str(error), seconds=CHECK_SECONDS)
        except Exception:  # any error is reported to callers, and the next run must not need a restart
            LOG.exception("a revaluation could not go on; trying again", seconds=CHECK_SECONDS)
            self._troubled = self._driven
        else:
            self._troubled = None

    def _unfinished(self) -> StoredRun | None:
        with self._database.read() as connection:
            return run_in_progress(connection)

    def _finish(self, seq: int) -> None:
        self._driven = seq
        plan_run(self._database, seq)
        jobs = pending_jobs(self._database, seq)
        for step in ((RunStep.CURVES,), (RunStep.LOANS, RunStep.UNPLEDGED)):
            for _ in self._worked([job for job in jobs if job.partition.step in step]):
                if self._stopping:
                    return
        with self._database.write("PublishRevaluation", SERVICE) as write:
            run = publish_run(write, seq)
            write.commit()
        self._committed()
        RUN_SECONDS.observe(((run.finished_us or run.started_us) - run.started_us) / 1e6)
        LOG.info("revalued", run=seq, valued=run.valued, judged=run.judged, events=run.events)

    def _worked(self, jobs: Sequence[PartitionJob]) -> Iterator[int]:
        if len(jobs) > INLINE_JOBS:
            yield from self._workers.work(jobs)
            return
        for job in jobs:
            work_partition(self._database, job)
            yield job.partition.number
