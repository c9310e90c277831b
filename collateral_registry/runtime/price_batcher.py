"""Batches price messages: all messages that arrive while a commit is being written go into the next commits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

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
            self._ingest, lambda item: len(item.message.quotes), GROUP_QUOTES_LIMIT, lambda item: item.author
        )

    async def ingest(self, author: Author, message: PriceMessage, request: str) -> tuple[Ingested, int]:
        """Returns the outcome of a message and the sequence of the commit that contains it.

        ``request`` is the digest of the request, which the audit log states. If a commit contains several messages, it
        states the digest of their digests in order.
        """
        with TICK_TO_EVENT.time():
            return await self._batcher.submit(_Item(author, message, request))

    async def _ingest(self, group: Sequence[_Item]) -> list[tuple[Ingested, int]]:
        def work(write: Write) -> list[tuple[Ingested, int]]:
            return [(found, write.seq) for found in ingest_together(write, [item.message for item in group])]

        return await self._runner.change(
            "IngestPrices", group[0].author, work, lambda found: any(one.changed for one, _ in found), _digest(group)
        )


@dataclass(frozen=True)
class _Item:
    """A message with its author and the digest of its request."""

    author: Author
    message: PriceMessage
    request: str


def _digest(group: Sequence[_Item]) -> str:
    first, *others = (item.request for item in group)
    return hashlib.sha256("".join([first, *others]).encode()).hexdigest() if others else first
