"""Lots as the last transactions left them, so that most need not be read again.

Nothing relies on what is remembered: a lot changes only where its version is still that one (``store_lots``), and where
a row was refused by what is remembered, that is held against what is stored (``are_current``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from collateral_registry.domain.stock.movement_booking import Place

LotRow = Sequence[Any]
"""A lot, a value a column."""

REMEMBERED_LOTS_LIMIT = 20_000
"""Lots that are remembered, some 20 MB; with more, only those of the last transaction are, which are no more than that
(two for each of the items of a group).
"""


class LotMemory:
    """Lots by their place."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._lots: dict[Place, LotRow] = {}

    def recall(self, places: Collection[Place]) -> dict[Place, LotRow]:
        """Those of the lots that are remembered."""
        lots = self._lots
        return {place: lots[place] for place in places if place in lots}

    def keep(self, lots: Mapping[Place, LotRow]) -> None:
        """Remembers lots as a transaction has left them, once it is durable."""
        self._lots.update(lots)
        if len(self._lots) > REMEMBERED_LOTS_LIMIT:
            self._lots = dict(lots)

    def let_go(self, places: Iterable[Place]) -> None:
        """Lets go of the lots at those places."""
        for place in places:
            self._lots.pop(place, None)

    def forget(self) -> None:
        """Lets go of all of them."""
        self._lots = {}
