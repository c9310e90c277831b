"""Messages of a stream of ledger entries."""

from __future__ import annotations

from collateral_registry.commands.feeds.intake import DurableBatch
from collateral_registry.rpc.feeds.columns import BATCH_ITEMS_LIMIT
from collateral_registry.rpc.feeds.stream import StreamCodec
from collateral_registry.rpc.receivables.entry_columns import read_batch
from collateral_registry.runtime.feeds.feed_batcher import WINDOW
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS
from collateral_registry.v1 import invoice_feed_pb2 as pb


def rejected_items(taken: DurableBatch) -> list[pb.RejectedInvoiceItem]:
    """Returns the rows that were not booked, as messages."""
    return [
        pb.RejectedInvoiceItem(row=item.row, entry_id=item.item_id, reason=item.reason, description=item.description)
        for item in taken.rejected
    ]


def _opened(last_sequence: int) -> pb.PushInvoicesResponse:
    opened = pb.PushInvoicesOpened(last_sequence=last_sequence, window=WINDOW, batch_items_limit=BATCH_ITEMS_LIMIT)
    return pb.PushInvoicesResponse(opened=opened)


def _acknowledged(taken: DurableBatch) -> pb.PushInvoicesResponse:
    message = pb.PushInvoicesAcknowledged(
        sequence=taken.sequence,
        repeated_batch=taken.repeated,
        booked_count=taken.booked,
        known_count=taken.known,
        rejected_items=rejected_items(taken),
        window=WINDOW,
    )
    return pb.PushInvoicesResponse(acknowledged=message)


def _rewind(expected: int) -> pb.PushInvoicesResponse:
    return pb.PushInvoicesResponse(rewind=pb.PushInvoicesRewind(expected_sequence=expected, window=WINDOW))


CODEC = StreamCodec(INVOICE_FEEDS.tables, read_batch, _opened, _acknowledged, _rewind)
"""The messages of PushInvoices."""
