"""Stock movements reported by a partner, and their encoding in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import grpc

from collateral_partner.feeds.codec import FeedCodec
from collateral_partner.v1 import stock_pb2

MILLIONTHS = 1_000_000
WHOLE_DIGITS_LIMIT = 12  # so that millionths fit an int64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND_PREFIX = "MOVEMENT_KIND_"
KINDS = tuple(name.removeprefix(KIND_PREFIX) for name in stock_pb2.MovementKind.keys()[1:])
NUMBER_COLUMNS = frozenset({"sequence", "kinds", "effective_times_us", "quantities_millionths"})
REASON_PREFIX = "REJECTION_REASON_"


@dataclass(frozen=True)
class Movement:
    """A stock movement.

    ``movement_id`` is assigned by the partner and never used for another movement. ``quantity`` is in ``unit`` and has
    at most six decimals; ``happened`` has a time zone. An empty good or unit stands for the good or unit of the lot.

    The constructor raises ValueError naming the field if a value cannot be encoded. The server validates the rest.
    """

    movement_id: str
    kind: str
    happened: datetime
    warehouse: str
    lot: str
    quantity: Decimal
    good: str = ""
    unit: str = ""
    bin: str = ""
    to_warehouse: str = ""
    to_lot: str = ""
    to_bin: str = ""
    grade: str = ""
    corrects: str = ""
    document: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for values that cannot be encoded."""
        if not self.movement_id:
            raise ValueError("movement_id: got nothing, want the partner's id of the movement")
        if self.kind not in KINDS:
            raise ValueError(f"kind: got {self.kind[:40]!r}, want one of {', '.join(KINDS)}")
        if self.happened.tzinfo is None:
            raise ValueError(
                f"happened: got {self.happened.isoformat()} without a time zone, want a time with its zone"
            )
        _millionths(self.quantity)

    @property
    def item_id(self) -> str:
        """The partner's own id of the movement."""
        return self.movement_id

    @property
    def content(self) -> bytes:
        """The serialised message, which is equal for equal movements."""
        return self.message.SerializeToString(deterministic=True)

    @property
    def message(self) -> stock_pb2.StockBatch:
        """The batch message that contains only this movement.

        Every column has exactly one value, so concatenated messages can be parsed as one batch with aligned columns.
        """
        return stock_pb2.StockBatch(
            movement_ids=[self.movement_id],
            kinds=[KIND_PREFIX + self.kind],
            effective_times_us=[(self.happened - EPOCH) // timedelta(microseconds=1)],
            warehouses=[self.warehouse],
            goods=[self.good],
            lots=[self.lot],
            bins=[self.bin],
            units=[self.unit],
            quantities_millionths=[_millionths(self.quantity)],
            to_warehouses=[self.to_warehouse],
            to_lots=[self.to_lot],
            to_bins=[self.to_bin],
            grades=[self.grade],
            corrects=[self.corrects],
            documents=[self.document],
        )


def _push_stock(channel: grpc.Channel) -> Callable[..., Any]:
    from collateral_partner.v1 import stock_pb2_grpc

    stub: Any = stock_pb2_grpc.StockServiceStub(channel)
    method: Callable[..., Any] = stub.PushStock
    return method


def _opening(feed: str) -> stock_pb2.PushStockRequest:
    return stock_pb2.PushStockRequest(open=stock_pb2.PushStockOpen(stock_feed=f"stockFeeds/{feed}"))


def _reason(number: stock_pb2.RejectionReason) -> str:
    return stock_pb2.RejectionReason.Name(number).removeprefix(REASON_PREFIX)


STOCK = FeedCodec(
    subject="stock",
    item="movement",
    items="movements",
    id_field="movement_id",
    ids="movement_ids",
    collection="stockFeeds",
    batch=stock_pb2.StockBatch,
    kept=NUMBER_COLUMNS,
    method=_push_stock,
    opening=_opening,
    request=lambda batch: stock_pb2.PushStockRequest(batch=batch),
    reason=_reason,
)
"""Feeds of stock movements."""


def batch_of(sequence: int, items: Iterable[bytes]) -> stock_pb2.StockBatch:
    """Builds a batch from serialised ``Movement.message`` items; omits string columns that are empty in every row."""
    batch: stock_pb2.StockBatch = STOCK.batch_of(sequence, items)
    return batch


def _millionths(quantity: Decimal) -> int:
    """Converts a quantity to millionths exactly; raises ValueError if it has more decimals or is too large."""
    if quantity.is_finite() and quantity.adjusted() < WHOLE_DIGITS_LIMIT:
        exact = Fraction(quantity) * MILLIONTHS
        if exact.denominator == 1:
            return int(exact)
    raise ValueError(
        f"quantity: got {str(quantity)[:40]}, want at most {WHOLE_DIGITS_LIMIT} digits before the point and 6 after"
    )
