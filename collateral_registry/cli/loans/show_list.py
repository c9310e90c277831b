"""Shows and lists assets, loans and breaches."""

from __future__ import annotations

import uuid

import grpc
from rich.markup import escape

from collateral_registry.cli.common.formatting import enum_label, format_amount, resource_name
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.loans.report import (
    console_for_reports,
    coverage_cell,
    level_cell,
    ltv_of,
    print_breach_table,
    print_json,
    print_table,
)
from collateral_registry.cli.loans.show import event_line
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    breach_pb2,
    breach_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
)


def show_asset(channel: grpc.Channel, asset: str) -> None:
    """Prints an asset as JSON."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    print_json(stub.GetAsset(asset_pb2.GetAssetRequest(name=resource_name("assets", asset))))


def list_assets(channel: grpc.Channel, filter_: str, limit: int) -> None:
    """Prints a table of assets."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    answer = fetch_all(stub.ListAssets, asset_pb2.ListAssetsRequest(filter=filter_), "assets", limit)
    rows = []
    for asset in answer.assets:
        kind = asset.WhichOneof("detail") or ""
        status = enum_label(asset_pb2.AssetStatus.Name(asset.status), "ASSET_STATUS_")
        cells = (asset.name.removeprefix("assets/"), kind, asset.asset_class, asset.owner, asset.currency_code, status)
        rows.append(map(escape, cells))
    print_table(("asset", "kind", "class", "owner", "currency", "status"), rows)


def show_loan(channel: grpc.Channel, loan: str) -> None:
    """Prints a loan with its cover as JSON."""
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    print_json(stub.GetLoan(loan_pb2.GetLoanRequest(name=resource_name("loans", loan))))


def list_loans(channel: grpc.Channel, filter_: str, limit: int) -> None:
    """Prints a table of loans."""
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    answer = fetch_all(stub.ListLoans, loan_pb2.ListLoansRequest(filter=filter_), "loans", limit)
    rows = (
        (
            loan.name.removeprefix("loans/"),
            escape(loan.borrower),
            enum_label(loan_pb2.LoanState.Name(loan.state), "LOAN_STATE_"),
            f"{format_amount(loan.cover.exposure)} {loan.currency_code}" if loan.HasField("cover") else "",
            ltv_of(loan.cover),
            level_cell(loan.cover.level),
            coverage_cell(loan.cover),
        )
        for loan in answer.loans
    )
    print_table(("loan", "borrower", "state", "exposure", "LTV", "level", "coverage"), rows, right=("exposure", "LTV"))


def show_breach(channel: grpc.Channel, breach: str) -> None:
    """Prints a breach and its history."""
    stub = breach_pb2_grpc.BreachServiceStub(channel)
    _print_breach(stub.GetBreach(breach_pb2.GetBreachRequest(name=_breach_name(breach))))


def acknowledge_breach(channel: grpc.Channel, breach: str, actor: str, note: str) -> None:
    """Acknowledges a breach and prints it."""
    stub = breach_pb2_grpc.BreachServiceStub(channel)
    # gRPC retries repeat this id, so they are applied once; another run of the command has a new id.
    request_id = uuid.uuid4().hex
    request = breach_pb2.AcknowledgeBreachRequest(
        name=_breach_name(breach), actor=actor, note=note, request_id=request_id
    )
    _print_breach(stub.AcknowledgeBreach(request))


def _print_breach(breach: breach_pb2.Breach) -> None:
    print_breach_table([breach])
    for event in breach.history:
        console_for_reports().print(event_line(event), highlight=False, soft_wrap=True)


def _breach_name(text: str) -> str:
    """Returns the resource name of a breach given as {loan}/{number} or in full; raises ValueError otherwise."""
    parts = text.split("/")
    if len(parts) == 2:
        return f"loans/{parts[0]}/breaches/{parts[1]}"
    if len(parts) == 4 and parts[0] == "loans" and parts[2] == "breaches":
        return text
    raise ValueError(f"breach: got {text[:60]!r}, want a loan and a number such as loan-1/1")
