"""Batches of movements from the wire, as columns: whole lists, never an item at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from collateral_registry.domain.movements import Movements
from collateral_registry.v1 import stock_pb2 as pb
from valuation.errors import InvalidInput

BATCH_ITEMS_LIMIT = 2_000
"""Items in a batch."""

DIGEST_BYTES = 16
"""Length of a batch's digest: repeats are told from reuses, nothing is proved by it."""


def read_batch(message: pb.StockBatch) -> Movements:
    """The movements of a batch; raises InvalidInput for too many items or columns of different lengths."""
    count = len(message.movement_ids)
    if not 1 <= count <= BATCH_ITEMS_LIMIT:
        raise InvalidInput("batch.movement_ids", f"{count} items", f"1 to {BATCH_ITEMS_LIMIT} in a batch")

    def texts(column: Sequence[str]) -> list[str]:
        return list(column) or [""] * count

    def numbers(column: Sequence[Any]) -> list[int]:
        return list(column) or [0] * count

    return Movements(
        movement_id=list(message.movement_ids),
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


def digest(message: pb.StockBatch) -> str:
    """What tells a repeated batch from another one of the same sequence."""
    return hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=DIGEST_BYTES).hexdigest()
