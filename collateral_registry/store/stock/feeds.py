"""The feeds of stock movements and their rejected movements."""

from __future__ import annotations

from collateral_registry.domain.stock.movements import Movements, RejectionReason
from collateral_registry.store.feeds.batches import FeedStore, FeedTables
from collateral_registry.store.feeds.rejections import RejectionStore
from collateral_registry.store.schema.stock import StockBatchRow, StockFeedRow, StockRejectionRow

_TABLES = FeedTables(
    "stockFeeds",
    "source",
    "stock_feed",
    "PushStockOpened",
    "movement_id",
    StockFeedRow,
    StockBatchRow,
    StockRejectionRow,
)

STOCK_FEEDS = FeedStore(_TABLES)

REJECTED_MOVEMENTS = RejectionStore(
    _TABLES, Movements, RejectionReason, "rejectedMovements", "movement", "REJECTION_REASON_"
)
