"""Prints feeds, lots, movements and rejected items, and resolves rejected items."""

from __future__ import annotations

from pathlib import Path

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal
from rich.markup import escape

from collateral_partner.movements import Movement
from collateral_partner.rows import read_movements
from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import enum_label, format_time, resource_name
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.loans.report import print_table
from collateral_registry.v1 import stock_ledger_pb2, stock_ledger_pb2_grpc, stock_pb2

NUMBERS = {"quantity", "reserved", "change", "sequence", "row", "calls", "not booked"}


def list_feeds(channel: grpc.Channel, limit: int) -> None:
    """Prints a table of feeds."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    answer = fetch_all(stub.ListStockFeeds, stock_ledger_pb2.ListStockFeedsRequest(), "stock_feeds", limit)
    rows = []
    for feed in answer.stock_feeds:
        counts = (feed.last_sequence, feed.call_count, feed.open_rejection_count)
        rows.append((feed.name.removeprefix("stockFeeds/"), *map(str, counts), format_time(feed.receive_time)))
    print_table(("feed", "sequence", "calls", "not booked", "last heard"), rows, NUMBERS)


def list_lots(channel: grpc.Channel, filter_: str, limit: int) -> None:
    """Prints a table of lots."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    request = stock_ledger_pb2.ListStockLotsRequest(filter=filter_)
    rows = []
    for lot in fetch_all(stub.ListStockLots, request, "stock_lots", limit).stock_lots:
        texts = (lot.warehouse, lot.lot, lot.good, lot.grade, lot.bin)
        amounts = (lot.quantity.value, lot.reserved_quantity.value, lot.unit)
        rows.append((*map(escape, texts), *amounts, format_time(lot.change_time)))
    print_table(("warehouse", "lot", "good", "grade", "bin", "quantity", "reserved", "unit", "changed"), rows, NUMBERS)


def list_movements(channel: grpc.Channel, filter_: str, limit: int) -> None:
    """Prints a table of booked movements."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    request = stock_ledger_pb2.ListMovementsRequest(filter=filter_)
    rows = (
        (
            one.stock_feed.removeprefix("stockFeeds/"),
            escape(one.movement.movement_id),
            enum_label(stock_pb2.MovementKind.Name(one.movement.kind), "MOVEMENT_KIND_"),
            format_time(one.movement.effective_time),
            format_time(one.known_time),
            escape(one.movement.warehouse),
            escape(one.movement.lot),
            one.change.value,
            one.movement.unit,
            escape(one.movement.document),
        )
        for one in fetch_all(stub.ListMovements, request, "movements", limit).movements
    )
    names = ("feed", "movement", "kind", "happened", "known", "warehouse", "lot", "change", "unit", "document")
    print_table(names, rows, NUMBERS)


def list_rejected(channel: grpc.Channel, feed: str, filter_: str, limit: int) -> None:
    """Prints one line per rejected item."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    parent = resource_name("stockFeeds", feed or "-")
    request = stock_ledger_pb2.ListRejectedMovementsRequest(parent=parent, filter=filter_)
    _print_rejected(
        list(fetch_all(stub.ListRejectedMovements, request, "rejected_movements", limit).rejected_movements)
    )


def resolve_rejected(
    channel: grpc.Channel, item: str, actor: str, note: str, *, dismiss: bool, instead: Path | None
) -> None:
    """Books or dismisses an item and prints the result; raises ValueError unless the file has exactly one movement."""
    if dismiss and instead is not None:
        raise ValueError("instead: got a file together with --dismiss, want one of them")
    state = stock_ledger_pb2.REJECTION_STATE_DISMISSED if dismiss else stock_ledger_pb2.REJECTION_STATE_BOOKED
    request = stock_ledger_pb2.ResolveRejectedMovementRequest(
        name=_item_name(item), state=state, actor=actor, note=note, movement=_one_movement(instead) if instead else None
    )
    _print_rejected([stock_ledger_pb2_grpc.StockLedgerServiceStub(channel).ResolveRejectedMovement(request)])


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


def _print_rejected(items: list[stock_ledger_pb2.RejectedMovement]) -> None:
    """Prints one line per item, because a table would truncate the description."""
    for one in items:
        reason = stock_pb2.RejectionReason.Name(one.reason).removeprefix("REJECTION_REASON_")
        state = enum_label(stock_ledger_pb2.RejectionState.Name(one.state), "REJECTION_STATE_")
        resolution = f" by {one.resolver}: {one.note}" if one.resolver else ""
        print_line(
            f"{one.name}: movement {one.movement.movement_id}: {reason}: {one.description} ({state}{resolution})"
        )
    if not items:
        print_line("none")


def _item_name(text: str) -> str:
    parts = text.split("/")
    return f"stockFeeds/{parts[0]}/rejectedMovements/{parts[1]}" if len(parts) == 2 else text
