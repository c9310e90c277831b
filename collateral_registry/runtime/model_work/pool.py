"""Runs model work in a fixed number of processes, behind a queue of limited length.

Work whose result is not wanted any more, because its caller has gone or its time is over, leaves the queue or is
stopped by killing its process; a fit cannot be interrupted otherwise. The next job starts another process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from threading import Event
from typing import TypeVar, cast

from collateral_registry.domain.shared.errors import Busy, Overdue
from collateral_registry.metrics import MODEL_WORK_WAITING
from collateral_registry.runtime.model_work.process import Job
from collateral_registry.runtime.model_work.worker import Worker

T = TypeVar("T")

WORKERS_LIMIT = 2
"""Most processes by default; a machine with one processor has one."""

WAITING_LIMIT = 16
"""Jobs that wait for a process; more are refused."""

SECONDS_LIMIT = 60.0
"""Longest time from the request to the result; the deadline of a call may be earlier."""


class Place:
    """A process that one caller has to itself."""

    def __init__(self, worker: Worker, threads: ThreadPoolExecutor) -> None:
        self.worker = worker
        self._threads = threads
        self._unwanted = Event()
        self._running: asyncio.Future[object] | None = None

    @property
    def is_abandoned(self) -> bool:
        """Whether work may still be running although its result is not wanted any more."""
        return self._running is not None and not self._running.done()

    async def compute(self, work: Callable[[], T]) -> T:
        """Returns what ``work`` returns; the work and its result must be picklable.

        The work stops when this coroutine is cancelled. Raises TooLarge if the memory of a process does not suffice,
        and the error that the work raises.
        """
        return cast("T", await self._run(Job(work, reports=False), lambda _: None))

    async def compute_reporting(
        self, work: Callable[[Callable[[float], None]], T], report: Callable[[float], None]
    ) -> T:
        """Does the same for work that reports its progress, as ``ModelPool.compute_reporting`` describes."""
        loop = asyncio.get_running_loop()

        def pass_on(share: float) -> None:
            loop.call_soon_threadsafe(report, share)

        return cast("T", await self._run(Job(work, reports=True), pass_on))

    async def stop(self) -> None:
        """Kills the process of abandoned work and waits for the end of the work."""
        await asyncio.to_thread(self.worker.kill)
        if self._running is not None:
            with suppress(Exception):  # the work may have ended by itself, with a result or an error
                await self._running

    async def _run(self, job: Job, report: Callable[[float], None]) -> object:
        loop = asyncio.get_running_loop()
        self._running = loop.run_in_executor(self._threads, self.worker.run, job, self._unwanted, report)
        try:
            return await asyncio.shield(self._running)
        except asyncio.CancelledError:
            self._unwanted.set()
            raise


class ModelPool:
    """Queue of model work before a fixed number of processes, which are started when they are first needed."""

    def __init__(
        self,
        workers: int,
        memory_bytes: int,
        waiting_limit: int = WAITING_LIMIT,
        seconds_limit: float = SECONDS_LIMIT,
    ) -> None:
        self._waiting_limit, self._seconds_limit = waiting_limit, seconds_limit
        self._workers = [Worker(memory_bytes) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()  # the newest in use first, as it is warm
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._threads = ThreadPoolExecutor(workers, "model")
        self._waiting = 0
        self._stopping: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Waits for a process, and keeps it for the block, which reads what the work needs and then computes.

        Work that waits has therefore read nothing. Raises Busy if too many callers are waiting, and Overdue if waiting
        and the block together take longer than the time limit.
        """
        if self._waiting >= self._waiting_limit and self._idle.empty():
            raise Busy(f"{self._waiting} computations are waiting; try again in a few seconds")
        try:
            async with asyncio.timeout(self._seconds_limit):
                place = Place(await self._next_worker(), self._threads)
                try:
                    yield place
                finally:
                    self._leave(place)
        except TimeoutError:
            raise Overdue(f"the computation was stopped after {self._seconds_limit:g} s; request less") from None

    async def compute(self, work: Callable[[], T]) -> T:
        """Returns what ``work`` returns; raises the errors of ``place`` and of ``Place.compute``."""
        async with self.place() as place:
            return await place.compute(work)

    async def compute_reporting(
        self, work: Callable[[Callable[[float], None]], T], report: Callable[[float], None]
    ) -> T:
        """Does the same for work that takes a function to which it passes the share that is done.

        ``report`` gets each share on the thread of the event loop.
        """
        async with self.place() as place:
            return await place.compute_reporting(work, report)

    @property
    def process_ids(self) -> list[int]:
        """Ids of the processes that have been started."""
        return [worker.process_id for worker in self._workers if worker.process_id]

    async def end_idle(self) -> None:
        """Ends the processes without work, which gives back their memory."""
        for worker in [self._idle.get_nowait() for _ in range(self._idle.qsize())]:
            await asyncio.to_thread(worker.kill)
            self._idle.put_nowait(worker)

    def close(self) -> None:
        """Kills the processes; running work is abandoned."""
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _next_worker(self) -> Worker:
        self._waiting += 1
        try:
            with MODEL_WORK_WAITING.track_inprogress():
                return await self._idle.get()
        finally:
            self._waiting -= 1

    def _leave(self, place: Place) -> None:
        """Returns the worker of a place to the others, once it has stopped work that is not wanted any more."""
        if not place.is_abandoned:
            self._idle.put_nowait(place.worker)
            return
        stopping = asyncio.create_task(self._stop(place))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    async def _stop(self, place: Place) -> None:
        await place.stop()
        self._idle.put_nowait(place.worker)
