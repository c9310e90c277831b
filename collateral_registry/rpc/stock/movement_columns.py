"""Conversion of movements to columns and back. Batches are converted by column, which is faster than by item."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from collateral_registry.domain.feeds.items import NOT_STATED
from collateral_registry.domain.stock.movements import QUANTITY_LIMIT_MILLIONTHS, MovementKind, Movements
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.rpc.feeds.columns import BATCH_ITEMS_LIMIT, TIME_LIMIT_US, kept_texts, stated_numbers
from collateral_registry.store.feeds.rejections import printable
from collateral_registry.v1 import stock_pb2 as pb
from valuation.errors import InvalidInput

TEXT_FIELDS: tuple[Any, ...] = (
    "warehouse",
    "good",
    "lot",
    "bin",
    "unit",
    "to_warehouse",
    "to_lot",
    "to_bin",
    "grade",
    "corrects",
    "document",
)
"""String fields of a movement, which have the same names in the message and in the columns."""


def read_batch(message: pb.StockBatch) -> Movements:
    """Returns the movements of a batch. Absent columns are filled with empty values.

    Raises InvalidInput for no items, for too many items, and for columns of different lengths.
    """
    check_count("batch.movement_ids", message.movement_ids, BATCH_ITEMS_LIMIT)
    count = len(message.movement_ids)

    def texts(column: Sequence[str]) -> list[str]:
        return kept_texts(column) or [""] * count

    def numbers(column: Sequence[Any]) -> list[int]:
        return list(column) or [0] * count

    kinds = numbers(message.kinds)
    return Movements(
        movement_id=kept_texts(message.movement_ids),
        kind=kinds,
        effective_us=numbers(message.effective_times_us),
        warehouse=texts(message.warehouses),
        good=texts(message.goods),
        lot=texts(message.lots),
        bin=texts(message.bins),
        unit=texts(message.units),
        quantity=stated_numbers(message.quantities_millionths, kinds, MovementKind.CORRECTION),
        to_warehouse=texts(message.to_warehouses),
        to_lot=texts(message.to_lots),
        to_bin=texts(message.to_bins),
        grade=texts(message.grades),
        corrects=texts(message.corrects),
        document=texts(message.documents),
    )


def read_movements(field: str, messages: Sequence[pb.StockMovement]) -> Movements:
    """Returns the movements in messages of one item each; raises InvalidInput with the index of an invalid item."""
    check_count(field, messages, BATCH_ITEMS_LIMIT)
    return Movements(
        movement_id=kept_texts([one.movement_id for one in messages]),
        kind=[one.kind for one in messages],
        effective_us=[
            convert.read_time(f"{field}[{row}].effective_time", one, "effective_time") or 0
            for row, one in enumerate(messages)
        ],
        quantity=[_millionths(f"{field}[{row}].quantity", one) for row, one in enumerate(messages)],
        **{name: kept_texts([getattr(one, name) for one in messages]) for name in TEXT_FIELDS},
    )


def movement_message(movement: Movements) -> pb.StockMovement:
    """Returns the only movement in the columns as a message."""
    (quantity,), (time,), (kind,) = movement.quantity, movement.effective_us, movement.kind
    message = pb.StockMovement(
        movement_id=printable(movement.movement_id[0]),
        kind=kind if kind in pb.MovementKind.values() else pb.MOVEMENT_KIND_UNSPECIFIED,
        quantity=None if quantity == NOT_STATED else convert.of_millionths(quantity),
        **{name: printable(getattr(movement, name)[0]) for name in TEXT_FIELDS},
    )
    if 0 < time <= TIME_LIMIT_US:
        message.effective_time.FromMicroseconds(time)
    return message


def _millionths(field: str, message: pb.StockMovement) -> int:
    if message.kind == pb.MOVEMENT_KIND_CORRECTION and not message.HasField("quantity"):
        raise InvalidInput(field, "nothing", "the correct quantity; 0 cancels the movement")
    millionths = (convert.read_optional_decimal(field, message, "quantity") or Decimal(0)).scaleb(6)
    if millionths != millionths.to_integral_value() or abs(millionths) > QUANTITY_LIMIT_MILLIONTHS:
        raise InvalidInput(field, message.quantity.value, "at most 6 decimals and at most 10^12 units")
    return int(millionths)
