"""The items of each kind of feed, as a partner makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.chaos.ledger_scenario import entries
from benchmarks.chaos.scenario import movements
from collateral_partner.feeds.codec import FeedCodec, Item
from collateral_partner.invoices.entries import INVOICES
from collateral_partner.movements import STOCK

Items = Callable[[str, int, int, int], Iterator[Item]]
"""Returns the items of a source and seed: the first number and how many."""

ITEMS: dict[str, tuple[Items, FeedCodec]] = {"stock": (movements, STOCK), "invoices": (entries, INVOICES)}
