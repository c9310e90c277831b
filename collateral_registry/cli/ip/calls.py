"""Calls the server for the IP commands."""

from __future__ import annotations

from pathlib import Path

import grpc
from google.protobuf import json_format
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.common.client import print_error, print_line
from collateral_registry.cli.common.formatting import date_message, resource_name, to_decimal
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Kind, ListedRows, Table, day, short_name
from collateral_registry.v1 import ip_pb2, ip_pb2_grpc

FEES = Table(
    "fees",
    (
        Column("asset", Kind.TEXT),
        Column("number", Kind.COUNT, "fee\nno."),
        Column("due_date", Kind.DATE, "due"),
        Column("last_date", Kind.DATE, "last day"),
        Column("amount", Kind.AMOUNT),
        Column("currency", Kind.CODE, "ccy"),
    ),
)

PREFIX = "RIGHT_EVENT_KIND_"


def print_value(channel: grpc.Channel, asset: str, question_file: Path | None) -> None:
    """Prints the valuation of an IP asset as JSON; raises ValueError if the file of questions is invalid."""
    question = ip_pb2.RightQuestion()
    if question_file:
        try:
            json_format.Parse(question_file.read_text(encoding="utf-8"), question)
        except json_format.ParseError as error:
            raise ValueError(f"{question_file.name}: {error}") from None
    request = ip_pb2.ValueRightRequest(name=resource_name("assets", asset), question=question)
    answer = ip_pb2_grpc.IpServiceStub(channel).ValueRight(request)
    print_line(json_format.MessageToJson(answer, preserving_proto_field_name=True))


def record_event(channel: grpc.Channel, asset: str, kind: str, date: str, owned_share: str, note: str) -> None:
    """Records a legal event of an IP asset and prints its name; raises ValueError for an unknown kind."""
    known = [name.removeprefix(PREFIX) for name in ip_pb2.RightEventKind.DESCRIPTOR.values_by_name][1:]
    if kind.upper() not in known:
        raise ValueError(f"kind: got {kind[:40]!r}, want one of {', '.join(known)}")
    event = ip_pb2.RightEvent(
        kind=ip_pb2.RightEventKind.Value(PREFIX + kind.upper()),
        date=date_message("--date", date),
        owned_share=Decimal(value=owned_share) if owned_share else None,
        note=note,
    )
    request = ip_pb2.RecordRightEventRequest(parent=resource_name("assets", asset), right_event=event)
    print_line(ip_pb2_grpc.IpServiceStub(channel).RecordRightEvent(request).name)


def show_fees(channel: grpc.Channel, days: int, layout: Layout) -> None:
    """Shows a table of fees; IP assets without a fee calendar are listed on standard error."""
    stub = ip_pb2_grpc.IpServiceStub(channel)
    answer = fetch_all(stub.ListComingFees, ip_pb2.ListComingFeesRequest(days_ahead=days), "fees")
    rows = (
        (
            short_name(fee.asset),
            fee.number,
            day(fee.due_date),
            day(fee.last_date),
            to_decimal(fee.amount),
            fee.amount.currency_code,
        )
        for fee in answer.fees
    )
    show_table(FEES, ListedRows(rows), layout)
    for name in answer.assets_without_calendar:
        print_error(f"{name}: no fee calendar for its office and kind, or a date the calendar needs is missing")
