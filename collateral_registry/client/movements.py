"""What happened to goods, as a partner says it, and batches of it as the wire wants them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from collateral_registry.v1 import stock_pb2

MILLIONTHS = 1_000_000
WHOLE_DIGITS_LIMIT = 12  # so that millionths fit an int64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND_PREFIX = "MOVEMENT_KIND_"
KINDS = tuple(name.removeprefix(KIND_PREFIX) for name in stock_pb2.MovementKind.keys()[1:])
NUMBER_COLUMNS = {"sequence", "kinds", "effective_times_us", "quantities_millionths"}
TEXT_COLUMNS: tuple[Any, ...] = tuple(
    field.name for field in stock_pb2.StockBatch.DESCRIPTOR.fields if field.name not in NUMBER_COLUMNS
)


@dataclass(frozen=True)
class Movement:
    """A movement of stock; raises ValueError naming a field that the wire cannot carry, the server judges the rest.

    The id is the partner's own and never used for another movement. ``quantity`` is in ``unit``, at most six decimals;
    ``happened`` carries its zone. Good and unit are the lot's when they are not said.
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
        """Checks what the wire cannot carry."""
        if not self.movement_id:
            raise ValueError("movement_id: got nothing, want the partner's id of the movement")
        if self.kind not in KINDS:
            raise ValueError(f"kind: got {self.kind[:40]!r}, want one of {', '.join(KINDS)}")
        if self.happened.tzinfo is None:
            raise ValueError(f"happened: got {self.happened.isoformat()} without a zone, want a time with its zone")
        _millionths(self.quantity)

    @property
    def message(self) -> stock_pb2.StockBatch:
        """A batch of this one item, in which every column is filled, so that batches can be strung together."""
        return stock_pb2.StockBatch(
            movement_ids=[self.movement_id],
            kinds=[stock_pb2.MovementKind.Value(KIND_PREFIX + self.kind)],
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


def batch_of(sequence: int, items: Iterable[bytes]) -> stock_pb2.StockBatch:
    """The batch of items made by ``Movement.message``: their columns end to end, none that is empty in every row."""
    batch = stock_pb2.StockBatch.FromString(b"".join(items))
    for column in TEXT_COLUMNS:
        if not any(getattr(batch, column)):
            batch.ClearField(column)
    batch.sequence = sequence
    return batch


def _millionths(quantity: Decimal) -> int:
    """A quantity in whole millionths, not a digit lost; raises ValueError when it is finer or too large."""
    if quantity.is_finite() and quantity.adjusted() < WHOLE_DIGITS_LIMIT:
        exact = Fraction(quantity) * MILLIONTHS
        if exact.denominator == 1:
            return int(exact)
    raise ValueError(
        f"quantity: got {str(quantity)[:40]}, want at most {WHOLE_DIGITS_LIMIT} digits before the point and 6 after"
    )
