"""Reads and sets the own spellings of units of a stock feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collateral_registry.domain.shared.units import checked_own_spellings
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.feeds.batches import Feed
from collateral_registry.store.prices.unit_spellings import own_spellings, replace_spellings
from collateral_registry.store.stock.feeds import STOCK_FEEDS

FIELD = "stock_feed.unit_spellings"


def feed_with_spellings(connection: Connection, source_id: str) -> tuple[Feed, dict[str, str]]:
    """Returns a feed with its own spellings; raises NotFound for a feed that has neither batches nor spellings."""
    name = f"stockFeeds/{source_id}"
    spellings = own_spellings(connection, [name])[name]
    feed = _feed(connection, source_id) if spellings else STOCK_FEEDS.get(connection, source_id)
    return feed, spellings


def change_spellings(
    write: Write, source_id: str, changed: Callable[[Mapping[str, str]], Mapping[str, str]]
) -> tuple[Feed, dict[str, str]]:
    """Changes a feed's own spellings and returns the feed. The feed may report its first batch later.

    Raises InvalidInput for a spelling that is not permitted. Recorded movements and counts keep their units.
    """
    name = f"stockFeeds/{source_id}"
    spellings = checked_own_spellings(FIELD, changed(own_spellings(write.connection, [name])[name]))
    replace_spellings(write.connection, name, spellings)
    return _feed(write.connection, source_id), spellings


def _feed(connection: Connection, source_id: str) -> Feed:
    """Returns a feed; one that has reported nothing yet is empty."""
    return STOCK_FEEDS.find(connection, [source_id]).get(source_id) or Feed(0, source_id, 0, 0, 0, 0, 0)
