"""Prints the stream of breach events."""

from __future__ import annotations

from contextlib import suppress

import grpc
from rich.console import Console
from rich.markup import escape

from collateral_partner.terminal import shown
from collateral_registry.cli.common.formatting import (
    LEVEL_STYLES,
    format_amount,
    format_date,
    format_percent,
    level_name,
    resource_name,
)
from collateral_registry.v1 import breach_pb2, breach_pb2_grpc


def show_events(channel: grpc.Channel, after: int, loan: str) -> None:
    """Prints events until Ctrl-C or until the server ends the stream; resumes a stream whose connection has broken."""
    request = breach_pb2.WatchBreachesRequest(after_sequence=after, loan=resource_name("loans", loan) if loan else "")
    with suppress(KeyboardInterrupt):
        while _show_stream(channel, request):
            pass


def _show_stream(channel: grpc.Channel, request: breach_pb2.WatchBreachesRequest) -> bool:
    """Prints the events of a stream; returns whether it broke and may be resumed after those of the request."""
    console, answered = Console(), False
    try:
        for answer in breach_pb2_grpc.BreachServiceStub(channel).WatchBreaches(request):
            answered = True
            for event in answer.events:
                console.print(event_line(event), highlight=False, soft_wrap=True)
            request.after_sequence = answer.last_sequence
    except grpc.RpcError as error:
        if not answered or error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return True
    return False


def event_line(event: breach_pb2.BreachEvent) -> str:
    """Formats an event as one line."""
    kind = breach_pb2.BreachEventKind.Name(event.kind).removeprefix("BREACH_EVENT_KIND_")
    ltv = (
        "infinite"
        if event.ltv_infinite
        else format_percent(event.ltv.value)
        if event.HasField("ltv")
        else "nothing owed"
    )
    style = LEVEL_STYLES.get(event.level, "green")
    cure = (
        f", cash cure {format_amount(event.cash_cure)} {event.cash_cure.currency_code}" if event.cash_cure.units else ""
    )
    note = f" ({escape(shown(event.note))})" if event.note else ""
    where = event.breach or event.loan
    what = f"[{style}]{kind}[/] {level_name(event.level)} LTV {ltv}{cure}{note}"
    return f"{event.sequence:>6} {format_date(event.market_date)} {where} {what}"
