"""The process that takes in stock: its work on columns and the service's calls take no turns at the interpreter."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.util import Finalize
from threading import Thread
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog

from collateral_registry.clock import Clock
from collateral_registry.store.engine.database import Database

P = ParamSpec("P")
T = TypeVar("T")

LOG = structlog.get_logger("stock")


class IntakeProcess:
    """One process, which ends with the service, however that ends; work is done one after the other.

    To be made before any thread is, for it is forked: it starts at once, and shares the hold on a SQLite book. One that
    has died is followed by another, which is spawned, because a fork would copy the locks of threads. That one has no
    share in the hold: what it may still write when its service was killed is one transaction, or none.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        """Starts the process; it opens the database with its first work."""
        self._url, self._clock = url, clock
        self._pool = self._started("fork")

    def submit(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **facts: P.kwargs) -> Future[T]:
        """Has work done on the book; it, its arguments and its result must be picklable.

        The future raises what the work raises, and BrokenProcessPool where the process has died.
        """
        try:
            return self._pool.submit(_work, work, args, facts)
        except BrokenProcessPool:
            LOG.critical("the process of the intake has died; starting another")
            self._pool = self._started("spawn")
            return self._pool.submit(_work, work, args, facts)

    def close(self) -> None:
        """Ends the process after what it is at."""
        self._pool.shutdown()

    def _started(self, way: str) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(1, get_context(way), _begin, (self._url, self._clock))
        pool.submit(os.getpid)  # the pool starts its process with its first work
        return pool


_BOOK: list[Database] = []
"""The database of this process, when it is one of the intake."""


def _begin(url: str, clock: Clock) -> None:
    """Leaves signals to the service, which ends this process in its turn, and watches that it lives."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_service, name="service", daemon=True).start()
    book = Database(url, clock)
    _BOOK[:] = [book]
    Finalize(None, book.close, exitpriority=1)  # the last to close a SQLite book leaves it in its one file


def _end_with_service() -> None:
    service = parent_process()
    if service is not None:
        service.join()
        os._exit(1)  # between two statements or in one: what was not committed leaves no trace


def _work(work: Callable[..., T], args: tuple[Any, ...], facts: dict[str, Any]) -> T:
    return work(*_BOOK, *args, **facts)
