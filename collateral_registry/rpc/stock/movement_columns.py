"""Batches of movements from the wire, as columns: whole lists, never an item at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from collateral_registry.domain.shared.names import TEXT_LIMIT_CHARACTERS
from collateral_registry.domain.stock.movements import QUANTITY_LIMIT_MILLIONTHS, Movements
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.stock.count_messages import plain
from collateral_registry.store.stock.booking import printable
from collateral_registry.v1 import stock_pb2 as pb
from valuation.errors import InvalidInput

BATCH_ITEMS_LIMIT = 2_000
"""Items in a batch."""

KEPT_TEXT_LIMIT_CHARACTERS = TEXT_LIMIT_CHARACTERS + 1
"""What is kept of a text, for items bound the memory: one more than it may have, so that too long stays rejected."""

TIME_LIMIT_US = 253_402_300_799 * 1_000_000
"""The end of the year 9999, beyond which a timestamp cannot go."""

SAID_TEXTS: tuple[Any, ...] = (
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
"""Texts of a movement, by the same names in the message and in the columns."""

DIGEST_BYTES = 16
"""Length of a batch's digest: repeats are told from reuses, nothing is proved by it."""


def read_batch(message: pb.StockBatch) -> Movements:
    """The movements of a batch; raises InvalidInput for too many items or columns of different lengths."""
    count = len(message.movement_ids)
    if not 1 <= count <= BATCH_ITEMS_LIMIT:
        raise InvalidInput("batch.movement_ids", f"{count} items", f"1 to {BATCH_ITEMS_LIMIT} in a batch")

    def texts(column: Sequence[str]) -> list[str]:
        return _kept(column) or [""] * count

    def numbers(column: Sequence[Any]) -> list[int]:
        return list(column) or [0] * count

    return Movements(
        movement_id=_kept(message.movement_ids),
        kind=numbers(message.kinds),
        effective_us=numbers(message.effective_times_us),
        warehouse=texts(message.warehouses),
        good=texts(message.goods),
        lot=texts(message.lots),
        bin=texts(message.bins),
        unit=texts(message.units),
        quantity=numbers(message.quantities_millionths),
        to_warehouse=texts(message.to_warehouses),
        to_lot=texts(message.to_lots),
        to_bin=texts(message.to_bins),
        grade=texts(message.grades),
        corrects=texts(message.corrects),
        document=texts(message.documents),
    )


def read_movements(field: str, messages: Sequence[pb.StockMovement]) -> Movements:
    """Movements that came as messages, an item each; raises InvalidInput naming the item."""
    if not 1 <= len(messages) <= BATCH_ITEMS_LIMIT:
        raise InvalidInput(field, f"{len(messages)} items", f"1 to {BATCH_ITEMS_LIMIT}")
    return Movements(
        movement_id=_kept([one.movement_id for one in messages]),
        kind=[one.kind for one in messages],
        effective_us=[one.effective_time.ToMicroseconds() for one in messages],
        quantity=[_millionths(f"{field}[{row}].quantity", one) for row, one in enumerate(messages)],
        **{name: _kept([getattr(one, name) for one in messages]) for name in SAID_TEXTS},
    )


def movement_message(said: Movements) -> pb.StockMovement:
    """One movement as a message."""
    (quantity,), (time,), (kind,) = said.quantity, said.effective_us, said.kind
    message = pb.StockMovement(
        movement_id=printable(said.movement_id[0]),
        kind=kind if kind in pb.MovementKind.values() else pb.MOVEMENT_KIND_UNSPECIFIED,
        quantity=plain(quantity),
        **{name: printable(getattr(said, name)[0]) for name in SAID_TEXTS},
    )
    if 0 < time <= TIME_LIMIT_US:
        message.effective_time.FromMicroseconds(time)
    return message


def _kept(column: Sequence[str]) -> list[str]:
    """The texts, cut where they are longer than any text may be."""
    texts = list(column)
    if max(map(len, texts), default=0) <= TEXT_LIMIT_CHARACTERS:
        return texts
    return [text[:KEPT_TEXT_LIMIT_CHARACTERS] for text in texts]


def _millionths(field: str, message: pb.StockMovement) -> int:
    said = convert.read_optional_decimal(field, message, "quantity") or Decimal(0)
    millionths = said.scaleb(6)
    if millionths != millionths.to_integral_value() or abs(millionths) > QUANTITY_LIMIT_MILLIONTHS:
        raise InvalidInput(field, message.quantity.value, "at most 6 decimals and at most 10^12 units")
    return int(millionths)


def digest(message: pb.StockBatch | pb.RecordMovementsRequest) -> str:
    """What tells a repeat from another content under the same sequence or request id."""
    return hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=DIGEST_BYTES).hexdigest()
