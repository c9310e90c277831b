"""The current report is refreshed after commits while clients request reports, and only then."""

import asyncio
import threading

import pytest

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.runtime.report_refresher import ReportRefresher
from collateral_registry.runtime.transactions import BookRunner
from tests.support.books import open_empty_book


class Refreshing:
    """A refresher on a book that signals each refresh of the report; the first refreshes can fail."""

    def __init__(self, database, failures=0):
        self.ready, self.count = threading.Event(), 0
        self.failures = failures
        self.runner = BookRunner(database)
        self.refresher = ReportRefresher(self.runner, self.prepare)

    def prepare(self, _connection):
        self.count += 1
        self.ready.set()
        if self.count <= self.failures:
            raise StoreUnavailable("gone")

    async def refreshes_after_a_commit(self, seconds=10.0):
        self.ready.clear()
        self.runner.wake()
        return await asyncio.to_thread(self.ready.wait, seconds)

    async def end(self):
        await self.refresher.end()
        self.runner.close()


@pytest.fixture
def book(sqlite_url):
    database = open_empty_book(sqlite_url)
    yield database
    database.close()


def test_a_commit_refreshes_nothing_without_a_request(book):
    async def go():
        refreshing = Refreshing(book)
        refreshed = await refreshing.refreshes_after_a_commit(seconds=1.5)
        await refreshing.end()
        return refreshed

    assert not asyncio.run(go())


def test_commits_refresh_the_report_after_a_request(book):
    async def go():
        refreshing = Refreshing(book)
        refreshing.refresher.touch()
        refreshed = [await refreshing.refreshes_after_a_commit() for _ in range(2)]
        await refreshing.end()
        return refreshed

    assert asyncio.run(go()) == [True, True]


def test_an_unavailable_database_stops_refreshing_until_the_next_request(book):
    async def go():
        refreshing = Refreshing(book, failures=1)
        refreshing.refresher.touch()
        await refreshing.refreshes_after_a_commit()
        await asyncio.sleep(0.3)
        ended = not await refreshing.refreshes_after_a_commit(seconds=1.5)
        refreshing.refresher.touch()
        refreshed = await refreshing.refreshes_after_a_commit()
        await refreshing.end()
        return ended, refreshed

    assert asyncio.run(go()) == (True, True)
