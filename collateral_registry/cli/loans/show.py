"""Prints the stream of breach events."""

from __future__ import annotations

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
    """Prints events until Ctrl-C or until the server ends the stream."""
    request = breach_pb2.WatchBreachesRequest(after_sequence=after, loan=resource_name("loans", loan) if loan else "")
    console = Console()
    try:
        for answer in breach_pb2_grpc.BreachServiceStub(channel).WatchBreaches(request):
            for event in answer.events:
                console.print(event_line(event), highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        return


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
