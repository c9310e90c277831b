"""The report of now is kept ready while reports are asked for, and only then."""

import asyncio
import threading

import pytest

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.runtime.report_refresher import ReportRefresher
from collateral_registry.runtime.transactions import BookRunner
from tests.store.test_both_engines import opened


class Kept:
    """A keeper of a report on a book; it tells when the report was made ready, or fails so many times first."""

    def __init__(self, database, troubles=0):
        self.ready, self.count = threading.Event(), 0
        self.troubles = troubles
        self.runner = BookRunner(database)
        self.refresher = ReportRefresher(self.runner, self.prepare)

    def prepare(self, _connection):
        self.count += 1
        self.ready.set()
        if self.count <= self.troubles:
            raise StoreUnavailable("gone")

    async def is_made_after_a_commit(self, seconds=10.0):
        self.ready.clear()
        self.runner.wake()
        return await asyncio.to_thread(self.ready.wait, seconds)

    async def end(self):
        await self.refresher.end()
        self.runner.close()


@pytest.fixture
def book(sqlite_url):
    database = opened(sqlite_url)
    yield database
    database.close()


def test_nobody_asks_and_nothing_is_done_after_a_commit(book):
    async def go():
        kept = Kept(book)
        made = await kept.is_made_after_a_commit(seconds=1.5)
        await kept.end()
        return made

    assert not asyncio.run(go())


def test_commits_are_followed_once_somebody_has_asked(book):
    async def go():
        kept = Kept(book)
        kept.refresher.asked()
        made = [await kept.is_made_after_a_commit() for _ in range(2)]
        await kept.end()
        return made

    assert asyncio.run(go()) == [True, True]


def test_a_database_in_trouble_ends_it_and_the_next_report_begins_it_again(book):
    async def go():
        kept = Kept(book, troubles=1)
        kept.refresher.asked()
        await kept.is_made_after_a_commit()
        await asyncio.sleep(0.3)
        ended = not await kept.is_made_after_a_commit(seconds=1.5)
        kept.refresher.asked()
        made = await kept.is_made_after_a_commit()
        await kept.end()
        return ended, made

    assert asyncio.run(go()) == (True, True)
