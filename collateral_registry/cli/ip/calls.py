"""Calls the server for the IP commands."""

from __future__ import annotations

from pathlib import Path

import grpc
import typer
from google.protobuf import json_format
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.common.client import print_error
from collateral_registry.cli.common.formatting import date_message, format_amount, format_date, resource_name
from collateral_registry.v1 import ip_pb2, ip_pb2_grpc

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
    typer.echo(json_format.MessageToJson(answer, preserving_proto_field_name=True))


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
    typer.echo(ip_pb2_grpc.IpServiceStub(channel).RecordRightEvent(request).name)


def print_fees(channel: grpc.Channel, days: int) -> None:
    """Prints one line per fee; IP assets without a fee calendar are listed on standard error."""
    stub, token, without = ip_pb2_grpc.IpServiceStub(channel), "", []
    while True:
        page = stub.ListComingFees(ip_pb2.ListComingFeesRequest(days_ahead=days, page_token=token))
        for fee in page.fees:
            typer.echo(
                f"{format_date(fee.due_date)}  last day {format_date(fee.last_date)}  {format_amount(fee.amount)} "
                f"{fee.amount.currency_code}  {fee.asset}  fee {fee.number}"
            )
        without, token = list(page.assets_without_calendar), page.next_page_token
        if not token:
            break
    for name in without:
        print_error(f"{name}: no fee calendar for its office and kind, or a date the calendar needs is missing")
