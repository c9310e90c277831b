"""A process that books stock, so that booking does not compete with RPC handlers for the GIL."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from threading import Thread
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog

from collateral_registry.clock import Clock
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.database import Database

P = ParamSpec("P")
T = TypeVar("T")

LOG = structlog.get_logger("stock")


class IntakeProcess:
    """One child process that runs work on the book, one piece after the other; it ends when the service ends.

    Create it before the service starts a thread: the child is forked, and inherits the lock that keeps other servers
    from a SQLite book. A child that died is replaced by a spawned one, because a fork would copy the locks of threads.
    The replacement does not hold the lock: after a kill of the service it may still commit one transaction.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._start(get_context("fork"))
        # Its only thread starts with the first work, after the fork.
        self._thread = ThreadPoolExecutor(1, "intake")

    def submit(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **named: P.kwargs) -> Future[T]:
        """Runs work on the book in the process; work, arguments and result must be picklable.

        The future raises what the work raises, and StoreUnavailable if the process dies.
        """
        return self._thread.submit(self._run, work, args, named)

    def close(self) -> None:
        """Ends the process after the work that was submitted."""
        self._thread.shutdown()
        with suppress(OSError):  # it may have died
            self._pipe.send(None)
        self._process.join()

    def _start(self, context: ForkContext | SpawnContext) -> None:
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(other_end, self._url, self._clock))
        self._process.start()
        # With the only open copy of this end in the child, the death of the child is the end of the pipe, even in the
        # middle of an answer.
        other_end.close()

    def _run(self, work: Callable[..., T], args: tuple[Any, ...], named: dict[str, Any]) -> T:
        if not self._process.is_alive():
            LOG.critical("the stock writer process has died; starting another")
            self._pipe.close()
            self._start(get_context("spawn"))
        try:
            self._pipe.send((work, args, named))
            answer: T | _Raised = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise StoreUnavailable("the stock writer process has died; nothing was acknowledged") from None
        if isinstance(answer, _Raised):
            raise answer.error
        return answer


class _Raised:
    """An answer: the error that the work raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _serve(pipe: Connection, url: str, clock: Clock) -> None:
    """Runs the work that arrives, until None arrives."""
    # A signal to the process group must not end the child: the service still acknowledges what it has received.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_service, name="service", daemon=True).start()
    database = Database(url, clock)
    while (request := pipe.recv()) is not None:
        work, args, named = request
        try:
            answer = work(database, *args, **named)
        except Exception as error:  # noqa: BLE001 - any error is raised in the service
            answer = _Raised(error)
        pipe.send(answer)
    # The last connection to close leaves a SQLite book in its one file.
    database.close()


def _end_with_service() -> None:
    """Ends the process as soon as the service has died, also in the middle of a transaction, which is then undone."""
    service = parent_process()
    if service is not None:
        service.join()
        os._exit(1)
