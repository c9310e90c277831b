"""Parts of requests about rejected items that all feeds share."""

from __future__ import annotations

from typing import Any

from collateral_registry.domain.feeds.items import RejectionState
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression, narrowed
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.store.feeds.batches import FeedTables
from collateral_registry.store.feeds.rejections import RejectionStore
from valuation.errors import InvalidInput


def rejection_of(store: RejectionStore[Any], name: str) -> tuple[str, int]:
    """Returns the feed and the number of a rejected item; raises InvalidInput for another name."""
    tables = store.tables
    source_id, number = id_of("name", name, tables.collection, store.collection)
    pattern = f"{tables.collection}/{{{tables.id_word}}}/{store.collection}/{{number}}"
    return source_id, number_in_name("name", name, number, pattern)


def check_resolved(state: int) -> None:
    """Raises InvalidInput unless a state is a resolution."""
    if state not in {RejectionState.BOOKED, RejectionState.DISMISSED}:
        raise InvalidInput("state", state, "BOOKED or DISMISSED")


def of_feed(tables: FeedTables, parent: str) -> Expression:
    """Returns the expression that restricts a list to a feed, or that matches everything for the feed ``-``."""
    if parent == tables.name_of("-"):
        return EVERYTHING
    return narrowed(EVERYTHING, "feed", id_of("parent", parent, tables.collection)[0])
