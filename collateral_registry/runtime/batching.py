"""Batches queued items: items that arrive while one group is processed form the next group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """A queue of items that one task processes in groups of bounded weight, in order of arrival.

    An item leaves the queue if its future is cancelled, so that the queue is no longer than the callers who wait.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        weigh: Callable[[Item], int],
        group_limit: int,
        key: Callable[[Item], Hashable] = lambda _: None,
    ) -> None:
        """Stores ``process``, which returns the result of each item [n] of a group or the exception to raise for it.

        The total weight of a group is at most ``group_limit``; a single item that weighs more forms a group alone.
        The items of a group have the same ``key``.
        """
        self._process = process
        self._weigh = weigh
        self._group_limit = group_limit
        self._key = key
        self._queued: dict[asyncio.Future[Result], Item] = {}
        self._worker: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Queues an item and returns the future of its result.

        It must be called on the thread of the event loop.
        """
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        result.add_done_callback(_retrieve)
        result.add_done_callback(lambda _: self._queued.pop(result, None))
        self._queued[result] = item
        if self._worker is None or self._worker.done():
            # In a context of its own, because it also works for calls other than this one.
            self._worker = asyncio.create_task(self._work(), context=Context())
        return result

    async def _work(self) -> None:
        """Processes groups until the queue is empty; an exception from a group is raised for each of its items."""
        while self._queued:
            group = self._next_group()
            found: Sequence[Result | Exception]
            try:
                found = await self._process(list(group.values()))
            except Exception as error:  # noqa: BLE001 - any error must reach the callers of this group and spare the next
                found = [error] * len(group)
            for result, one in zip(group, found, strict=True):
                _settle(result, one)

    def _next_group(self) -> dict[asyncio.Future[Result], Item]:
        weight = 0
        group: dict[asyncio.Future[Result], Item] = {}
        key = self._key(next(iter(self._queued.values())))
        for result, item in self._queued.items():
            weight += self._weigh(item)
            if group and (weight > self._group_limit or self._key(item) != key):
                break
            group[result] = item
        for result in group:
            del self._queued[result]
        return group


def _settle(result: asyncio.Future[Result], found: Result | Exception) -> None:
    """Sets the result or the exception of a future, unless its caller has cancelled it."""
    if result.done():
        return
    if isinstance(found, Exception):
        result.set_exception(found)
    else:
        result.set_result(found)


def _retrieve(result: asyncio.Future[Result]) -> None:
    """Marks an exception as retrieved, so that asyncio does not log it if the caller no longer waits."""
    if not result.cancelled():
        result.exception()
