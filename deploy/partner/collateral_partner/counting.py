"""Sends a stock count from a file and prints the differences from the book."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
from google.type.decimal_pb2 import Decimal

from collateral_partner.access.connection import Connection
from collateral_partner.channel import OPTIONS, channel_to
from collateral_partner.feed_mapping import STANDARD, FeedMapping
from collateral_partner.rows import read_count, read_time
from collateral_partner.terminal import (
    EXIT_SOME_REFUSED,
    print_line,
    print_table,
    report_rpc_error,
)
from collateral_partner.v1 import stock_pb2, stock_pb2_grpc, warehouse_pb2

AMOUNTS = ("counted", "book", "reserved")


@dataclass(frozen=True)
class CountDetails:
    """The warehouse, time, method and document of a count, and the mapping of its file."""

    warehouse: str
    time: str
    method: str
    complete: bool
    document: str
    mapping: FeedMapping = field(default=STANDARD)

    @property
    def name(self) -> str:
        """The resource name of the warehouse."""
        return f"warehouses/{quote(self.warehouse, safe='')}"


def send_count(path: Path, details: CountDetails, source: str, server: str, connection: Connection) -> int:
    """Sends a count of a partner and prints the differences; returns the exit code, 1 if there are any."""
    count = count_of(path, details)
    try:
        with channel_to(server, connection, OPTIONS) as channel:
            return print_reconciliation(report_count(channel, count, details.name, source))
    except grpc.RpcError as error:
        return report_rpc_error(error, server)


def report_count(
    channel: grpc.Channel, count: warehouse_pb2.StockCount, name: str, source: str
) -> warehouse_pb2.Reconciliation:
    """Reports a count as a partner and returns its comparison with the book."""
    request = stock_pb2.ReportCountRequest(
        stock_feed=f"stockFeeds/{source}", warehouse=name, count=count, request_id=uuid.uuid4().hex
    )
    stub: Any = stock_pb2_grpc.StockServiceStub(channel)
    answer: stock_pb2.ReportCountResponse = stub.ReportCount(request)
    return answer.reconciliation


def count_of(path: Path, details: CountDetails) -> warehouse_pb2.StockCount:
    """Returns the count of a file; raises ValueError if it is invalid."""
    method = f"COUNT_METHOD_{details.method.replace('-', '_').upper()}"
    lines = [
        warehouse_pb2.CountLine(lot=one.lot, good=one.good, unit=one.unit, quantity=Decimal(value=one.quantity))
        for one in read_count(path, details.mapping)
    ]
    count = warehouse_pb2.StockCount(method=method, complete=details.complete, lines=lines, document=details.document)
    counted = read_time(details.time, details.mapping.time_zone) if details.time else datetime.now(UTC)
    count.count_time.FromDatetime(counted)
    return count


def print_reconciliation(found: warehouse_pb2.Reconciliation) -> int:
    """Prints the result of a count; returns 1 if lots differ or cannot be compared, else 0."""
    print_line(summary(found))
    if found.differences:
        rows = [(one.lot, *_amounts(one), one.unit, one.finding) for one in found.differences]
        print_table(("lot", *AMOUNTS, "unit", "finding"), rows, AMOUNTS)
    return print_undecided(found)


def summary(found: warehouse_pb2.Reconciliation) -> str:
    """Returns how many lots agree and differ."""
    return f"count: {found.agreed_count} lots agree, {len(found.differences)} differ"


def print_undecided(found: warehouse_pb2.Reconciliation) -> int:
    """Prints the lots about which a count decides nothing; returns 1 if it differs or cannot be compared, else 0."""
    for lot in found.undecided_lots:
        print_line(f"lot {lot.lot}: the count decides nothing; {lot.description}")
    not_convertible = warehouse_pb2.UNDECIDED_REASON_UNIT_NOT_CONVERTIBLE
    has_problems = found.differences or any(lot.reason == not_convertible for lot in found.undecided_lots)
    return EXIT_SOME_REFUSED if has_problems else 0


def _amounts(one: warehouse_pb2.CountDifference) -> tuple[str, ...]:
    return tuple(amount.value for amount in (one.counted_quantity, one.book_quantity, one.reserved_quantity))
