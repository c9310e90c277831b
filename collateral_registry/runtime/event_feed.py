"""Hands the events of loans to watchers. New events are read once and given to all watchers that know all earlier ones.

A watcher begins by reading the events after its number by itself, in pages. Watchers take turns, one page each, so that
they leave the readers to other calls and share the pages that they all need. Once a watcher has read the newest event,
it joins the feed: one task reads the events of each new commit and puts them into the inbox of every watcher. A watcher
whose inbox is full leaves the feed and reads by itself again. Events are numbered without gaps and never change, so a
watcher knows by the numbers which events of its inbox it has already had, and no event is lost or repeated.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.logs import logger
from collateral_registry.metrics import WATCHERS_BEHIND
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.events import events_after, last_event
from collateral_registry.store.loans.repository import get_loan
from valuation.errors import InvalidInput

T = TypeVar("T")
Row = Mapping[str, Any]

LOG = logger("events")

NEW_EVENTS = 500
"""Largest number of new events in one read and in one message."""

OLD_EVENTS = 100
"""The same for old events; smaller, because many watchers may read them, and other calls run between two messages."""

INBOX_PAGES = 16
"""Pages that wait for a watcher that is slower than the commits."""

CACHED_PAGES = 64
"""Pages of old events kept for watchers that read the same ones."""

OTHERS_COMMIT_SECONDS = 1.0
"""Commits of other processes are checked this often if no notification arrives."""


@dataclass(frozen=True)
class _Page(Generic[T]):
    """The events after one number up to another, with the message for a watcher of all of them."""

    after: int
    last: int
    rows: Sequence[Row]
    message: T
    is_full: bool


class EventFeed(Generic[T]):
    """The events of one book for the watchers of this process."""

    def __init__(self, runner: BookRunner, convert: Callable[[Sequence[Row], int], T]) -> None:
        """Stores ``convert``, which returns the message for events and for the number from which to resume."""
        self._runner = runner
        self._convert = convert
        self._old: LruCache[int, _Page[T]] = LruCache(CACHED_PAGES)
        self._turn = asyncio.Lock()
        self._inboxes: set[_Inbox[T]] = set()
        self._head: int | None = None
        self._reading: asyncio.Task[None] | None = None
        self._draining = False

    async def watch(self, after: int, loan_id: str | None) -> AsyncGenerator[T]:
        """Yields messages with the events after a number, of all loans or of one, until the service stops.

        The first message is sent at once, even without events, to confirm the watch. Raises InvalidInput for a number
        beyond the newest event, NotFound for an unknown loan, and StoreUnavailable.
        """
        sent, is_first = after, True
        async with aclosing(self._pages(after, loan_id)) as pages:
            async for page in pages:
                rows = [row for row in page.rows if row["event_seq"] > sent and loan_id in {None, row["loan_id"]}]
                if rows or is_first:
                    is_first = False
                    sent = rows[-1]["event_seq"] if rows else sent
                    yield page.message if len(rows) == len(page.rows) else self._convert(rows, sent)

    def drain(self) -> None:
        """Ends every watch after its current message."""
        self._draining = True
        self._close_inboxes()

    async def _pages(self, position: int, loan_id: str | None) -> AsyncGenerator[_Page[T]]:
        """Yields the pages after a position without a gap; pages may overlap."""
        inbox: _Inbox[T] | None = None
        try:
            while not self._draining:
                async with self._turn:
                    # In an inbox before the read, so that no event is committed between the read and the inbox.
                    inbox = self._joined()
                    page = await self._old_page(position, loan_id)
                if inbox is None and not page.is_full:
                    inbox = self._started(page.last)
                elif inbox is not None and page.is_full:
                    self._leave(inbox)
                    inbox = None
                position = page.last
                yield page
                while inbox is not None and (new := await inbox.next()) is not None and new.after <= position:
                    position = max(position, new.last)
                    yield new
                if inbox is not None:
                    self._leave(inbox)
        finally:
            if inbox is not None:
                self._leave(inbox)

    async def _old_page(self, after: int, loan_id: str | None) -> _Page[T]:
        """Returns the page after a number, which a watcher reads by itself."""
        page = self._old.get(after) if loan_id is None else None
        if page is not None:
            await asyncio.sleep(0)  # other calls run between two turns
            return page
        page = await self._runner.read(partial(self._read, after=after, size=OLD_EVENTS, loan_id=loan_id))
        if page.is_full and loan_id is None:
            self._old.put(after, page)
        return page

    def _read(self, connection: Connection, after: int, size: int, loan_id: str | None = None) -> _Page[T]:
        newest = last_event(connection)
        if not 0 <= after <= newest:
            raise InvalidInput("after_sequence", after, f"0 to {newest}, the newest event")
        if loan_id is not None:
            get_loan(connection, loan_id)
        limit = size - after % size  # pages end at the same numbers, so that watchers share them
        rows = events_after(connection, after, loan_id, limit) if after < newest else []
        is_full = len(rows) == limit
        last = rows[-1]["event_seq"] if rows else after
        return _Page(after, last if is_full else newest, rows, self._convert(rows, last), is_full)

    def _joined(self) -> _Inbox[T] | None:
        """Returns an inbox of the running feed; None if it is not running."""
        if self._head is None or self._draining:
            return None
        inbox: _Inbox[T] = _Inbox()
        self._inboxes.add(inbox)
        return inbox

    def _started(self, head: int) -> _Inbox[T] | None:
        """Starts the feed after an event, and returns its first inbox; None if another watcher has started it."""
        if self._head is not None or self._draining:
            return None
        self._head = head
        # In a context of its own, because it works for all watchers.
        self._reading = asyncio.create_task(self._hand_out(head), context=Context())
        return self._joined()

    def _leave(self, inbox: _Inbox[T]) -> None:
        """Removes an inbox; the feed stops when it has none."""
        self._inboxes.discard(inbox)
        if not self._inboxes and self._reading is not None:
            self._reading.cancel()
            self._reading = self._head = None

    def _close_inboxes(self) -> None:
        for inbox in self._inboxes:
            inbox.close()

    async def _hand_out(self, head: int) -> None:
        """Puts the events of each new commit into every inbox, until there is none.

        After an error the watchers read by themselves, and the first that succeeds starts the feed again.
        """
        try:
            while True:
                changed = self._runner.next_change
                page = await self._runner.read(partial(self._read, after=head, size=NEW_EVENTS))
                if page.rows:
                    head = self._head = page.last
                    self._inboxes -= {inbox for inbox in self._inboxes if not inbox.put(page)}
                if not page.is_full:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(OTHERS_COMMIT_SECONDS):
                            await changed.wait()
        except DomainError as error:
            LOG.warning("new events were not read; each watcher tries again", cause=str(error))
        except Exception:  # the watchers must not wait for a feed that has ended
            LOG.exception("new events were not read; each watcher tries again")
        self._reading = self._head = None
        self._close_inboxes()
        self._inboxes.clear()


class _Inbox(Generic[T]):
    """Pages of new events that wait for one watcher."""

    def __init__(self) -> None:
        self._pages: deque[_Page[T]] = deque()
        self._moved = asyncio.Event()
        self._is_open = True

    def put(self, page: _Page[T]) -> bool:
        """Adds a page; if there are too many, closes the inbox and returns False."""
        if len(self._pages) == INBOX_PAGES:
            WATCHERS_BEHIND.inc()
            self.close()
            return False
        self._pages.append(page)
        self._moved.set()
        return True

    def close(self) -> None:
        """Ends the inbox after the pages that it has."""
        self._is_open = False
        self._moved.set()

    async def next(self) -> _Page[T] | None:
        """Returns the next page as soon as there is one; None at the end of the inbox."""
        while not self._pages:
            if not self._is_open:
                return None
            self._moved.clear()
            await self._moved.wait()
        return self._pages.popleft()
