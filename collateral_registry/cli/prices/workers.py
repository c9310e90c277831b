"""Applies a function to every series of a file in one or more processes; a failed series does not stop the others."""

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
from collateral_registry.runtime.child_process import ONE_THREAD

Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 4
"""Series submitted in advance per worker; this keeps workers busy without copying all histories at once."""

WORKER_ENDED = "its worker process was killed, by a signal or for lack of memory"


@dataclass(frozen=True)
class Failed:
    """A series that failed, with the reason."""

    reason: str


def each_series(
    work: Callable[[str, History], Result], histories: Mapping[str, History], workers: int, description: str
) -> Iterator[tuple[str, Result | Failed]]:
    """Yields the result of each series in the order of the file, with a progress bar on the terminal.

    With more than one worker, ``work`` and its results must be picklable. ``work`` must depend on its arguments only,
    so that the results are the same for any number of workers. A series fails if ``work`` raises ValueError,
    ArithmeticError or LookupError. If a worker is killed, its series is tried once more in a process of its own.
    """
    if workers == 1:
        done: Iterable[tuple[str, Result | Failed]] = (
            (name, attempt(work, name, history)) for name, history in histories.items()
        )
    else:
        done = _in_processes(work, histories, workers)
    yield from track(done, description, total=len(histories), transient=True)


def attempt(work: Callable[[str, History], Result], name: str, history: History) -> Result | Failed:
    """Returns the result of a series, or the failure with its reason."""
    try:
        return work(name, history)
    except (ValueError, ArithmeticError, LookupError) as error:
        return Failed(str(error) or type(error).__name__)


def _in_processes(
    work: Callable[[str, History], Result], histories: Mapping[str, History], workers: int
) -> Iterator[tuple[str, Result | Failed]]:
    pending = deque(histories.items())
    while pending:
        with _pool(workers) as pool:
            yield from _until_broken(pool, work, pending, workers * IN_FLIGHT_PER_WORKER)
        if pending:
            yield _run_alone(work, *pending.popleft())


def _until_broken(
    pool: ProcessPoolExecutor,
    work: Callable[[str, History], Result],
    pending: deque[tuple[str, History]],
    ahead: int,
) -> Iterator[tuple[str, Result | Failed]]:
    """Yields results in order; if a worker is killed, returns early and leaves the remaining series pending."""
    in_flight: deque[Future[Result | Failed]] = deque()
    while pending:
        try:
            # ``pending`` keeps a series until its result is yielded, so the first len(in_flight) ones are submitted.
            while len(in_flight) < min(ahead, len(pending)):
                in_flight.append(pool.submit(attempt, work, *pending[len(in_flight)]))
            found = in_flight.popleft().result()
        except BrokenProcessPool:
            return
        name, _ = pending.popleft()
        yield name, found


def _run_alone(work: Callable[[str, History], Result], name: str, history: History) -> tuple[str, Result | Failed]:
    with _pool(1) as pool:
        try:
            return name, pool.submit(attempt, work, name, history).result()
        except BrokenProcessPool:
            return name, Failed(WORKER_ENDED)


def _pool(workers: int) -> ProcessPoolExecutor:
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
