"""Messages of a stream of movements."""

from __future__ import annotations

from collateral_registry.commands.feeds.intake import DurableBatch
from collateral_registry.rpc.feeds.columns import BATCH_ITEMS_LIMIT
from collateral_registry.rpc.feeds.stream import StreamCodec
from collateral_registry.rpc.stock.movement_columns import read_batch
from collateral_registry.runtime.feeds.feed_batcher import WINDOW
from collateral_registry.store.stock.feeds import STOCK_FEEDS
from collateral_registry.v1 import stock_pb2 as pb


def rejected_items(taken: DurableBatch) -> list[pb.RejectedItem]:
    """Returns the rows that were not booked, as messages."""
    return [
        pb.RejectedItem(row=item.row, movement_id=item.item_id, reason=item.reason, description=item.description)
        for item in taken.rejected
    ]


def _opened(last_sequence: int) -> pb.PushStockResponse:
    opened = pb.PushStockOpened(last_sequence=last_sequence, window=WINDOW, batch_items_limit=BATCH_ITEMS_LIMIT)
    return pb.PushStockResponse(opened=opened)


def _acknowledged(taken: DurableBatch) -> pb.PushStockResponse:
    message = pb.PushStockAcknowledged(
        sequence=taken.sequence,
        repeated_batch=taken.repeated,
        booked_count=taken.booked,
        known_count=taken.known,
        rejected_items=rejected_items(taken),
        window=WINDOW,
    )
    return pb.PushStockResponse(acknowledged=message)


def _rewind(expected: int) -> pb.PushStockResponse:
    return pb.PushStockResponse(rewind=pb.PushStockRewind(expected_sequence=expected, window=WINDOW))


CODEC = StreamCodec(STOCK_FEEDS.tables, read_batch, _opened, _acknowledged, _rewind)
"""The messages of PushStock."""
