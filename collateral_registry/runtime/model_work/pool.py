"""Runs model work in a fixed number of processes, behind a queue of limited length.

Work whose result is not wanted any more, because its caller has gone or its time is over, leaves the queue or is
stopped by killing its process; a fit cannot be interrupted otherwise. The next job starts another process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import TypeVar, cast

from collateral_registry.domain.shared.errors import Busy, Overdue
from collateral_registry.runtime.model_work.process import Job
from collateral_registry.runtime.model_work.worker import Worker

T = TypeVar("T")

WORKERS_LIMIT = 2
"""Most processes by default; a machine with one processor has one."""

WAITING_LIMIT = 16
"""Jobs that wait for a process; more are refused."""

SECONDS_LIMIT = 60.0
"""Longest time from the request to the result; the deadline of a call may be earlier."""


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

    async def compute(self, work: Callable[[], T]) -> T:
        """Returns what ``work`` returns; the work and its result must be picklable.

        The work stops when this coroutine is cancelled. Raises Busy if too many jobs are waiting, Overdue after the
        time limit, TooLarge if the memory of a process does not suffice, and the error that the work raises.
        """
        return cast("T", await self._compute(Job(work, reports=False), lambda _: None))

    async def compute_reporting(
        self, work: Callable[[Callable[[float], None]], T], report: Callable[[float], None]
    ) -> T:
        """Does the same for work that reports its progress: it takes a function to which it passes the share done.

        ``report`` is called on the thread of the event loop.
        """
        loop = asyncio.get_running_loop()

        def pass_on(share: float) -> None:
            loop.call_soon_threadsafe(report, share)

        return cast("T", await self._compute(Job(work, reports=True), pass_on))

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

    async def _compute(self, job: Job, report: Callable[[float], None]) -> object:
        if self._waiting >= self._waiting_limit and self._idle.empty():
            raise Busy(f"{self._waiting} computations are waiting; try again in a few seconds")
        try:
            async with asyncio.timeout(self._seconds_limit):
                worker = await self._next_worker()
                return await self._run(worker, job, report)
        except TimeoutError:
            raise Overdue(f"the computation was stopped after {self._seconds_limit:g} s; request less") from None

    async def _next_worker(self) -> Worker:
        self._waiting += 1
        try:
            return await self._idle.get()
        finally:
            self._waiting -= 1

    async def _run(self, worker: Worker, job: Job, report: Callable[[float], None]) -> object:
        unwanted = Event()
        running = asyncio.get_running_loop().run_in_executor(self._threads, worker.run, job, unwanted, report)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            unwanted.set()
            stopping = asyncio.create_task(self._stop(worker, running))
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
            raise
        finally:
            if not unwanted.is_set():
                self._idle.put_nowait(worker)

    async def _stop(self, worker: Worker, running: asyncio.Future[object]) -> None:
        """Kills the process of unwanted work, and returns its worker to the others once the work has ended."""
        await asyncio.to_thread(worker.kill)
        with suppress(Exception):  # the work may have ended by itself, with a result or an error
            await running
        self._idle.put_nowait(worker)
