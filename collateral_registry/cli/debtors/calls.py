"""Calls the server for the commands of debtors."""

from __future__ import annotations

import uuid

import grpc

from collateral_registry.cli.common.client import print_line, print_message
from collateral_registry.cli.common.formatting import format_date, names_of_unknown_reasons, resource_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
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
    day,
    label,
    share,
    short_name,
    text,
)
from collateral_registry.v1 import debtor_pb2 as pb, debtor_pb2_grpc

DEBTORS = Table(
    "debtors",
    (
        Column("debtor", Kind.TEXT),
        Column("name", Kind.TEXT, importance=Importance.HIGH),
        Column("country", Kind.CODE, importance=Importance.USUAL),
        Column("kind", Kind.CODE, importance=Importance.USUAL),
        Column("state", Kind.CODE, styles={"INSOLVENT": "bold red", "BLOCKED": "bold red"}),
        Column("core_firm", Kind.FLAG, importance=Importance.LOW),
        Column("parent", Kind.TEXT, importance=Importance.LOW),
        Column("line", Kind.AMOUNT, importance=Importance.HIGH),
        Column("line_currency", Kind.CODE, "ccy", Importance.HIGH),
        Column("line_expire_date", Kind.DATE, "line\nexpires", Importance.LOW),
        Column("default_probability", Kind.SHARE, "PD", Importance.USUAL),
        Column("merged_into", Kind.TEXT, importance=Importance.DETAIL),
    ),
)

EXPOSURE = Table(
    "debtor_exposure",
    (
        Column("pool", Kind.TEXT),
        Column("owner", Kind.TEXT, importance=Importance.LOW),
        Column("invoices", Kind.COUNT, importance=Importance.LOW),
        Column("open", Kind.AMOUNT),
        Column("late", Kind.AMOUNT, importance=Importance.USUAL),
        Column("unknown", Kind.AMOUNT, importance=Importance.LOW),
        Column("eligible", Kind.AMOUNT),
        Column("lendable", Kind.AMOUNT, importance=Importance.HIGH),
        Column("claimed", Kind.AMOUNT, "of the\nline", Importance.LOW),
        Column("currency", Kind.CODE, "ccy"),
        Column("unknown_reasons", Kind.LABELS, "unknown\nbecause", Importance.USUAL),
    ),
)


def list_debtors(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of debtors."""
    stub = debtor_pb2_grpc.DebtorServiceStub(channel)
    answer = fetch_all(stub.ListDebtors, pb.ListDebtorsRequest(filter=filter_), "debtors", limit)
    show_table(DEBTORS, ListedRows(map(_row, answer.debtors)), layout)


def show_debtor(channel: grpc.Channel, debtor: str) -> None:
    """Prints a debtor as JSON."""
    stub = debtor_pb2_grpc.DebtorServiceStub(channel)
    print_message(stub.GetDebtor(pb.GetDebtorRequest(name=resource_name("debtors", debtor))))


def show_exposure(channel: grpc.Channel, debtor: str, as_of: str, layout: Layout) -> None:
    """Shows a row for each pool, a row for each currency, and the line with what it leaves."""
    request = pb.GetDebtorExposureRequest(name=resource_name("debtors", debtor), as_of=as_of_message(as_of))
    found = debtor_pb2_grpc.DebtorServiceStub(channel).GetDebtorExposure(request)
    title = f"{found.debtor} on {format_date(found.market_date)}"
    if found.HasField("line"):
        line, left = to_decimal(found.line.amount), to_decimal(found.headroom)
        title += f", line {line:,f}, left {left:,f} {found.line.amount.currency_code}"
    rows = [*map(_pool_row, found.pools), *(_total_row(one) for one in found.totals)]
    show_table(EXPOSURE, ListedRows(rows), layout, title)


def _pool_row(one: pb.PoolExposure) -> Row:
    return (
        short_name(one.asset),
        one.owner,
        one.invoice_count,
        to_decimal(one.open_amount),
        to_decimal(one.late_amount),
        to_decimal(one.unknown_amount),
        to_decimal(one.eligible_amount),
        to_decimal(one.lendable_amount),
        to_decimal(one.claimed_amount) if one.HasField("claimed_amount") else None,
        one.open_amount.currency_code,
        names_of_unknown_reasons(one.unknown_reasons),
    )


def _total_row(one: pb.ExposureTotal) -> Row:
    sums = (to_decimal(one.open_amount), to_decimal(one.late_amount), None)
    rest = (to_decimal(one.eligible_amount), to_decimal(one.lendable_amount), None)
    return "total", f"{one.pool_count} pools", None, *sums, *rest, one.open_amount.currency_code, []


def merge_debtors(channel: grpc.Channel, duplicate: str, into: str, actor: str, note: str) -> None:
    """Merges a duplicate into another debtor."""
    request = pb.MergeDebtorsRequest(
        name=resource_name("debtors", duplicate),
        into=resource_name("debtors", into),
        actor=actor,
        note=note,
        request_id=uuid.uuid4().hex,
    )
    merged = debtor_pb2_grpc.DebtorServiceStub(channel).MergeDebtors(request)
    print_line(f"{merged.name} is merged into {merged.merged_into}")


def undo_merge(channel: grpc.Channel, duplicate: str, actor: str, note: str) -> None:
    """Undoes the merge of a duplicate."""
    name = resource_name("debtors", duplicate)
    request = pb.UndoDebtorMergeRequest(name=name, actor=actor, note=note, request_id=uuid.uuid4().hex)
    restored = debtor_pb2_grpc.DebtorServiceStub(channel).UndoDebtorMerge(request)
    print_line(f"{restored.name} is a debtor of its own again")


def _row(debtor: pb.Debtor) -> Row:
    line = debtor.line
    return (
        short_name(debtor.name),
        debtor.display_name,
        text(debtor.country_code),
        label(pb.DebtorKind.Name(debtor.kind), "DEBTOR_KIND_"),
        label(pb.DebtorState.Name(debtor.state), "DEBTOR_STATE_"),
        debtor.core_firm,
        short_name(debtor.parent),
        to_decimal(line.amount) if debtor.HasField("line") else None,
        text(line.amount.currency_code),
        day(line.expire_date),
        share(debtor.default_probability.ratio),
        short_name(debtor.merged_into),
    )
