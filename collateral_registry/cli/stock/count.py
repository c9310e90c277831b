"""Sends a stock count from a file and prints the differences from the book."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import grpc
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line
from collateral_registry.cli.common.file_schemas import SCHEMAS
from collateral_registry.cli.stock.push import read_token
from collateral_registry.cli.stock.rows import parse_time
from collateral_registry.clock import wall_clock
from collateral_registry.v1 import stock_pb2, stock_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc
from valuation.tables.reader import read_file


@dataclass(frozen=True)
class CountDetails:
    """The warehouse, time, method and document of a count."""

    warehouse: str
    time: str
    method: str
    complete: bool
    document: str

    @property
    def name(self) -> str:
        """The resource name of the warehouse."""
        return f"warehouses/{quote(self.warehouse, safe='')}"


def submit_count(
    channel: grpc.Channel, path: Path, details: CountDetails, source: str, actor: str, token_file: Path | None
) -> int:
    """Sends a count made by a partner or the lender and prints the differences; returns 1 if there are any, else 0.

    Raises ValueError unless either ``source`` (partner) or ``actor`` (lender) is given, but not both.
    """
    if bool(source) == bool(actor):
        raise ValueError(
            "source, actor: want exactly one: the feed of the partner, or the person who counted for the lender"
        )
    count, request_id = _count(path, details), uuid.uuid4().hex
    if source:
        metadata = [("authorization", f"Bearer {token}")] if (token := read_token(token_file)) else None
        partner_request = stock_pb2.ReportCountRequest(
            stock_feed=f"stockFeeds/{source}", warehouse=details.name, count=count, request_id=request_id
        )
        found = stock_pb2_grpc.StockServiceStub(channel).ReportCount(partner_request, metadata=metadata).reconciliation
    else:
        request = warehouse_pb2.RecordInspectionRequest(
            warehouse=details.name, count=count, actor=actor, request_id=request_id
        )
        found = warehouse_pb2_grpc.WarehouseServiceStub(channel).RecordInspection(request).reconciliation
    return _print_reconciliation(found)


def _count(path: Path, details: CountDetails) -> warehouse_pb2.StockCount:
    method = warehouse_pb2.CountMethod.Value(f"COUNT_METHOD_{details.method.replace('-', '_').upper()}")
    lines = [
        warehouse_pb2.CountLine(
            lot=row["lot"], good=row["good"], unit=row["unit"], quantity=Decimal(value=row["quantity"])
        )
        for row in (numbered.values for numbered in read_file(path, SCHEMAS["count"]).complete().rows())
    ]
    count = warehouse_pb2.StockCount(method=method, complete=details.complete, lines=lines, document=details.document)
    count.count_time.FromDatetime(parse_time(details.time) if details.time else wall_clock())
    return count


def _print_reconciliation(found: warehouse_pb2.Reconciliation) -> int:
    print_line(f"count: {found.agreed_count} lots agree, {len(found.differences)} differ")
    for one in found.differences:
        counted, book, reserved = (
            f"{amount.value} {one.unit}" for amount in (one.counted_quantity, one.book_quantity, one.reserved_quantity)
        )
        print_line(f"lot {one.lot}: counted {counted}, book {book}, reserved {reserved}; {one.finding}")
    for lot in found.undecided_lots:
        print_line(f"lot {lot.lot}: the count decides nothing; {lot.description}")
    not_convertible = warehouse_pb2.UNDECIDED_REASON_UNIT_NOT_CONVERTIBLE
    has_problems = found.differences or any(lot.reason == not_convertible for lot in found.undecided_lots)
    return EXIT_SOME_REFUSED if has_problems else 0
