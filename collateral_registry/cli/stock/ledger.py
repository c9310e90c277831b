"""Prints feeds, lots, movements and rejected items, and resolves rejected items."""

from __future__ import annotations

from pathlib import Path

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal

from collateral_partner.movements import Movement
from collateral_partner.rows import read_movements
from collateral_registry.cli.common.formatting import resource_name
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    label,
    number,
    short_name,
    text,
    time,
)
from collateral_registry.v1 import stock_ledger_pb2, stock_ledger_pb2_grpc, stock_pb2

HIGH, USUAL, LOW, DETAIL = Importance.HIGH, Importance.USUAL, Importance.LOW, Importance.DETAIL

FEEDS = Table(
    "feeds",
    (
        Column("feed", Kind.TEXT),
        Column("last_sequence", Kind.COUNT, "last\nsequence"),
        Column("call_count", Kind.COUNT, "calls", USUAL),
        Column("open_rejection_count", Kind.COUNT, "not\nbooked"),
        Column("receive_time", Kind.TIME, "last received"),
    ),
)
LOTS = Table(
    "lots",
    (
        Column("warehouse", Kind.TEXT),
        Column("lot", Kind.TEXT),
        Column("good", Kind.TEXT, importance=HIGH),
        Column("grade", Kind.TEXT, importance=LOW),
        Column("bin", Kind.TEXT, importance=DETAIL),
        Column("quantity", Kind.NUMBER),
        Column("reserved_quantity", Kind.NUMBER, "reserved", USUAL),
        Column("unit", Kind.CODE),
        Column("change_time", Kind.TIME, "changed", LOW),
    ),
)
MOVEMENTS = Table(
    "movements",
    (
        Column("feed", Kind.TEXT, importance=LOW),
        Column("movement", Kind.TEXT),
        Column("kind", Kind.CODE),
        Column("effective_time", Kind.TIME, "happened", USUAL),
        Column("known_time", Kind.TIME, "known", LOW),
        Column("warehouse", Kind.TEXT, importance=HIGH),
        Column("lot", Kind.TEXT),
        Column("change", Kind.NUMBER),
        Column("unit", Kind.CODE),
        Column("document", Kind.TEXT, importance=DETAIL),
    ),
)
REJECTED = Table(
    "rejected movements",
    (
        Column("feed", Kind.TEXT),
        Column("number", Kind.COUNT),
        Column("movement", Kind.TEXT),
        Column("reason", Kind.TEXT),
        Column("description", Kind.TEXT),
        Column("state", Kind.CODE, importance=HIGH),
        Column("receive_time", Kind.TIME, "received", LOW),
        Column("resolve_time", Kind.TIME, "resolved", DETAIL),
        Column("resolver", Kind.TEXT, importance=LOW),
        Column("note", Kind.TEXT, importance=LOW),
    ),
)


def list_feeds(channel: grpc.Channel, limit: int, layout: Layout) -> None:
    """Shows a table of feeds."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    answer = fetch_all(stub.ListStockFeeds, stock_ledger_pb2.ListStockFeedsRequest(), "stock_feeds", limit)
    rows = (
        (short_name(one.name), one.last_sequence, one.call_count, one.open_rejection_count, time(one.receive_time))
        for one in answer.stock_feeds
    )
    show_table(FEEDS, ListedRows(rows), layout)


def list_lots(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of lots."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    request = stock_ledger_pb2.ListStockLotsRequest(filter=filter_)
    answer = fetch_all(stub.ListStockLots, request, "stock_lots", limit)
    show_table(LOTS, ListedRows(map(_lot_row, answer.stock_lots)), layout)


def list_movements(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of booked movements."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    request = stock_ledger_pb2.ListMovementsRequest(filter=filter_)
    answer = fetch_all(stub.ListMovements, request, "movements", limit)
    show_table(MOVEMENTS, ListedRows(map(_movement_row, answer.movements)), layout)


def list_rejected(channel: grpc.Channel, feed: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of rejected items."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    parent = resource_name("stockFeeds", feed or "-")
    request = stock_ledger_pb2.ListRejectedMovementsRequest(parent=parent, filter=filter_)
    answer = fetch_all(stub.ListRejectedMovements, request, "rejected_movements", limit)
    show_table(REJECTED, ListedRows(map(_rejected_row, answer.rejected_movements)), layout)


def resolve_rejected(
    channel: grpc.Channel, item: str, actor: str, note: str, layout: Layout, *, dismiss: bool, instead: Path | None
) -> None:
    """Books or dismisses an item and shows the result; raises ValueError unless the file has exactly one movement."""
    if dismiss and instead is not None:
        raise ValueError("instead: got a file together with --dismiss, want one of them")
    state = stock_ledger_pb2.REJECTION_STATE_DISMISSED if dismiss else stock_ledger_pb2.REJECTION_STATE_BOOKED
    request = stock_ledger_pb2.ResolveRejectedMovementRequest(
        name=_item_name(item), state=state, actor=actor, note=note, movement=_one_movement(instead) if instead else None
    )
    resolved = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel).ResolveRejectedMovement(request)
    show_table(REJECTED, ListedRows([_rejected_row(resolved)]), layout)


def _one_movement(path: Path) -> stock_pb2.StockMovement:
    rows = read_movements(path)
    for line, reason in rows.refused:
        raise ValueError(f"{path.name}:{line}: {reason}")
    if len(rows.movements) != 1:
        raise ValueError(f"{path.name}: got {len(rows.movements)} movements, want one")
    return movement_message(rows.movements[0])


def movement_message(movement: Movement) -> stock_pb2.StockMovement:
    """Converts a movement to the message used by calls for a single movement."""
    happened = Timestamp()
    happened.FromDatetime(movement.happened)
    texts = ("warehouse", "good", "lot", "bin", "unit", "to_warehouse", "to_lot", "to_bin", "grade", "corrects")
    return stock_pb2.StockMovement(
        movement_id=movement.movement_id,
        kind=stock_pb2.MovementKind.Value(f"MOVEMENT_KIND_{movement.kind}"),
        effective_time=happened,
        quantity=Decimal(value=f"{movement.quantity:f}"),
        document=movement.document,
        **{name: getattr(movement, name) for name in texts},
    )


def _lot_row(lot: stock_ledger_pb2.StockLot) -> Row:
    texts = (lot.warehouse, lot.lot, text(lot.good), text(lot.grade), text(lot.bin))
    return (*texts, number(lot.quantity), number(lot.reserved_quantity), lot.unit, time(lot.change_time))


def _movement_row(one: stock_ledger_pb2.RecordedMovement) -> Row:
    return (
        short_name(one.stock_feed),
        one.movement.movement_id,
        label(stock_pb2.MovementKind.Name(one.movement.kind), "MOVEMENT_KIND_"),
        time(one.movement.effective_time),
        time(one.known_time),
        one.movement.warehouse,
        one.movement.lot,
        number(one.change),
        one.movement.unit,
        text(one.movement.document),
    )


def _rejected_row(one: stock_ledger_pb2.RejectedMovement) -> Row:
    return (
        one.name.split("/")[1],
        int(one.name.split("/")[3]),
        one.movement.movement_id,
        label(stock_pb2.RejectionReason.Name(one.reason), "REJECTION_REASON_"),
        one.description,
        label(stock_ledger_pb2.RejectionState.Name(one.state), "REJECTION_STATE_"),
        time(one.receive_time),
        time(one.resolve_time),
        text(one.resolver),
        text(one.note),
    )


def _item_name(text: str) -> str:
    parts = text.split("/")
    return f"stockFeeds/{parts[0]}/rejectedMovements/{parts[1]}" if len(parts) == 2 else text
