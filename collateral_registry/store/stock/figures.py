"""Counts of stock that needs attention, for the metrics of the book."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, literal, select

from collateral_registry.domain.feeds.items import RejectionState
from collateral_registry.store.schema.stock import StockChangeRow, StockFeedRow, StockRejectionRow

COUNT_LIMIT = 100_000
"""Rows are counted up to this number, so that a long queue does not make each count long."""


def open_rejections(connection: Connection) -> int:
    """Returns the number of rejected movements that are not resolved."""
    return int(connection.execute(_OPEN_REJECTIONS).scalar_one())


def pending_changes(connection: Connection) -> int:
    """Returns the number of changes of lots that are not applied to the book."""
    return int(connection.execute(_PENDING_CHANGES).scalar_one())


def _count(rows: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(rows.limit(COUNT_LIMIT).subquery())


# By feed, because the index of rejections begins with it.
_OPEN_REJECTIONS = _count(
    select(literal(1))
    .select_from(StockFeedRow.__table__)
    .join(
        StockRejectionRow.__table__,
        (StockRejectionRow.source_key == StockFeedRow.source_key) & (StockRejectionRow.state == RejectionState.OPEN),
    )
)
_PENDING_CHANGES = _count(select(literal(1)).select_from(StockChangeRow.__table__))
