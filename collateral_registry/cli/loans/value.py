"""Shows a valuation as the lines from which a person can recompute it: inputs first, then the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_FLOOR, Decimal
from typing import cast

import grpc
from google.type.money_pb2 import Money

from collateral_registry.cli.common.formatting import enum_label, format_date, resource_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Row, Table, day, number, text
from collateral_registry.v1 import common_pb2, report_pb2, valuation_pb2, valuation_pb2_grpc

PAGE_ROWS = 1_000
CENT = Decimal("0.01")

LINES = Table(
    "lines",
    (
        Column("line", Kind.TEXT),
        Column("value", Kind.FACTOR),
        Column("unit", Kind.CODE),
        Column("amount", Kind.AMOUNT),
        Column("currency", Kind.CURRENCY),
        Column("date", Kind.DATE, importance=Importance.HIGH),
        Column("label", Kind.TEXT, "", Importance.USUAL),
        Column("source", Kind.TEXT, importance=Importance.LOW),
    ),
)


def show_value(channel: grpc.Channel, asset: str, currency: str, as_of: str, layout: Layout) -> None:
    """Shows the inputs and the steps of a valuation, as of now or of a past moment."""
    stub = valuation_pb2_grpc.ValuationServiceStub(channel)
    name = resource_name("assets", asset)
    if as_of:
        valuation = _recorded(stub, name, currency, as_of)
    else:
        request = valuation_pb2.ValueAssetsRequest(names=[name], currency_code=currency)
        valuation = stub.ValueAssets(request).valuations[0]
    show_table(LINES, ListedRows([*_inputs(valuation), *_steps(valuation)]), layout, _title(valuation))


def _recorded(
    stub: valuation_pb2_grpc.ValuationServiceStub, name: str, currency: str, as_of: str
) -> valuation_pb2.Valuation:
    """Returns the newest valuation recorded by a moment; raises ValueError if there is none."""
    moment = as_of_message(as_of)
    request = valuation_pb2.ListValuationsRequest(parent=name, page_size=PAGE_ROWS)
    while True:
        page = stub.ListValuations(request)
        for one in page.valuations:
            in_currency = not currency or one.name.endswith(f"-{currency.lower()}")
            if in_currency and _is_known_by(one, moment):
                return cast("valuation_pb2.Valuation", one)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            wanted = f"a moment with a recorded valuation of {name}{f' in {currency}' if currency else ''}"
            raise ValueError(f"--as-of: got {as_of}, want {wanted}")


def _is_known_by(valuation: valuation_pb2.Valuation, moment: report_pb2.AsOf) -> bool:
    match moment.WhichOneof("moment"):
        case "sequence":
            return valuation.sequence <= moment.sequence
        case "known_time":
            return valuation.create_time.ToNanoseconds() <= moment.known_time.ToNanoseconds()
        case _:
            return format_date(valuation.market_date) <= format_date(moment.market_date)


def _title(valuation: valuation_pb2.Valuation) -> str:
    """Returns the state of the value with its reasons, its models and its flags, one fact a line."""
    state = enum_label(valuation_pb2.ValuationState.Name(valuation.state), "VALUATION_STATE_").upper()
    reasons = [common_pb2.UnknownReason.Name(one) for one in valuation.unknown_reasons]
    reasons += [common_pb2.ZeroReason.Name(one) for one in valuation.zero_reasons]
    because = f" because {', '.join(one.split('REASON_')[1] for one in reasons)}" if reasons else ""
    recorded = f", recorded by commit {valuation.sequence}" if valuation.sequence else ""
    lines = [
        f"{valuation.asset} on {format_date(valuation.market_date)}{recorded}: {state}{because}",
        f"model {valuation.model or 'none'}, {valuation.policy}",
    ]
    if valuation.haircut_model:
        lines.append(f"market haircut by {valuation.haircut_model} over {valuation.horizon_days} business days")
    flags = [enum_label(common_pb2.QualityFlag.Name(flag), "QUALITY_FLAG_") for flag in valuation.quality_flags]
    return "\n".join([*lines, *([f"flags: {', '.join(flags)}"] if flags else [])])


def _inputs(valuation: valuation_pb2.Valuation) -> Iterator[Row]:
    for one in valuation.inputs:
        name, unit = one.input.replace("_", " "), text(one.unit)
        yield (name, number(one.value), unit, None, None, day(one.date), text(one.label), text(one.source))
    for leg in valuation.fx_path:
        unit = f"{leg.quote_currency_code}/{leg.base_currency_code}"
        label = "one divided by it is used" if leg.inverse else None
        yield ("quoted rate", number(leg.rate), unit, None, None, day(leg.date), label, leg.price_series)


def _steps(valuation: valuation_pb2.Valuation) -> Iterator[Row]:
    """Yields the steps from market value to lendable value with the amount that each leaves."""
    if not valuation.HasField("market_value"):
        yield from _last_good(valuation)
        return
    code = valuation.market_value.currency_code
    share = _share_line(code)
    left = to_decimal(valuation.adjusted_value)
    yield _money_line("market value", valuation.market_value)
    yield share("x price adjustment", valuation.price_adjustment.value, left)
    for step in valuation.haircut_steps:
        name = enum_label(valuation_pb2.HaircutPart.Name(step.part), "HAIRCUT_PART_")
        left *= 1 - Decimal(step.haircut.value)
        yield share(f"- {name} haircut", step.haircut.value, left, "stand-in of the policy" if step.stand_in else None)
    yield share("haircut floor", valuation.haircut_floor.value, None)
    yield share("= haircut", valuation.haircut.value, None, "at least the floor")
    yield share("cap", valuation.cap.value, None, "the most that counts of the adjusted value")
    yield _money_line("lendable value", valuation.lendable_value)
    bases = valuation.equipment_bases
    for field in bases.DESCRIPTOR.fields if valuation.HasField("equipment_bases") else ():
        if bases.HasField(field.name):
            yield _money_line(field.name.replace("_", " "), getattr(bases, field.name))
    if valuation.HasField("book_value"):
        yield _money_line("book value", valuation.book_value)


def _last_good(valuation: valuation_pb2.Valuation) -> Iterator[Row]:
    for name in ("market", "adjusted", "lendable"):
        money = getattr(valuation, f"last_good_{name}_value")
        if money.currency_code:
            yield (*_money_line(f"last good {name} value", money)[:5], day(valuation.last_good_date), None, None)
    if valuation.HasField("book_value"):
        yield _money_line("book value", valuation.book_value)


def _money_line(name: str, money: Money) -> Row:
    return (name, None, None, to_decimal(money), money.currency_code, None, None, None)


def _share_line(currency: str) -> Callable[..., Row]:
    """Returns the function that makes the line of a share and of the amount in a currency that it leaves."""

    def line(name: str, value: str, left: Decimal | None, label: str | None = None) -> Row:
        amount = None if left is None else left.quantize(CENT, ROUND_FLOOR)
        return (
            name,
            Decimal(value) if value else None,
            None,
            amount,
            currency if amount is not None else None,
            None,
            label,
            None,
        )

    return line
