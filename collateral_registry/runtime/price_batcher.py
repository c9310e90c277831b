"""Prices of many callers at once: messages that wait together are one change, and move what depends on them once.

While one change is written the next one gathers, so a burst costs as many changes as the writer can keep up with.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from collateral_registry.commands.prices.ingest import Ingested, PriceMessage, ingest_together
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Write

TOGETHER_QUOTES_LIMIT = 5_000
"""Quotes taken in by one change, give or take one message; the rest of a burst waits for the next."""


@dataclass(frozen=True)
class _Brought:
    """A message that waits, with the future of what becomes of it."""

    message: PriceMessage
    taken: asyncio.Future[tuple[Ingested, int]]


class PriceBatcher:
    """Takes in prices in bounded groups; how many wait is bounded by the calls under way."""

    def __init__(self, runner: BookRunner) -> None:
        """Nobody waits yet."""
        self.runner = runner
        self._waiting: list[_Brought] = []
        self._worker: asyncio.Task[None] | None = None

    async def ingest(self, message: PriceMessage) -> tuple[Ingested, int]:
        """What became of a message, and the commit that it was part of."""
        brought = _Brought(message, asyncio.get_running_loop().create_future())
        self._waiting.append(brought)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await brought.taken

    async def _work(self) -> None:
        """Takes in what waits until nothing does."""
        while self._waiting:
            together = self._next_group()
            try:
                found, seq = await self.runner.change(
                    "IngestPrices",
                    lambda write, together=together: _taken(write, together),  # type: ignore[misc]
                    lambda result: any(one.changed for one in result[0]),
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, each caller hears of it and the next are served
                for brought in together:
                    _settle(brought, error)
                continue
            for brought, taken in zip(together, found, strict=True):
                _settle(brought, (taken, seq))

    def _next_group(self) -> list[_Brought]:
        """The messages that have waited longest, up to the limit."""
        count, quotes = 0, 0
        while count < len(self._waiting) and quotes < TOGETHER_QUOTES_LIMIT:
            quotes += len(self._waiting[count].message.quotes)
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group


def _taken(write: Write, together: list[_Brought]) -> tuple[list[Ingested], int]:
    return ingest_together(write, [brought.message for brought in together]), write.seq


def _settle(brought: _Brought, result: tuple[Ingested, int] | Exception) -> None:
    """Tells the caller, who may have gone."""
    if brought.taken.done():
        return
    if isinstance(result, Exception):
        brought.taken.set_exception(result)
    else:
        brought.taken.set_result(result)
