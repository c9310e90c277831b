"""Books stock in a process of its own, so that booking does not compete with RPC handlers for the GIL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from typing import Any, Concatenate, ParamSpec, TypeVar

from collateral_registry.clock import Clock
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.logs import logger
from collateral_registry.runtime.child_process import live_with_service
from collateral_registry.runtime.process_memory import collect_rarely
from collateral_registry.store.engine.database import Database

P = ParamSpec("P")
T = TypeVar("T")

LOG = logger("stock")


class IntakeProcess:
    """Runs work on the book in one child process, one task at a time; the child ends with the service.

    It must be created before the service starts a thread, because the child is forked. The child inherits the lock that
    keeps other servers away from a SQLite book. If the child dies, it is replaced by a spawned process, because a fork
    would then copy the locks of threads. The replacement does not hold the lock of the book. If the service is killed,
    the replacement may therefore still commit one transaction.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._start(get_context("fork"))
        # The only thread of this executor starts when work is first submitted, which is after the fork.
        self._thread = ThreadPoolExecutor(1, "intake")
        self._revival: Future[None] | None = None

    def submit(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **named: P.kwargs) -> Future[T]:
        """Runs ``work`` on the book in the child process; the work, its arguments and its result must be picklable.

        The future raises the exception that the work raises, and StoreUnavailable if the process dies.
        """
        return self._thread.submit(self._run, work, args, named)

    @property
    def is_alive(self) -> bool:
        """Whether the child process is running."""
        return self._process.is_alive()

    def revive(self) -> None:
        """Starts another process if this one has died and no work is waiting to do so."""
        if not self.is_alive and (self._revival is None or self._revival.done()):
            self._revival = self.submit(_nothing)

    def close(self) -> None:
        """Ends the process once it has finished all submitted work."""
        self._thread.shutdown()
        with suppress(OSError):  # it may have died
            self._pipe.send(None)
        self._process.join()

    def _start(self, context: ForkContext | SpawnContext) -> None:
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(other_end, self._url, self._clock))
        self._process.start()
        # Only the child keeps this end open, so reading the pipe fails as soon as the child dies, even in the middle
        # of an answer.
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


def _nothing(_: Database) -> None:
    """Does nothing; submitting it starts a process."""


class _Raised:
    """The answer that carries an error raised by the work."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _serve(pipe: Connection, url: str, clock: Clock) -> None:
    """Runs each piece of work that arrives, until None arrives."""
    live_with_service()  # and no longer, because the service still acknowledges what it has received
    collect_rarely()
    database = Database(url, clock)
    while (request := pipe.recv()) is not None:
        work, args, named = request
        try:
            answer = work(database, *args, **named)
        except Exception as error:  # noqa: BLE001 - any error is raised in the service
            answer = _Raised(error)
        pipe.send(answer)
    # When its last connection closes, a SQLite book is left as a single file.
    database.close()
