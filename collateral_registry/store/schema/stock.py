"""The schema of warehouse stock and of findings: thin tables, no behaviour. Units as in ``tables``; ``_us`` is UTC.

Quantities are whole millionths of the lot's unit. The intake writes sources, batches, movements, lots, changes and
rejections; the book writes reserves, counts, reliability and findings. Neither waits for a row of the other.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint, literal
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, real, text


class StockFeedRow(SQLModel, table=True):
    """A feed of movements: its last durable sequence, and the epoch of the stream that may write it.

    Single calls are numbered downwards from -1, so that they never meet the sequence of the stream.
    """

    __tablename__: ClassVar[str] = "stock_source"
    source_key: int | None = big(primary_key=True, default=None)
    source_id: str = text(unique=True)
    last_sequence: int = big()
    last_call: int = big()
    epoch: int = big()
    created_us: int = big()
    received_us: int = big()


class StockBatchRow(SQLModel, table=True):
    """A durable batch: the digest of its content tells a repeat from a reuse of its sequence or request id."""

    __tablename__: ClassVar[str] = "stock_batch"
    __table_args__ = (
        Index(
            "stock_batch_request",
            "source_key",
            "request_id",
            unique=True,
            sqlite_where=sql("request_id <> ''"),
            postgresql_where=sql("request_id <> ''"),
        ),
    )
    source_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    request_id: str = text()
    body_hash: str = text()
    item_count: int = big()
    booked_count: int = big()
    known_count: int = big()
    received_us: int = big()


class StockMovementRow(SQLModel, table=True):
    """What a partner said and how it moved the lot; appended, never changed.

    ``change`` is what the lot gained; a lot that goods went to (``to_lot_key``, 0 for none) lost as much. The time of a
    correction is that of the movement it restates.
    """

    __tablename__: ClassVar[str] = "stock_movement"
    __table_args__ = (
        UniqueConstraint("source_key", "movement_id"),
        Index("stock_movement_lot", "lot_key", "effective_us"),
        Index(
            "stock_movement_left",
            "lot_key",
            "movement_key",
            sqlite_where=sql("change < 0"),
            postgresql_where=sql("change < 0"),
        ),
        Index(
            "stock_movement_to_lot",
            "to_lot_key",
            "effective_us",
            sqlite_where=sql("to_lot_key > 0"),
            postgresql_where=sql("to_lot_key > 0"),
        ),
        Index(
            "stock_movement_corrects",
            "source_key",
            "corrects",
            sqlite_where=sql("corrects <> ''"),
            postgresql_where=sql("corrects <> ''"),
        ),
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
    """The sum of the movements of a lot; its version rises with every change."""

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


LOT_IDENTITY = literal("warehouse ") + StockLotRow.warehouse + literal(" lot ") + StockLotRow.lot  # type: ignore[operator] # the class stands for its columns
"""The identity of the asset that a lot is, where it is registered."""


class StockChangeRow(SQLModel, table=True):
    """A lot that changed and has not been taken up by the book; the intake appends, the take-up deletes."""

    __tablename__: ClassVar[str] = "stock_change"
    change_key: int | None = big(primary_key=True, default=None)
    lot_key: int = big()


class StockRejectionRow(SQLModel, table=True):
    """An item that was not booked, with what it said as JSON, until somebody books or dismisses it."""

    __tablename__: ClassVar[str] = "stock_rejection"
    __table_args__ = (Index("stock_rejection_source", "source_key", "state"),)
    rejection_key: int | None = big(primary_key=True, default=None)
    source_key: int = big()
    sequence: int = big()
    batch_row: int = big()
    movement_id: str = text()
    reason: int = big()
    description: str = text()
    item: str = text()
    received_us: int = big()
    state: int = big()
    resolved_us: int = big()
    resolved_by: str = text()
    note: str = text()


class StockWarehouseRow(SQLModel, table=True):
    """How late a warehouse tells what happened: sums over its movements."""

    __tablename__: ClassVar[str] = "stock_warehouse"
    warehouse: str = text(primary_key=True)
    movement_count: int = big()
    late_count: int = big()
    lateness_seconds: int = big()


class StockReserveRow(SQLModel, table=True):
    """What of a lot does not count as collateral, because a count found less than the book."""

    __tablename__: ClassVar[str] = "stock_reserve"
    lot_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    quantity: int = big()
    finding_key: int = big()
    seq: int = big()


class StockCountRow(SQLModel, table=True):
    """A lot as somebody counted or listed it, beside the book as of that time."""

    __tablename__: ClassVar[str] = "stock_count"
    count_key: int | None = big(primary_key=True, default=None)
    seq: int = big(index=True)
    lot_key: int = big(index=True)
    method: int = big()
    counted_us: int = big()
    known_us: int = big()
    counted: int = big()
    book: int = big()
    tolerance: int = big()
    actor: str = text()
    document: str = text()


class WarehouseReliabilityRow(SQLModel, table=True):
    """What counts and lateness say of a warehouse after a commit; the newest row holds."""

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
    """How much of a good an inventory asset says is in a place.

    ``quantity`` is what counts now; ``stated`` what its registration or receipt says, less what left by authorisation.
    """

    __tablename__: ClassVar[str] = "holding"
    __table_args__ = (Index("holding_place", "place", "good"),)
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    place: str = text()
    good: str = text()
    unit: str = text()
    quantity: int = big()
    stated: int = big()
    receipted: int = big()


class IssueWatermarkRow(SQLModel, table=True):
    """The newest movement by which goods left a pledged lot that was looked at."""

    __tablename__: ClassVar[str] = "issue_mark"
    lot_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    movement_key: int = big()
