"""Calls the server for the equipment commands that record and compare appraisals by people."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc
import typer
from google.protobuf import json_format

from collateral_registry.cli.common.file_schemas import SCHEMAS
from collateral_registry.cli.common.formatting import date_message, resource_name
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import equipment_pb2, equipment_pb2_grpc
from valuation.tables.reader import NumberedRow, read_file

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
    typer.echo(equipment_pb2_grpc.EquipmentServiceStub(channel).RecordAppraisal(request).name)


def print_reconciled(channel: grpc.Channel, asset: str) -> None:
    """Prints the reconciliation of model and appraisals as JSON."""
    request = equipment_pb2.ReconcileAppraisalsRequest(name=resource_name("assets", asset))
    answer = equipment_pb2_grpc.EquipmentServiceStub(channel).ReconcileAppraisals(request)
    typer.echo(json_format.MessageToJson(answer, preserving_proto_field_name=True))


def print_records(channel: grpc.Channel, file: Path) -> None:
    """Prints the accuracy of each appraiser against the sales in a file; raises ValueError for an invalid row."""
    sales = [_sale(file, row) for row in read_file(file, SCHEMAS["realised"]).complete().rows()]
    request = equipment_pb2.BacktestAppraisersRequest(sales=sales)
    answer = equipment_pb2_grpc.EquipmentServiceStub(channel).BacktestAppraisers(request)
    typer.echo(f"{'appraiser':32} {'sales':>6} {'bias':>8} {'error':>8}")
    for record in answer.records:
        figures = (f"{float(one.value):+8.4f}" if one.value else " too few" for one in (record.bias, record.error))
        flag = "  flagged" if record.flagged else ""
        typer.echo(f"{record.appraiser[:32]:32} {record.sale_count:6} {' '.join(figures)}{flag}")
    for name in answer.assets_without_appraisal:
        typer.echo(f"{name}: no earlier appraisal on the basis of the sale", err=True)


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
