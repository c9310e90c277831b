"""Shows the borrowing base of a loan as lines, from the gross amounts of its classes, that sum to its availability."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import grpc
from google.type.money_pb2 import Money

from collateral_registry.cli.common.formatting import (
    enum_label,
    format_amount,
    format_date,
    format_percent,
    level_name,
    resource_name,
    to_decimal,
)
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Kind, ListedRows, Row, Table, label, text
from collateral_registry.v1 import borrowing_base_pb2, borrowing_base_pb2_grpc, common_pb2, loan_pb2, receivable_pb2

STEPS, CLASS_STEPS = borrowing_base_pb2.BaseStep, borrowing_base_pb2.ClassStep

BASE = Table(
    "lines",
    (
        Column("step", Kind.CODE),
        Column("subject", Kind.TEXT),
        Column("rule", Kind.CODE),
        Column("amount", Kind.AMOUNT),
        Column("total", Kind.AMOUNT, "sum so far"),
        Column("currency", Kind.CURRENCY),
    ),
)


def show_base(channel: grpc.Channel, loan: str, as_of: str, layout: Layout) -> None:
    """Shows the base of a loan now or as of a past moment, from its classes to the availability."""
    request = borrowing_base_pb2.GetBorrowingBaseRequest(
        name=resource_name("loans", loan), as_of=as_of_message(as_of) if as_of else None
    )
    found = borrowing_base_pb2_grpc.BorrowingBaseServiceStub(channel).GetBorrowingBase(request)
    show_table(BASE, ListedRows(_rows(found)), layout, _title(found))


def _rows(found: borrowing_base_pb2.BorrowingBase) -> Iterator[Row]:
    total, currency = Decimal(0), found.base.currency_code
    for step, subject, rule, money in _lines(found):
        total += to_decimal(money)
        yield step, subject, rule, to_decimal(money), total, currency
    yield "AVAILABILITY", None, None, to_decimal(found.availability), total, currency


def _lines(found: borrowing_base_pb2.BorrowingBase) -> Iterator[tuple[str, str | None, str | None, Money]]:
    """Yields the lines of the classes in place of what each lends, and then the other lines of the base."""
    for one in found.classes:
        for line in one.lines:
            rule = label(receivable_pb2.EligibilityRule.Name(line.rule), "ELIGIBILITY_RULE_")
            yield CLASS_STEPS.Name(line.step).removeprefix("CLASS_STEP_"), one.asset_class, rule, line.amount
    for last in found.lines:
        if last.step != STEPS.BASE_STEP_CLASS:
            yield STEPS.Name(last.step).removeprefix("BASE_STEP_"), text(last.subject), None, last.amount


def _title(found: borrowing_base_pb2.BorrowingBase) -> str:
    """Returns the figures of the base, one sentence a line."""
    currency = found.base.currency_code
    ltv = "infinite" if found.ltv_infinite else format_percent(found.ltv.value) if found.ltv.value else "none"
    rule = enum_label(loan_pb2.DrawRefusal.Name(found.binding_rule), "DRAW_REFUSAL_").replace("_", " ")
    lines = [
        f"{found.loan} on {format_date(found.market_date)}, recorded by commit {found.sequence}",
        f"base {format_amount(found.base)}, used {format_amount(found.used)} {currency}: LTV {ltv}, "
        f"{level_name(found.level)}",
        f"{format_amount(found.headroom)} {currency} may be drawn; bound by: {rule}",
    ]
    if found.coverage == common_pb2.COVERAGE_UNKNOWN:
        reasons = [enum_label(common_pb2.UnknownReason.Name(one), "UNKNOWN_REASON_") for one in found.unknown_reasons]
        lines.append(f"coverage UNKNOWN: {', '.join(reasons)}; last good base {format_amount(found.last_good_base)}")
    if found.permitted_over_advance.units or found.permitted_over_advance.nanos:
        lines.append(f"permitted over-advance {format_amount(found.permitted_over_advance)} {currency}")
    return "\n".join(lines)
