"""Tables of warehouse stock: feeds, movements, lots, counts, reserves and claims.

The stock writer writes feeds, batches, movements, lots, changes and rejections. Changes of the book write counts,
reserves, reliability and claims. The two never lock each other's rows.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint, literal
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, partial_index, real, text
from collateral_registry.store.schema.feed_columns import BatchColumns, FeedColumns, RejectionColumns, request_index


class StockFeedRow(FeedColumns, table=True):
    """A feed of movements."""

    __tablename__: ClassVar[str] = "stock_source"


class StockBatchRow(BatchColumns, table=True):
    """A durable batch of movements."""

    __tablename__: ClassVar[str] = "stock_batch"
    __table_args__ = (request_index("stock_batch_request"),)


class StockMovementRow(SQLModel, table=True):
    """A reported movement and its effect on the lot; rows are appended and never changed.

    ``change`` is added to the lot and subtracted from the lot ``to_lot_key`` (0 for none). A correction has the
    effective time of the movement that it restates.
    """

    __tablename__: ClassVar[str] = "stock_movement"
    __table_args__ = (
        UniqueConstraint("source_key", "movement_id"),
        Index("stock_movement_lot", "lot_key", "effective_us"),
        partial_index("stock_movement_left", "lot_key", "movement_key", where="change < 0"),
        partial_index("stock_movement_returned", "to_lot_key", "movement_key", where="to_lot_key > 0 AND change > 0"),
        partial_index("stock_movement_to_lot", "to_lot_key", "effective_us", where="to_lot_key > 0"),
        partial_index("stock_movement_corrects", "source_key", "corrects", where="corrects <> ''"),
    )
    movement_key: int | None = big(primary_key=True, default=None)
    source_key: int = big()
    sequence: int = big()
    batch_row: int = big()
    movement_id: str = text()
    kind: int = big()
    effective_us: int = big()
    received_us: int = big()
    lot_key: int = big()
    change: int = big()
    quantity: int = big()
    bin: str = text()
    to_lot_key: int = big()
    to_bin: str = text()
    grade: str = text()
    corrects: str = text()
    document: str = text()


class StockLotRow(SQLModel, table=True):
    """A lot with the sum of its movements; ``version`` rises with every change."""

    __tablename__: ClassVar[str] = "stock_lot"
    __table_args__ = (UniqueConstraint("warehouse", "lot"), Index("stock_lot_good", "warehouse", "good"))
    lot_key: int | None = big(primary_key=True, default=None)
    warehouse: str = text()
    lot: str = text()
    good: str = text()
    unit: str = text()
    grade: str = text()
    bin: str = text()
    quantity: int = big()
    version: int = big()
    opened_us: int = big()
    received_us: int = big()


LOT_IDENTITY = literal("warehouse ") + StockLotRow.warehouse + literal(" lot ") + StockLotRow.lot
"""SQL expression for the natural key of the asset that a lot is registered as."""


class LotLinkRow(SQLModel, table=True):
    """A lot that holds goods of a pledged asset although the asset is registered as the lot ``own_key``.

    The goods came by splits and merges from ``after_key`` on, which is the key of a movement.
    """

    __tablename__: ClassVar[str] = "lot_link"
    lot_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    asset_key: int = big(primary_key=True, index=True, sa_column_kwargs={"autoincrement": False})
    own_key: int = big()
    after_key: int = big()


class StockChangeRow(SQLModel, table=True):
    """A changed lot that is not yet applied to the book.

    The stock writer inserts the row, and the stock sync deletes it. Its movements are about times from ``since_us`` on:
    counts of that time or later are compared again.
    """

    __tablename__: ClassVar[str] = "stock_change"
    change_key: int | None = big(primary_key=True, default=None)
    lot_key: int = big()
    since_us: int = big()


class StockRejectionRow(RejectionColumns, table=True):
    """A movement that was not booked."""

    __tablename__: ClassVar[str] = "stock_rejection"
    __table_args__ = (
        Index("stock_rejection_source", "source_key", "state"),
        Index("stock_rejection_movement", "source_key", "movement_id"),
    )
    movement_id: str = text()


class StockWarehouseRow(SQLModel, table=True):
    """Reporting delays of a warehouse, summed over its movements."""

    __tablename__: ClassVar[str] = "stock_warehouse"
    warehouse: str = text(primary_key=True)
    movement_count: int = big()
    late_count: int = big()
    lateness_seconds: int = big()


class StockReserveRow(SQLModel, table=True):
    """The quantity of a lot that does not count as collateral, because a count was below the booked quantity."""

    __tablename__: ClassVar[str] = "stock_reserve"
    lot_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    quantity: int = big()
    finding_key: int = big()
    seq: int = big()


class WarehouseCountRow(SQLModel, table=True):
    """A count of lots of one warehouse, by commit. If it is complete, lots without a line are counted as 0."""

    __tablename__: ClassVar[str] = "warehouse_count"
    __table_args__ = (Index("warehouse_count_time", "warehouse", "complete", "counted_us"),)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    warehouse: str = text()
    method: int = big()
    counted_us: int = big(index=True)
    known_us: int = big()
    complete: int = big()
    by_lender: int = big()
    tolerance_ppm: int = big()
    actor: str = text()
    document: str = text()


class StockCountRow(SQLModel, table=True):
    """A line of a count: the counted quantity of a lot, with the booked quantity at the time of the count.

    ``book`` and ``tolerance`` include the movements about earlier times that were reported after the count. ``good`` is
    the good that was found; it is empty if the count omits the lot. ``counted`` is in ``unit``, which is the unit of
    the lot. ``explained`` is the shortage that was resolved by hand.
    """

    __tablename__: ClassVar[str] = "stock_count"
    __table_args__ = (Index("stock_count_newest", "lot_key", "by_lender", "counted_us", "count_key"),)
    count_key: int | None = big(primary_key=True, default=None)
    seq: int = big(index=True)
    lot_key: int = big()
    by_lender: int = big()
    counted_us: int = big()
    good: str = text()
    unit: str = text()
    counted: int = big()
    book: int = big()
    tolerance: int = big()
    explained: int = big()


class WarehouseReliabilityRow(SQLModel, table=True):
    """Reliability of a warehouse as of a commit; the newest row applies."""

    __tablename__: ClassVar[str] = "warehouse_reliability"
    warehouse: str = text(primary_key=True)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    count_lines: int = big()
    shrinkage_rate: float = real()
    late_share: float = real()
    mean_lateness_seconds: float = real()
    score: float = real()
    haircut: float = real()


class PlaceClaimRow(SQLModel, table=True):
    """The claim of an inventory asset on a good in a place.

    ``quantity`` is the asset's current quantity; ``stated`` is the declared or receipted quantity less authorised
    pick-ups.
    """

    __tablename__: ClassVar[str] = "place_claim"
    __table_args__ = (Index("holding_place", "place", "good"),)
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    place: str = text()
    good: str = text()
    unit: str = text()
    quantity: int = big()
    stated: int = big()
    receipted: int = big()


class IssueWatermarkRow(SQLModel, table=True):
    """The last outgoing movement that was checked against authorisations, for each pledged lot."""

    __tablename__: ClassVar[str] = "issue_watermark"
    lot_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    movement_key: int = big()
