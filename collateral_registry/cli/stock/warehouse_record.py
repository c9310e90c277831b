"""Prints warehouses, counted lots and findings, and resolves findings."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import grpc
from rich.markup import escape

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import enum_label, format_percent, format_time, resource_name
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.loans.report import print_table
from collateral_registry.v1 import finding_pb2, finding_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc


def list_warehouses(channel: grpc.Channel, limit: int) -> None:
    """Prints a table of warehouses."""
    stub = warehouse_pb2_grpc.WarehouseServiceStub(channel)
    answer = fetch_all(stub.ListWarehouses, warehouse_pb2.ListWarehousesRequest(), "warehouses", limit)
    rows = (
        (
            escape(one.display_name),
            str(one.lot_count),
            str(one.movement_count),
            format_percent(one.late_share.value),
            str(one.counted_lot_count),
            format_percent(one.shrinkage_rate.value),
            one.reliability_score.value,
            format_percent(one.haircut.value),
            str(one.open_finding_count),
        )
        for one in answer.warehouses
    )
    numbers = ("lots", "movements", "late", "counted", "shrinkage", "score", "haircut", "findings")
    print_table(("warehouse", *numbers), rows, right=numbers)


def list_counted_lots(channel: grpc.Channel, warehouse: str, limit: int) -> None:
    """Prints a table of the counted lots of a warehouse."""
    stub = warehouse_pb2_grpc.WarehouseServiceStub(channel)
    request = warehouse_pb2.ListCountedLotsRequest(parent=f"warehouses/{quote(warehouse, safe='')}")
    rows = (
        (
            escape(one.lot),
            one.good,
            enum_label(warehouse_pb2.CountMethod.Name(one.method), "COUNT_METHOD_").replace("_", " "),
            format_time(one.count_time),
            one.counted_quantity.value,
            one.book_quantity.value,
            one.tolerance.value,
            one.unit,
            escape(one.actor),
            escape(one.document),
        )
        for one in fetch_all(stub.ListCountedLots, request, "counted_lots", limit).counted_lots
    )
    names = ("lot", "good", "method", "counted at", "counted", "book", "tolerance", "unit", "by", "document")
    print_table(names, rows, right=("counted", "book", "tolerance"))


def list_findings(channel: grpc.Channel, filter_: str, limit: int) -> None:
    """Prints one line per finding, because a table would truncate the summary."""
    stub = finding_pb2_grpc.FindingServiceStub(channel)
    found = fetch_all(stub.ListFindings, finding_pb2.ListFindingsRequest(filter=filter_), "findings", limit).findings
    for one in found:
        print_line(_line(one))
    if not found:
        print_line("none")


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
