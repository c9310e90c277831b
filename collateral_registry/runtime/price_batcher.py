"""Batches price messages: all messages that arrive while a commit is being written go into the next commits."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.commands.prices.ingest import Ingested, PriceMessage, ingest_together
from collateral_registry.domain.access.callers import Author
from collateral_registry.metrics import TICK_TO_EVENT
from collateral_registry.runtime.batching import Batcher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Write

GROUP_QUOTES_LIMIT = 5_000
"""Quotes ingested by one commit."""


class PriceBatcher:
    """Ingests the price messages of concurrent callers. The messages of a commit have the same author.

    The queue has no limit of its own; the server limits the number of concurrent calls.
    """

    def __init__(self, runner: BookRunner) -> None:
        self._runner = runner
        self._batcher = Batcher(
            self._ingest, lambda message: len(message[1].quotes), GROUP_QUOTES_LIMIT, lambda message: message[0]
        )

    async def ingest(self, author: Author, message: PriceMessage) -> tuple[Ingested, int]:
        """Returns the outcome of a message and the sequence of the commit that contains it."""
        with TICK_TO_EVENT.time():
            return await self._batcher.submit((author, message))

    async def _ingest(self, group: Sequence[tuple[Author, PriceMessage]]) -> list[tuple[Ingested, int]]:
        def work(write: Write) -> list[tuple[Ingested, int]]:
            return [(found, write.seq) for found in ingest_together(write, [message for _, message in group])]

        return await self._runner.change(
            "IngestPrices", group[0][0], work, lambda found: any(one.changed for one, _ in found)
        )
