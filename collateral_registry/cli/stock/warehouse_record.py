"""Prints warehouses, counted lots and findings, and resolves findings."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import grpc

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import enum_label, format_time, resource_name
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
    share,
    short_name,
    text,
    time,
)
from collateral_registry.v1 import finding_pb2, finding_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc

HIGH, USUAL, LOW, DETAIL = Importance.HIGH, Importance.USUAL, Importance.LOW, Importance.DETAIL

WAREHOUSES = Table(
    "warehouses",
    (
        Column("warehouse", Kind.TEXT),
        Column("lot_count", Kind.COUNT, "lots", USUAL),
        Column("movement_count", Kind.COUNT, "movements", LOW),
        Column("late_share", Kind.SHARE, "late", USUAL),
        Column("counted_lot_count", Kind.COUNT, "lots\ncounted", USUAL),
        Column("shrinkage_rate", Kind.SHARE, "shrinkage", HIGH),
        Column("reliability_score", Kind.NUMBER, "score"),
        Column("haircut", Kind.SHARE),
        Column("open_finding_count", Kind.COUNT, "open\nfindings"),
    ),
)
COUNTED_LOTS = Table(
    "counted lots",
    (
        Column("lot", Kind.TEXT),
        Column("good", Kind.TEXT, importance=LOW),
        Column("method", Kind.CODE, importance=USUAL),
        Column("count_time", Kind.TIME, "counted at", HIGH),
        Column("counted_quantity", Kind.NUMBER, "counted"),
        Column("book_quantity", Kind.NUMBER, "book"),
        Column("tolerance", Kind.NUMBER, importance=USUAL),
        Column("unit", Kind.CODE),
        Column("actor", Kind.TEXT, "by", LOW),
        Column("document", Kind.TEXT, importance=DETAIL),
    ),
)
FINDINGS = Table(
    "findings",
    (
        Column("finding", Kind.COUNT, "no."),
        Column("create_time", Kind.TIME, "opened", USUAL),
        Column("severity", Kind.CODE, styles={"CRITICAL": "bold red"}),
        Column("state", Kind.CODE),
        Column("kind", Kind.CODE, importance=LOW),
        Column("summary", Kind.TEXT),
        Column("asset", Kind.TEXT, importance=DETAIL),
        Column("loan", Kind.TEXT, importance=DETAIL),
        Column("warehouse", Kind.TEXT, importance=DETAIL),
        Column("lot", Kind.TEXT, importance=DETAIL),
        Column("resolver", Kind.TEXT, importance=DETAIL),
        Column("note", Kind.TEXT, importance=DETAIL),
    ),
)


def list_warehouses(channel: grpc.Channel, limit: int, layout: Layout) -> None:
    """Shows a table of warehouses."""
    stub = warehouse_pb2_grpc.WarehouseServiceStub(channel)
    answer = fetch_all(stub.ListWarehouses, warehouse_pb2.ListWarehousesRequest(), "warehouses", limit)
    show_table(WAREHOUSES, ListedRows(map(_warehouse_row, answer.warehouses)), layout)


def list_counted_lots(channel: grpc.Channel, warehouse: str, limit: int, layout: Layout) -> None:
    """Shows a table of the counted lots of a warehouse."""
    stub = warehouse_pb2_grpc.WarehouseServiceStub(channel)
    request = warehouse_pb2.ListCountedLotsRequest(parent=f"warehouses/{quote(warehouse, safe='')}")
    answer = fetch_all(stub.ListCountedLots, request, "counted_lots", limit)
    show_table(COUNTED_LOTS, ListedRows(map(_counted_row, answer.counted_lots)), layout)


def list_findings(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of findings."""
    stub = finding_pb2_grpc.FindingServiceStub(channel)
    answer = fetch_all(stub.ListFindings, finding_pb2.ListFindingsRequest(filter=filter_), "findings", limit)
    show_table(FINDINGS, ListedRows(map(_finding_row, answer.findings)), layout)


def show_finding(channel: grpc.Channel, finding: str) -> None:
    """Prints a finding with its evidence."""
    request = finding_pb2.GetFindingRequest(name=resource_name("findings", finding))
    _show(finding_pb2_grpc.FindingServiceStub(channel).GetFinding(request))


def resolve_finding(channel: grpc.Channel, finding: str, actor: str, note: str) -> None:
    """Resolves a finding and prints it."""
    request = finding_pb2.ResolveFindingRequest(
        name=resource_name("findings", finding), actor=actor, note=note, request_id=uuid.uuid4().hex
    )
    _show(finding_pb2_grpc.FindingServiceStub(channel).ResolveFinding(request))


def _line(one: finding_pb2.Finding) -> str:
    severity = enum_label(finding_pb2.FindingSeverity.Name(one.severity), "FINDING_SEVERITY_")
    state = enum_label(finding_pb2.FindingState.Name(one.state), "FINDING_STATE_")
    return f"{one.name} {format_time(one.create_time)} {severity}, {state}: {one.summary}"


def _show(one: finding_pb2.Finding) -> None:
    print_line(_line(one))
    for fact in one.evidence:
        print_line(f"  {fact.name}: {fact.value}")
    for name in ("asset", "loan", "warehouse", "lot"):
        if getattr(one, name):
            print_line(f"  {name}: {getattr(one, name)}")
    if one.resolver:
        print_line(f"  resolved {format_time(one.resolve_time)} by {one.resolver}: {one.note}")


def _warehouse_row(one: warehouse_pb2.Warehouse) -> Row:
    return (
        one.display_name,
        one.lot_count,
        one.movement_count,
        share(one.late_share),
        one.counted_lot_count,
        share(one.shrinkage_rate),
        number(one.reliability_score),
        share(one.haircut),
        one.open_finding_count,
    )


def _counted_row(one: warehouse_pb2.CountedLot) -> Row:
    return (
        one.lot,
        text(one.good),
        label(warehouse_pb2.CountMethod.Name(one.method), "COUNT_METHOD_"),
        time(one.count_time),
        number(one.counted_quantity),
        number(one.book_quantity),
        number(one.tolerance),
        one.unit,
        text(one.actor),
        text(one.document),
    )


def _finding_row(one: finding_pb2.Finding) -> Row:
    return (
        int(one.name.removeprefix("findings/")),
        time(one.create_time),
        label(finding_pb2.FindingSeverity.Name(one.severity), "FINDING_SEVERITY_"),
        label(finding_pb2.FindingState.Name(one.state), "FINDING_STATE_"),
        label(finding_pb2.FindingKind.Name(one.kind), "FINDING_KIND_"),
        one.summary,
        *map(short_name, (one.asset, one.loan, one.warehouse)),
        text(one.lot),
        text(one.resolver),
        text(one.note),
    )
