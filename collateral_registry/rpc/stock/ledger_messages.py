"""Conversion of feeds, lots, movements and rejected items to messages."""

from __future__ import annotations

from collections.abc import Mapping

from collateral_registry.domain.stock.movements import Movements
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.stock.movement_columns import movement_message
from collateral_registry.store.feeds.batches import Feed
from collateral_registry.store.feeds.rejections import StoredRejection
from collateral_registry.store.stock.ledger import StoredLot, StoredMovement
from collateral_registry.v1 import stock_ledger_pb2 as pb


def feed_message(feed: Feed, open_rejections: Mapping[int, int], unit_spellings: Mapping[str, str]) -> pb.StockFeed:
    """Returns a feed as a message.

    ``open_rejections`` maps the key of each feed to the number of its open rejections. ``unit_spellings`` are the
    feed's own spellings of units.
    """
    return pb.StockFeed(
        name=f"stockFeeds/{feed.source_id}",
        last_sequence=feed.last_sequence,
        call_count=-feed.last_call,
        receive_time=convert.optional_timestamp(feed.received_us),
        open_rejection_count=open_rejections.get(feed.key, 0),
        unit_spellings=unit_spellings,
    )


def lot_message(lot: StoredLot) -> pb.StockLot:
    """Returns a lot in its current state as a message."""
    return convert.message_of(
        pb.StockLot,
        lot,
        reserved_quantity=convert.of_millionths(lot.reserved),
        open_time=convert.timestamp(lot.opened_us),
        change_time=convert.timestamp(lot.received_us),
        assets=[f"assets/{asset_id}" for asset_id in lot.asset_ids],
    )


def recorded_message(one: StoredMovement) -> pb.RecordedMovement:
    """Returns a booked movement as a message."""
    return pb.RecordedMovement(
        stock_feed=f"stockFeeds/{one.source_id}",
        sequence=one.sequence,
        row=one.batch_row,
        movement=movement_message(one.movement),
        change=convert.of_millionths(one.change),
        known_time=convert.timestamp(one.received_us),
    )


def rejected_message(one: StoredRejection[Movements]) -> pb.RejectedMovement:
    """Returns an item that was not booked as a message."""
    return convert.message_of(
        pb.RejectedMovement,
        one,
        name=f"stockFeeds/{one.source_id}/rejectedMovements/{one.key}",
        row=one.batch_row,
        movement=movement_message(one.item),
        receive_time=convert.timestamp(one.received_us),
        resolve_time=convert.optional_timestamp(one.resolved_us),
        resolver=one.resolved_by,
    )
