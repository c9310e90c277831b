"""The report of now is made ready before anybody asks for it."""

import asyncio
import threading

from collateral_registry.domain.errors import StoreUnavailable
from collateral_registry.rpc.calls import Calls
from collateral_registry.rpc.freshness import Freshness
from tests.store.test_both_engines import opened


def prepared(url, work) -> int:
    """How often a report was made ready while something was done with its keeper."""
    database, count = opened(url), []
    ready = threading.Event()

    def prepare(connection):
        count.append(connection)
        ready.set()

    async def go():
        calls = Calls(database)
        freshness = Freshness(calls, prepare)
        await work(freshness, calls, ready)
        await freshness.end()
        calls.close()

    asyncio.run(go())
    database.close()
    return len(count)


async def until(ready):
    assert await asyncio.to_thread(ready.wait, 10)


def test_a_server_that_begins_makes_the_report_ready_once_though_nobody_asks(sqlite_url):
    async def begun(freshness, calls, ready):
        freshness.begin()
        await until(ready)
        calls.wake()
        await asyncio.sleep(0.3)

    assert prepared(sqlite_url, begun) == 1


def test_commits_are_followed_once_somebody_has_asked(sqlite_url):
    async def asked(freshness, calls, ready):
        freshness.begin()
        freshness.asked()
        await until(ready)
        ready.clear()
        calls.wake()
        await until(ready)

    assert prepared(sqlite_url, asked) == 2


def test_a_database_in_trouble_at_the_start_is_asked_again_by_the_first_report(sqlite_url):
    database, ready = opened(sqlite_url), threading.Event()
    troubles = iter([StoreUnavailable("gone")])

    def prepare(_connection):
        for trouble in troubles:
            raise trouble
        ready.set()

    async def go():
        calls = Calls(database)
        freshness = Freshness(calls, prepare)
        freshness.begin()
        await asyncio.sleep(0.2)
        assert not ready.is_set()
        freshness.asked()
        calls.wake()
        await until(ready)
        await freshness.end()
        calls.close()

    asyncio.run(go())
    database.close()
