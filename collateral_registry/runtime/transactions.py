"""How a handler reaches the book: reads on a snapshot, writes in one line, answers remembered by request id."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from google.protobuf.message import Message

from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.engine.database import Connection, Database, Write
from collateral_registry.store.engine.idempotency import first_answer, remember_answer

T = TypeVar("T")
M = TypeVar("M", bound=Message)

READER_THREADS = 4


class BookRunner:
    """Runs reads and writes off the loop and wakes the watchers after every commit."""

    def __init__(self, database: Database) -> None:
        """One writer thread, some reader threads, and nobody watching yet."""
        self.database = database
        self._writer = ThreadPoolExecutor(1, "writer")
        self._readers = ThreadPoolExecutor(READER_THREADS, "reader")
        self._changed = asyncio.Event()
        self._committed = 0
        self._noting = Lock()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """The result of a read on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def compute(self, work: Callable[[], T]) -> T:
        """The result of work that needs no database, off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def write(
        self,
        request: Any,  # noqa: ANN401 - any request message
        kind: str,
        answer: type[M],
        work: Callable[[Write], M],
        keep: Callable[[M], bool] = lambda _: True,
        actor: str = "api",
    ) -> M:
        """The answer of a change; repeated for a request id seen before, undone when only validation was asked.

        ``keep`` tells from the answer whether there is anything to commit.
        """
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._writer, self._write, request, kind, answer, work, keep, actor)
        self.wake()
        return result

    async def change(self, kind: str, work: Callable[[Write], T], keep: Callable[[T], bool], actor: str = "api") -> T:
        """The result of a change that stands for several calls; committed when ``keep`` says so of the result."""
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._writer, self._change, kind, work, keep, actor)
        self.wake()
        return result

    @property
    def newest_seq(self) -> int | None:
        """The newest commit when this process alone writes and has seen it; none when only the database can tell."""
        return self._committed or None if self.database.is_sqlite else None

    def note_commit(self, seq: int) -> None:
        """Remembers a commit that was made or read."""
        with self._noting:
            self._committed = max(self._committed, seq)

    def wake(self) -> None:
        """Wakes every watcher; from the loop's own thread."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def next_change(self) -> asyncio.Event:
        """The event of the next commit: take it before reading, wait on it after."""
        return self._changed

    def close(self) -> None:
        """Waits for the work under way and stops the threads."""
        self._writer.shutdown()
        self._readers.shutdown()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.database.read() as connection:
            return work(connection)

    def _change(self, kind: str, work: Callable[[Write], T], keep: Callable[[T], bool], actor: str) -> T:
        with self.database.write(kind, actor) as write:
            result = work(write)
            settle(write)
            if keep(result):
                write.commit()
                self.note_commit(write.seq)
            return result

    def _write(
        self,
        request: Any,  # noqa: ANN401 - any request message
        kind: str,
        answer: type[M],
        work: Callable[[Write], M],
        keep: Callable[[M], bool],
        actor: str,
    ) -> M:
        request_id = checked_text("request_id", getattr(request, "request_id", ""), required=False)
        body = _body_hash(kind, request)
        with self.database.write(kind, actor) as write:
            if request_id:
                known = first_answer(write.connection, request_id, body)
                if known is not None:
                    return answer.FromString(known)
            result = work(write)
            settle(write)
            if getattr(request, "validate_only", False):
                return result
            if request_id:
                remember_answer(write, request_id, body, result.SerializeToString())
            if request_id or keep(result):
                write.commit()
                self.note_commit(write.seq)
            return result


def _body_hash(kind: str, request: Any) -> str:  # noqa: ANN401 - any request message
    """Digest of a request without its id."""
    body = type(request)()
    body.CopyFrom(request)
    if "request_id" in type(request).DESCRIPTOR.fields_by_name:
        body.ClearField("request_id")
    return hashlib.sha256(kind.encode() + body.SerializeToString(deterministic=True)).hexdigest()
