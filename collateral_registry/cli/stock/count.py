"""Sends a stock count from a file, as the partner or as the lender, and shows the differences from the book."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc

from collateral_partner.counting import CountDetails, count_of, print_undecided, report_count, summary
from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Kind, ListedRows, Row, Table, number, short_name
from collateral_registry.v1 import warehouse_pb2, warehouse_pb2_grpc

DIFFERENCES = Table(
    "differences",
    (
        Column("lot", Kind.TEXT),
        Column("counted_quantity", Kind.NUMBER, "counted"),
        Column("book_quantity", Kind.NUMBER, "book"),
        Column("reserved_quantity", Kind.NUMBER, "reserved"),
        Column("unit", Kind.CODE),
        Column("finding", Kind.TEXT),
    ),
)


def submit_count(channel: grpc.Channel, path: Path, details: CountDetails, source: str, actor: str) -> int:
    """Sends a count made by a partner or the lender and shows the differences; returns 1 if there are any, else 0.

    Raises ValueError unless either ``source`` (partner) or ``actor`` (lender) is given, but not both.
    """
    if bool(source) == bool(actor):
        raise ValueError(
            "source, actor: want exactly one: the feed of the partner, or the person who counted for the lender"
        )
    count = count_of(path, details)
    if source:
        return _show(report_count(channel, count, details.name, source))
    request = warehouse_pb2.RecordInspectionRequest(
        warehouse=details.name, count=count, actor=actor, request_id=uuid.uuid4().hex
    )
    return _show(warehouse_pb2_grpc.WarehouseServiceStub(channel).RecordInspection(request).reconciliation)


def _show(found: warehouse_pb2.Reconciliation) -> int:
    """Shows the result of a count and returns the exit code."""
    print_line(summary(found))
    if found.differences:
        show_table(DIFFERENCES, ListedRows(map(_row, found.differences)), Layout(Format.TABLE, None, wide=False))
    return print_undecided(found)


def _row(one: warehouse_pb2.CountDifference) -> Row:
    amounts = map(number, (one.counted_quantity, one.book_quantity, one.reserved_quantity))
    return (one.lot, *amounts, one.unit, short_name(one.finding))
