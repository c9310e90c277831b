"""Computes forecasts in processes of their own, so that the service neither imports statsmodels nor waits for a fit.

A forecast that is no longer wanted, because its caller has gone or its time is over, is stopped by killing its process;
a fit cannot be interrupted otherwise. The next forecast starts another process.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Event, Lock

from collateral_registry.domain.shared.errors import Busy, Overdue, WorkerLost
from collateral_registry.logs import logger
from collateral_registry.runtime.child_process import live_with_service, one_thread_each
from valuation._typing import Dates, Float
from valuation.forecast.value import ValueForecast, forecast

LOG = logger("forecasts")

WORKERS = 2
"""Processes, which are started when they are first needed. Each takes about 240 MB once it has fitted."""

WAITING_LIMIT = 16
"""Forecasts that wait for a process; more are refused. A forecast takes 2 to 3 s of one core."""

SECONDS_LIMIT = 60.0
"""Longest time from the request to the forecast."""

NICENESS = 10
"""Niceness of the processes, so that the service runs first where both need a processor."""


@dataclass(frozen=True)
class ForecastJob:
    """Dated prices [n], the horizon in business days, and the name of the model."""

    dates: Dates
    prices: Float
    horizon_days: int
    model: str


class Forecasts:
    """Queue of forecasts before a fixed number of processes."""

    def __init__(
        self, workers: int = WORKERS, waiting_limit: int = WAITING_LIMIT, seconds_limit: float = SECONDS_LIMIT
    ) -> None:
        self._waiting_limit, self._seconds_limit = waiting_limit, seconds_limit
        self._workers = [_Worker() for _ in range(workers)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._threads = ThreadPoolExecutor(workers, "forecast")
        self._waiting = 0
        self._stopping: set[asyncio.Task[None]] = set()

    async def compute(self, job: ForecastJob) -> ValueForecast:
        """Returns the forecast of a job.

        Raises Busy if too many are waiting, Overdue after the time limit, WorkerLost if the process dies, and
        InvalidInput as ``forecast`` does.
        """
        if self._waiting >= self._waiting_limit:
            raise Busy(f"{self._waiting} forecasts are waiting; try again in a few seconds")
        try:
            async with asyncio.timeout(self._seconds_limit):
                worker = await self._next_worker()
                return await self._run(worker, job)
        except TimeoutError:
            raise Overdue(
                f"the forecast was stopped after {self._seconds_limit:g} s; name a model or a shorter horizon"
            ) from None

    @property
    def process_ids(self) -> list[int]:
        """Ids of the processes that have been started."""
        return [worker.process_id for worker in self._workers if worker.process_id]

    def close(self) -> None:
        """Kills the processes; running forecasts are abandoned."""
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _next_worker(self) -> _Worker:
        self._waiting += 1
        try:
            return await self._idle.get()
        finally:
            self._waiting -= 1

    async def _run(self, worker: _Worker, job: ForecastJob) -> ValueForecast:
        unwanted = Event()
        running = asyncio.get_running_loop().run_in_executor(self._threads, worker.compute, job, unwanted)
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

    async def _stop(self, worker: _Worker, running: asyncio.Future[ValueForecast]) -> None:
        """Kills the process of an unwanted forecast, and returns its worker to the others once it has ended."""
        await asyncio.to_thread(worker.kill)
        with suppress(Exception):  # the forecast may have ended by itself, with a result or an error
            await running
        self._idle.put_nowait(worker)


class _Worker:
    """One process, started by the first job and again by the first job after its death."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False

    @property
    def process_id(self) -> int:
        """Id of the process; 0 before the first job."""
        return (self._process.pid or 0) if self._process is not None else 0

    def compute(self, job: ForecastJob, unwanted: Event) -> ValueForecast:
        """Returns the forecast of the process; raises WorkerLost if it dies, and the error that it raises.

        ``unwanted`` is set before the process is killed, and keeps a job that has not begun from starting another.
        """
        pipe = self._ready(unwanted)
        try:
            pipe.send(job)
            answer: ValueForecast | Exception = pipe.recv()
        except (EOFError, OSError):
            if not unwanted.is_set():
                LOG.critical("a forecast process has died; the next forecast starts another")
            self.kill()  # waits for its end, so that the next job does not meet it dying
            raise WorkerLost("the process of the forecast has died; try again") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        """Ends the process and its job; the next job starts another."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()

    def close(self) -> None:
        """Ends the process for good."""
        self._closed = True
        self.kill()

    def _ready(self, unwanted: Event) -> Connection:
        """Returns the pipe of a living process."""
        with self._lock:
            if unwanted.is_set() or self._closed:
                raise WorkerLost("the forecast is not wanted any more")
            if self._pipe is not None and self._process is not None and self._process.is_alive():
                return self._pipe
            if self._pipe is not None:
                self._pipe.close()
            context = get_context("spawn")  # a fork would copy the locks of threads
            self._pipe, other_end = context.Pipe()
            self._process = context.Process(target=_serve, args=(other_end,), daemon=True)
            with one_thread_each():
                self._process.start()
            other_end.close()  # so that reading fails as soon as the process dies
            return self._pipe


def _serve(pipe: Connection) -> None:
    """Computes each job that arrives, until the service closes the pipe or dies."""
    live_with_service()
    os.nice(NICENESS)
    with suppress(EOFError, OSError):
        while True:
            job: ForecastJob = pipe.recv()
            try:
                answer: ValueForecast | Exception = forecast(job.prices, job.dates, job.horizon_days, model=job.model)
            except Exception as error:  # noqa: BLE001 - any error is raised in the service
                answer = error
            pipe.send(answer)
