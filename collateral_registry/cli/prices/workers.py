"""Work on each series of a file, in this process or in several; one that fails is said and the others go on."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

from rich.progress import track

from collateral_registry.cli.prices.price_file import History

Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 4
"""Series handed out ahead, so that no worker waits and ten thousand histories are not copied at once."""

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The workers are the threads."""

WORKER_ENDED = "its worker process ended, for want of memory or by a signal"


@dataclass(frozen=True)
class Failed:
    """A series that could not be worked, and why."""

    why: str


def each_series(
    work: Callable[[str, History], Result], histories: Mapping[str, History], workers: int, doing: str
) -> Iterator[tuple[str, Result | Failed]]:
    """The result of each series in the order of the file, with a progress bar on the terminal.

    ``work`` and its results must be picklable where there is more than one worker, and depend on nothing but its
    arguments: then any number of workers gives the same. Wrong input and arithmetic fail a series; a worker that is
    killed fails the series it had, which is tried once more on its own.
    """
    if workers == 1:
        done: Iterable[tuple[str, Result | Failed]] = (
            (name, attempt(work, name, history)) for name, history in histories.items()
        )
    else:
        done = _in_processes(work, histories, workers)
    yield from track(done, doing, total=len(histories), transient=True)


def attempt(work: Callable[[str, History], Result], name: str, history: History) -> Result | Failed:
    """The result, or why there is none."""
    try:
        return work(name, history)
    except (ValueError, ArithmeticError, LookupError) as error:
        return Failed(str(error) or type(error).__name__)


def _in_processes(
    work: Callable[[str, History], Result], histories: Mapping[str, History], workers: int
) -> Iterator[tuple[str, Result | Failed]]:
    waiting = deque(histories.items())
    while waiting:
        with _pool(workers) as pool:
            yield from _until_broken(pool, work, waiting, workers * IN_FLIGHT_PER_WORKER)
        if waiting:
            yield _alone(work, *waiting.popleft())


def _until_broken(
    pool: ProcessPoolExecutor,
    work: Callable[[str, History], Result],
    waiting: deque[tuple[str, History]],
    ahead: int,
) -> Iterator[tuple[str, Result | Failed]]:
    """Results in order; returns with the rest still waiting when a worker was killed."""
    flying: deque[Future[Result | Failed]] = deque()
    while waiting:
        try:
            while len(flying) < min(ahead, len(waiting)):
                flying.append(pool.submit(attempt, work, *waiting[len(flying)]))
            found = flying.popleft().result()
        except BrokenProcessPool:
            return
        name, _ = waiting.popleft()
        yield name, found


def _alone(work: Callable[[str, History], Result], name: str, history: History) -> tuple[str, Result | Failed]:
    with _pool(1) as pool:
        try:
            return name, pool.submit(attempt, work, name, history).result()
        except BrokenProcessPool:
            return name, Failed(WORKER_ENDED)


def _pool(workers: int) -> ProcessPoolExecutor:
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
