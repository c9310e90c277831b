"""Feeds, lots, movements and rejected items as messages."""

from __future__ import annotations

from collections.abc import Mapping

from collateral_registry.rpc.common import convert
from collateral_registry.rpc.stock.count_messages import plain
from collateral_registry.rpc.stock.movement_columns import movement_message
from collateral_registry.store.stock.feeds import Feed
from collateral_registry.store.stock.ledger import StoredLot, StoredMovement
from collateral_registry.store.stock.rejections import StoredRejection
from collateral_registry.v1 import stock_ledger_pb2 as pb


def feed_message(source: Feed, open_rejections: Mapping[int, int]) -> pb.StockFeed:
    """A feed; the open rejections are by key of the source."""
    return pb.StockFeed(
        name=f"stockFeeds/{source.source_id}",
        last_sequence=source.last_sequence,
        call_count=-source.last_call,
        receive_time=convert.timestamp(source.received_us) if source.received_us else None,
        open_rejection_count=open_rejections.get(source.key, 0),
    )


def lot_message(lot: StoredLot) -> pb.StockLot:
    """A lot as it is now."""
    return pb.StockLot(
        warehouse=lot.warehouse,
        lot=lot.lot,
        good=lot.good,
        grade=lot.grade,
        bin=lot.bin,
        unit=lot.unit,
        quantity=plain(lot.quantity),
        reserved_quantity=plain(lot.reserved),
        version=lot.version,
        open_time=convert.timestamp(lot.opened_us),
        change_time=convert.timestamp(lot.received_us),
    )


def recorded_message(one: StoredMovement) -> pb.RecordedMovement:
    """A movement that was booked."""
    return pb.RecordedMovement(
        stock_feed=f"stockFeeds/{one.source_id}",
        sequence=one.sequence,
        row=one.batch_row,
        movement=movement_message(one.movement),
        change=plain(one.change),
        known_time=convert.timestamp(one.received_us),
    )


def rejected_message(one: StoredRejection) -> pb.RejectedMovement:
    """An item that was not booked."""
    return pb.RejectedMovement(
        name=f"stockFeeds/{one.source_id}/rejectedMovements/{one.key}",
        sequence=one.sequence,
        row=one.batch_row,
        movement=movement_message(one.movement),
        reason=int(one.reason),
        description=one.description,
        state=int(one.state),
        receive_time=convert.timestamp(one.received_us),
        resolve_time=convert.timestamp(one.resolved_us) if one.resolved_us else None,
        resolver=one.resolved_by,
        note=one.note,
    )
