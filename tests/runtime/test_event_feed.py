"""Watchers get every event once and in order, whatever their pace, and share one read of each commit."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack, aclosing

import pytest

from collateral_registry.domain.shared.errors import Busy, NotFound, StoreUnavailable
from collateral_registry.runtime import event_feed
from collateral_registry.runtime.event_feed import INBOX_PAGES, EventFeed
from collateral_registry.runtime.watchers import Watchers
from valuation.errors import InvalidInput

LOANS = ("loan-1", "loan-2")


class Book:
    """Events in memory in place of a database and its runner, of two loans by turns; counts reads."""

    def __init__(self, count: int = 0) -> None:
        self.count, self.reads, self.reading, self.most_reading = count, 0, 0, 0
        self.is_lost = False
        self.next_change = asyncio.Event()

    def commit(self, events: int = 1) -> None:
        self.count += events
        changed, self.next_change = self.next_change, asyncio.Event()
        changed.set()

    async def read(self, work):
        self.reads += 1
        self.reading += 1
        self.most_reading = max(self.most_reading, self.reading)
        try:
            if self.is_lost:
                raise StoreUnavailable("gone")
            found = work(self)  # a snapshot of now, which is returned later
            await asyncio.sleep(0.001)
            return found
        finally:
            self.reading -= 1


@pytest.fixture(autouse=True)
def in_memory(monkeypatch):
    def events_after(book, after, loan_id, limit):
        rows = [{"event_seq": n, "loan_id": LOANS[n % 2]} for n in range(after + 1, book.count + 1)]
        return [row for row in rows if loan_id in {None, row["loan_id"]}][:limit]

    def get_loan(_book, loan_id):
        if loan_id not in LOANS:
            raise NotFound(f"loans/{loan_id}")

    monkeypatch.setattr(event_feed, "events_after", events_after)
    monkeypatch.setattr(event_feed, "last_event", lambda book: book.count)
    monkeypatch.setattr(event_feed, "get_loan", get_loan)


def message(rows: Sequence[dict[str, int]], last: int) -> tuple[list[int], int]:
    return [row["event_seq"] for row in rows], last


async def received(feed, after: int, until: int, loan: str | None = None, pause: float = 0.0) -> list[int]:
    """Returns the numbers of the events that a watcher gets, up to an event."""
    found: list[int] = []
    async with aclosing(feed.watch(after, loan)) as messages:
        async for events, last in messages:
            found += events
            assert last == (found[-1] if found else after)
            if last >= until - (loan is not None):
                return found
            await asyncio.sleep(pause)
    return found


def test_watchers_of_any_start_and_pace_get_every_event_once_and_in_order():
    async def go():
        book = Book(1_234)
        feed = EventFeed(book, message)
        starts = [0, 0, 1, 499, 500, 501, 1_233, 1_234] * 3
        watchers = [
            asyncio.create_task(received(feed, after, 3_000, pause=0.02 * (n % 3))) for n, after in enumerate(starts)
        ]
        of_loans = [asyncio.create_task(received(feed, 7, 3_000, loan)) for loan in LOANS]
        late = []
        while book.count < 3_000:
            book.commit(min(3_000 - book.count, 7))
            await asyncio.sleep(0)
            if book.count % 3 == 0:
                late.append((book.count, asyncio.create_task(received(feed, book.count, 3_000))))
        for after, watcher in [*zip(starts, watchers, strict=True), *late]:
            assert await watcher == list(range(after + 1, 3_001))
        for loan, watcher in zip(LOANS, of_loans, strict=True):
            assert await watcher == [n for n in range(8, 3_001) if LOANS[n % 2] == loan]

    asyncio.run(asyncio.wait_for(go(), 60))


def test_a_commit_is_read_once_for_all_watchers_and_idle_watchers_read_nothing():
    async def go():
        book = Book(10)
        feed = EventFeed(book, message)
        watchers = [asyncio.create_task(received(feed, 10, 12)) for _ in range(100)]
        await asyncio.sleep(0.3)
        started = book.reads
        book.commit(1)
        await asyncio.sleep(0.05)
        after_one = book.reads
        book.commit(1)
        found = [await watcher for watcher in watchers]
        return started, after_one, found

    started, after_one, found = asyncio.run(go())
    assert started <= 102
    assert after_one - started <= 2
    assert found == [[11, 12]] * 100


def test_old_events_are_read_by_one_watcher_at_a_time_and_shared_by_those_that_read_the_same():
    async def go():
        book = Book(10_000)
        feed = EventFeed(book, message)
        found = await asyncio.gather(*(received(feed, 0, 10_000) for _ in range(100)))
        return book, found

    book, found = asyncio.run(go())
    assert found == [list(range(1, 10_001))] * 100
    assert book.most_reading <= 2  # a watcher and the feed
    assert book.reads < 200


def test_a_watcher_that_stops_reading_holds_few_pages_and_continues_without_a_gap():
    async def go():
        book = Book(0)
        feed = EventFeed(book, message)
        slow = feed.watch(0, None)
        assert await anext(slow) == ([], 0)
        first = asyncio.create_task(anext(slow))
        await asyncio.sleep(0.01)
        for _ in range(5 * INBOX_PAGES):
            book.commit(1)
            await asyncio.sleep(0.004)
        found = list((await first)[0])
        async for events, _ in slow:
            found += events
            if found[-1] == book.count:
                break
        await slow.aclose()
        return found, book.count

    found, count = asyncio.run(go())
    assert found == list(range(1, count + 1))


def test_a_lost_database_ends_the_watchers_and_later_ones_start_the_feed_again():
    async def go():
        book = Book(3)
        feed = EventFeed(book, message)
        watchers = [asyncio.create_task(received(feed, 3, 5)) for _ in range(3)]
        await asyncio.sleep(0.05)
        book.is_lost = True
        book.commit(1)
        lost = await asyncio.gather(*watchers, return_exceptions=True)
        book.is_lost = False
        again = asyncio.create_task(received(feed, 3, 5))
        await asyncio.sleep(0.05)
        book.commit(1)
        return lost, await again

    lost, again = asyncio.run(go())
    assert [type(one) for one in lost] == [StoreUnavailable] * 3
    assert again == [4, 5]


def test_draining_ends_every_watch():
    async def go():
        feed = EventFeed(Book(2), message)
        watchers = [asyncio.create_task(received(feed, 2, 99)) for _ in range(3)]
        await asyncio.sleep(0.05)
        feed.drain()
        return await asyncio.gather(*watchers), await received(feed, 2, 99)

    assert asyncio.run(go()) == ([[]] * 3, [])


@pytest.mark.parametrize(
    ("after", "loan", "error"), [(4, None, InvalidInput), (-1, None, InvalidInput), (0, "x", NotFound)]
)
def test_a_start_beyond_the_newest_event_and_an_unknown_loan_are_refused(after, loan, error):
    async def go():
        await anext(EventFeed(Book(3), message).watch(after, loan))

    with pytest.raises(error):
        asyncio.run(go())


def test_watchers_of_all_methods_together_are_bounded():
    watchers = Watchers(2)
    with ExitStack() as opened:
        for method in ("WatchBreaches", "WatchRevaluation"):
            opened.enter_context(watchers.opened(method))
        with pytest.raises(Busy, match="watchers: got 2 open, want at most 2"):
            opened.enter_context(watchers.opened("WatchBreaches"))

    with watchers.opened("WatchBreaches"):
        pass
