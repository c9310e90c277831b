"""Reads run on a few threads, which long reads and callers that have gone do not hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import text

from collateral_registry.runtime.transactions import LONG_READER_THREADS, READER_THREADS, BookRunner
from collateral_registry.store.engine.database import Connection, Database

T = TypeVar("T")

LONG_SECONDS = 20.0
QUICK_SECONDS = 5.0
ENDLESS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) SELECT max(i) FROM n"
)


def endless(connection: Connection) -> object:
    """Runs a statement that ends only if it is stopped."""
    return connection.execute(ENDLESS).scalar_one()


def quick(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


def on_runner(work: Callable[[BookRunner], Awaitable[T]], book: Database) -> T:
    """Runs a coroutine function on a runner of a book."""

    async def with_runner() -> T:
        runner = BookRunner(book)
        try:
            return await asyncio.wait_for(work(runner), LONG_SECONDS)
        finally:
            runner.close()

    return asyncio.run(with_runner())


def test_a_read_whose_caller_has_gone_frees_its_thread(empty_book: Database) -> None:
    async def read(runner: BookRunner) -> float:
        left = [asyncio.create_task(runner.read(endless)) for _ in range(2 * READER_THREADS)]
        await asyncio.sleep(0.3)
        for one in left:
            one.cancel()
        start = time.monotonic()
        assert await runner.read(quick) == 1
        return time.monotonic() - start

    assert on_runner(read, empty_book) < QUICK_SECONDS


def test_the_next_reads_on_the_same_connections_are_not_stopped(empty_book: Database) -> None:
    async def read(runner: BookRunner) -> list[int]:
        for _ in range(20):
            left = [asyncio.create_task(runner.read(quick)) for _ in range(READER_THREADS)]
            await asyncio.sleep(0.001)
            for one in left:
                one.cancel()
            await asyncio.gather(*(runner.read(quick) for _ in range(READER_THREADS)))
        return await asyncio.gather(*(runner.read(quick) for _ in range(READER_THREADS)))

    assert on_runner(read, empty_book) == [1] * READER_THREADS


def test_long_reads_leave_the_threads_of_others_alone(empty_book: Database) -> None:
    async def read(runner: BookRunner) -> float:
        long = [asyncio.create_task(runner.long_read(endless)) for _ in range(LONG_READER_THREADS + READER_THREADS)]
        await asyncio.sleep(0.1)
        start = time.monotonic()
        assert await runner.read(quick) == 1
        taken = time.monotonic() - start
        for one in long:
            one.cancel()
        return taken

    assert on_runner(read, empty_book) < QUICK_SECONDS
