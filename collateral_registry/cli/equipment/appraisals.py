"""Calls the server for the equipment commands that record and compare appraisals by people."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc

from collateral_registry.cli.common.client import print_line, print_message
from collateral_registry.cli.common.file_schemas import SCHEMAS
from collateral_registry.cli.common.formatting import date_message, resource_name
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Table, number
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import equipment_pb2, equipment_pb2_grpc
from valuation.tables.reader import NumberedRow, read_file

APPRAISERS = Table(
    "appraisers",
    (
        Column("appraiser", Kind.TEXT),
        Column("sale_count", Kind.COUNT, "sales"),
        Column("log_bias", Kind.NUMBER),
        Column("log_error", Kind.NUMBER),
        Column("too_few_sales", Kind.FLAG, "too few\nsales", Importance.HIGH),
        Column("flagged", Kind.FLAG, "bias above\nthe limit"),
    ),
)

PREFIX = "APPRAISAL_BASIS_"


def record_appraisal(
    channel: grpc.Channel, asset: str, appraiser: str, date: str, basis: str, amount: str, currency: str
) -> None:
    """Records an appraisal and prints its name; raises ValueError for an invalid basis, date or amount."""
    appraisal = equipment_pb2.Appraisal(
        appraiser=appraiser,
        date=date_message("--date", date),
        basis=_basis(basis),
        amount=money(amount, currency, "amount"),
    )
    request = equipment_pb2.RecordAppraisalRequest(
        parent=resource_name("assets", asset), appraisal=appraisal, request_id=uuid.uuid4().hex
    )
    print_line(equipment_pb2_grpc.EquipmentServiceStub(channel).RecordAppraisal(request).name)


def print_reconciled(channel: grpc.Channel, asset: str) -> None:
    """Prints the reconciliation of model and appraisals as JSON."""
    request = equipment_pb2.ReconcileAppraisalsRequest(name=resource_name("assets", asset))
    answer = equipment_pb2_grpc.EquipmentServiceStub(channel).ReconcileAppraisals(request)
    print_message(answer)


def show_records(channel: grpc.Channel, file: Path, layout: Layout) -> None:
    """Shows the accuracy of each appraiser against the sales in a file; raises ValueError for an invalid row."""
    sales = [_sale(file, row) for row in read_file(file, SCHEMAS["realised"]).complete().rows()]
    request = equipment_pb2.BacktestAppraisersRequest(sales=sales)
    answer = equipment_pb2_grpc.EquipmentServiceStub(channel).BacktestAppraisers(request)
    rows = (
        (one.appraiser, one.sale_count, number(one.bias), number(one.error), not one.bias.value, one.flagged)
        for one in answer.records
    )
    show_table(APPRAISERS, ListedRows(rows), layout)
    for name in answer.assets_without_appraisal:
        print_line(f"{name}: no earlier appraisal on the basis of the sale", to_stderr=True)


def _sale(file: Path, row: NumberedRow) -> equipment_pb2.RealisedSale:
    try:
        cells = row.values
        return equipment_pb2.RealisedSale(
            asset=resource_name("assets", cells["asset"]),
            price=money(cells["price"], cells["currency"], "price"),
            date=date_message("date", cells["date"]),
            basis=_basis(cells.get("basis") or "FMV"),
        )
    except ValueError as error:
        raise ValueError(f"{file.name}:{row.line}: {error}") from None


def _basis(text: str) -> equipment_pb2.AppraisalBasis:
    known = [name.removeprefix(PREFIX) for name in equipment_pb2.AppraisalBasis.DESCRIPTOR.values_by_name][1:]
    if text.upper() not in known:
        raise ValueError(f"basis: got {text[:40]!r}, want one of {', '.join(known)}")
    return equipment_pb2.AppraisalBasis.Value(PREFIX + text.upper())
