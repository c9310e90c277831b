"""Prints a valuation with its steps, and the stream of breach events."""

from __future__ import annotations

import grpc
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from collateral_registry.cli.common.formatting import (
    LEVEL_STYLES,
    enum_label,
    format_amount,
    format_date,
    format_percent,
    level_name,
    resource_name,
)
from collateral_registry.v1 import breach_pb2, breach_pb2_grpc, common_pb2, valuation_pb2, valuation_pb2_grpc

WIDTH_OF_STEPS = 100


def show_value(channel: grpc.Channel, asset: str, currency: str) -> None:
    """Prints the steps of a valuation from market value to lendable value."""
    request = valuation_pb2.ValueAssetsRequest(names=[resource_name("assets", asset)], currency_code=currency)
    valuation = valuation_pb2_grpc.ValuationServiceStub(channel).ValueAssets(request).valuations[0]
    console = Console(width=WIDTH_OF_STEPS)
    state = enum_label(valuation_pb2.ValuationState.Name(valuation.state), "VALUATION_STATE_").upper()
    console.print(
        f"{valuation.asset} on {format_date(valuation.market_date)}: {state}, {valuation.model}, {valuation.policy}"
    )
    reasons = [common_pb2.UnknownReason.Name(one) for one in valuation.unknown_reasons]
    reasons += [common_pb2.ZeroReason.Name(one) for one in valuation.zero_reasons]
    if reasons:
        console.print("because " + ", ".join(reason.split("REASON_")[1] for reason in reasons))
    if valuation.HasField("market_value"):
        console.print(valuation_steps(valuation))
    if valuation.HasField("book_value"):
        book = valuation.book_value
        console.print(f"book value {format_amount(book)} {book.currency_code} in the owner's accounts", highlight=False)
    if valuation.HasField("last_good_lendable_value"):
        last = valuation.last_good_lendable_value
        console.print(f"last good lendable value {format_amount(last)} {last.currency_code}")
    for given in valuation.inputs:
        console.print(
            f"  {given.input} {given.value.value} {given.unit} {format_date(given.date)} {given.source}",
            highlight=False,
        )
    for leg in valuation.fx_path:
        quoted = f"1 / {leg.rate.value}" if leg.inverse else leg.rate.value
        console.print(f"  exchange rate {quoted} {format_date(leg.date)} {leg.price_series}", highlight=False)
    flags = [enum_label(common_pb2.QualityFlag.Name(flag), "QUALITY_FLAG_") for flag in valuation.quality_flags]
    if flags:
        console.print("flags: " + ", ".join(flags))


def valuation_steps(valuation: valuation_pb2.Valuation) -> Table:
    """Returns the steps from market value to lendable value as a table."""
    code = valuation.market_value.currency_code
    table = Table(show_header=False)
    table.add_row("market value", f"{format_amount(valuation.market_value)} {code}")
    if common_pb2.QUALITY_FLAG_PRICE_ADJUSTED in valuation.quality_flags:
        table.add_row("x price adjustment after a rise", format_percent(valuation.price_adjustment.value))
        table.add_row("= adjusted value", f"{format_amount(valuation.adjusted_value)} {code}")
    for step in valuation.haircut_steps:
        name = enum_label(valuation_pb2.HaircutPart.Name(step.part), "HAIRCUT_PART_")
        stand_in = " (stand-in of the policy)" if step.stand_in else ""
        horizon = f" over {valuation.horizon_days} business days" if name == "market" else ""
        table.add_row(f"- {name} haircut{horizon}{stand_in}", format_percent(step.haircut.value))
    table.add_row("= haircut", format_percent(valuation.haircut.value))
    table.add_row(
        "floor, cap", f"{format_percent(valuation.haircut_floor.value)}, {format_percent(valuation.cap.value)}"
    )
    table.add_row("lendable value", f"{format_amount(valuation.lendable_value)} {code}")
    return table


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
    note = f" ({escape(event.note)})" if event.note else ""
    where = event.breach or event.loan
    what = f"[{style}]{kind}[/] {level_name(event.level)} LTV {ltv}{cure}{note}"
    return f"{event.sequence:>6} {format_date(event.market_date)} {where} {what}"
