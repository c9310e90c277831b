"""Runs reads and writes of the book outside the event loop; a repeated request id gets its stored answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from time import monotonic, perf_counter
from typing import Generic, ParamSpec, TypeVar

from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.domain.access.callers import Author
from collateral_registry.metrics import WRITER_WAIT
from collateral_registry.store.book.idempotency import first_answer, remember_answer
from collateral_registry.store.engine.database import Connection, Database, Write
from collateral_registry.store.engine.interrupts import Interrupt

P = ParamSpec("P")
T = TypeVar("T")

READER_THREADS = 4
LONG_READER_THREADS = 2
"""Threads for reads of the whole book, or of as many resources as a request may name, so that others do not wait."""


@dataclass(frozen=True)
class Idempotency(Generic[T]):
    """The id of a request, the digest of its body, and the functions that serialise and parse its stored answer."""

    request_id: str
    body_hash: str
    serialise: Callable[[T], bytes]
    parse: Callable[[bytes], T]


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request to change the book; ``kind``, ``author`` and ``request``, its digest, are recorded with the commit.

    A ``neutral`` call changes nothing that secures a loan. A call with a ``preview`` only validates: its change is
    undone, and its answer is the one that ``preview`` returns for the settled change.
    """

    kind: str
    author: Author
    request: str = ""
    neutral: bool = False
    preview: Callable[[Write, T], T] | None = None
    idempotency: Idempotency[T] | None = None


class BookRunner:
    """Runs reads on snapshots, runs writes one at a time, and wakes the watchers after every commit."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = ThreadPoolExecutor(1, "writer")
        self._readers = ThreadPoolExecutor(READER_THREADS, "reader")
        self._long_readers = ThreadPoolExecutor(LONG_READER_THREADS, "long reader")
        self._changed = asyncio.Event()
        self.writing_since: float | None = None
        """Monotonic time at which the running change began to hold the writer; None between changes."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Returns the result of a read on one snapshot; its statement is stopped when this coroutine is cancelled."""
        return await self._read_on(self._readers, work)

    async def long_read(self, work: Callable[[Connection], T]) -> T:
        """Does the same for a read that may take seconds, on threads of its own kind."""
        return await self._read_on(self._long_readers, work)

    async def long_compute(self, work: Callable[[], T]) -> T:
        """Returns the result of work that needs no database, on a thread of long reads."""
        return await self._in_thread(self._long_readers, work)

    async def write(self, call: Call[T], work: Callable[[Write], T], keep: Callable[[T], bool] = lambda _: True) -> T:
        """Runs a change and returns its answer; returns the stored answer if the request id was used before.

        Commits if ``keep(answer)`` is true or the call has a request id, but never if the call only validates. Raises
        RequestIdReused if the request id was used with a different body.
        """
        result = await self._in_thread(self._writer, self._write, call, work, keep, perf_counter())
        self.wake()
        return result

    async def change(
        self, kind: str, author: Author, work: Callable[[Write], T], keep: Callable[[T], bool], request: str = ""
    ) -> T:
        """Runs a change that has no request id and returns its result; commits if ``keep(result)`` is true."""
        return await self.write(Call(kind, author, request), work, keep)

    def wake(self) -> None:
        """Wakes every watcher; must be called on the event loop's thread."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def next_change(self) -> asyncio.Event:
        """The event that the next commit sets; a watcher gets this event, then reads, and then waits for the event."""
        return self._changed

    def close(self) -> None:
        """Waits for running work and stops the threads."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._long_readers.shutdown()

    async def _read_on(self, threads: ThreadPoolExecutor, work: Callable[[Connection], T]) -> T:
        interrupt = Interrupt()
        try:
            return await self._in_thread(threads, self._read, work, interrupt)
        except asyncio.CancelledError:
            asyncio.get_running_loop().run_in_executor(None, interrupt.request)
            raise

    async def _in_thread(
        self, threads: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Returns the result of work on a thread, whose log lines belong to the call that this task works for."""
        run = partial(copy_context().run, work, *args, **named)
        return await asyncio.get_running_loop().run_in_executor(threads, run)

    def _read(self, work: Callable[[Connection], T], interrupt: Interrupt) -> T:
        with self.database.read(interrupt) as connection:
            return work(connection)

    def _write(self, call: Call[T], work: Callable[[Write], T], keep: Callable[[T], bool], arrived: float) -> T:
        self.writing_since = monotonic()
        try:
            return self._change(call, work, keep, arrived)
        finally:
            self.writing_since = None

    def _change(self, call: Call[T], work: Callable[[Write], T], keep: Callable[[T], bool], arrived: float) -> T:
        once = call.idempotency
        with self.database.write(call.kind, call.author) as write:
            WRITER_WAIT.observe(perf_counter() - arrived)
            write.request = call.request
            if once is not None:
                stored = first_answer(write.connection, once.request_id, once.body_hash)
                if stored is not None:
                    return once.parse(stored)
            result = work(write)
            if call.neutral and write.touched:
                raise RuntimeError(f"{call.kind} is neutral and must not touch what secures a loan")
            settle(write)
            if call.preview is not None:
                return call.preview(write, result)
            if once is not None:
                remember_answer(write, once.request_id, once.body_hash, once.serialise(result))
            if once is not None or keep(result):
                write.commit()
            return result
