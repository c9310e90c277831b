"""Shows and lists assets and loans, and the rows of events."""

from __future__ import annotations

import grpc

from collateral_registry.cli.common.client import print_message
from collateral_registry.cli.common.formatting import format_date, level_name, resource_name, to_decimal
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    COVERAGE_STYLES,
    LEVEL_STYLES,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    short_name,
    text,
)
from collateral_registry.cli.reports.lists import ltv_cell
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    breach_pb2,
    common_pb2,
    loan_pb2,
    loan_pb2_grpc,
)

ASSETS = Table(
    "assets",
    (
        Column("asset", Kind.TEXT),
        Column("kind", Kind.CODE),
        Column("asset_class", Kind.TEXT, "class", Importance.USUAL),
        Column("owner", Kind.TEXT, importance=Importance.HIGH),
        Column("currency", Kind.CODE, "ccy", importance=Importance.LOW),
        Column("status", Kind.CODE),
        Column("description", Kind.TEXT, importance=Importance.DETAIL),
    ),
)
LOANS = Table(
    "loans",
    (
        Column("loan", Kind.TEXT),
        Column("borrower", Kind.TEXT, importance=Importance.HIGH),
        Column("state", Kind.CODE, importance=Importance.LOW),
        Column("currency", Kind.CODE, "ccy"),
        Column("exposure", Kind.AMOUNT),
        Column("ltv", Kind.SHARE, "LTV"),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("coverage", Kind.CODE, "cover", styles=COVERAGE_STYLES),
        Column("maturity_date", Kind.DATE, "maturity", Importance.USUAL),
    ),
)
EVENTS = Table(
    "events",
    (
        Column("event", Kind.COUNT, "no."),
        Column("date", Kind.DATE),
        Column("kind", Kind.CODE),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("ltv", Kind.SHARE, "LTV"),
        Column("coverage", Kind.CODE, "cover", Importance.USUAL, COVERAGE_STYLES),
        Column("cash_cure", Kind.AMOUNT, "cash\ncure", Importance.HIGH),
        Column("currency", Kind.CODE, "ccy", importance=Importance.HIGH),
        Column("actor", Kind.TEXT, importance=Importance.LOW),
        Column("note", Kind.TEXT, importance=Importance.LOW),
        Column("details", Kind.TEXT, importance=Importance.LOW),
    ),
)


def show_asset(channel: grpc.Channel, asset: str) -> None:
    """Prints an asset as JSON."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    print_message(stub.GetAsset(asset_pb2.GetAssetRequest(name=resource_name("assets", asset))))


def list_assets(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of assets."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    answer = fetch_all(stub.ListAssets, asset_pb2.ListAssetsRequest(filter=filter_), "assets", limit)
    show_table(ASSETS, ListedRows(map(_asset_row, answer.assets)), layout)


def show_loan(channel: grpc.Channel, loan: str) -> None:
    """Prints a loan with its cover as JSON."""
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    print_message(stub.GetLoan(loan_pb2.GetLoanRequest(name=resource_name("loans", loan))))


def list_loans(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of loans."""
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    answer = fetch_all(stub.ListLoans, loan_pb2.ListLoansRequest(filter=filter_), "loans", limit)
    show_table(LOANS, ListedRows(map(_loan_row, answer.loans)), layout)


def _asset_row(asset: asset_pb2.Asset) -> Row:
    return (
        short_name(asset.name),
        (asset.WhichOneof("detail") or "").upper(),
        asset.asset_class,
        text(asset.owner),
        asset.currency_code,
        label(asset_pb2.AssetStatus.Name(asset.status), "ASSET_STATUS_"),
        text(asset.display_name),
    )


def _loan_row(loan: loan_pb2.Loan) -> Row:
    cover = loan.cover if loan.HasField("cover") else None
    return (
        short_name(loan.name),
        loan.borrower,
        label(loan_pb2.LoanState.Name(loan.state), "LOAN_STATE_"),
        loan.currency_code,
        to_decimal(cover.exposure) if cover else None,
        ltv_cell(cover) if cover else None,
        level_name(cover.level) if cover else None,
        label(common_pb2.Coverage.Name(cover.coverage), "COVERAGE_") if cover else None,
        day(loan.maturity_date),
    )


def event_row(event: breach_pb2.BreachEvent) -> Row:
    """Returns the row of an event."""
    return (
        event.sequence,
        day(event.market_date),
        breach_pb2.BreachEventKind.Name(event.kind).removeprefix("BREACH_EVENT_KIND_"),
        level_name(event.level),
        ltv_cell(event),
        label(common_pb2.Coverage.Name(event.coverage), "COVERAGE_"),
        to_decimal(event.cash_cure) if event.cash_cure.units or event.cash_cure.nanos else None,
        text(event.cash_cure.currency_code),
        text(event.actor),
        text(event.note),
        text(_details(event)),
    )


def _details(event: breach_pb2.BreachEvent) -> str:
    """Returns what the step of an event states beside its note: the terms of a waiver or the end of a dispute."""
    if event.waiver_reason:
        reason = label(breach_pb2.WaiverReason.Name(event.waiver_reason), "WAIVER_REASON_")
        return f"{reason} until {format_date(event.waiver_expire_date)}"
    return label(breach_pb2.DisputeOutcome.Name(event.dispute_outcome), "DISPUTE_OUTCOME_") or ""
