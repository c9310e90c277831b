"""Calls the server for the commands of pools."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote

import grpc
from google.type.money_pb2 import Money

from collateral_registry.cli.common.client import print_message
from collateral_registry.cli.common.formatting import format_date, resource_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Row, Table, day, label
from collateral_registry.v1 import receivable_pb2 as pb, receivable_pb2_grpc

RULE, VERDICT, STATE = "ELIGIBILITY_RULE_", "RULE_VERDICT_", "INVOICE_STATE_"

WATERFALL = Table(
    "pool_lines",
    (
        Column("line", Kind.TEXT),
        Column("change", Kind.AMOUNT),
        Column("amount", Kind.AMOUNT),
        Column("currency", Kind.CURRENCY),
        Column("invoices", Kind.COUNT, importance=Importance.HIGH),
        Column("debtors", Kind.COUNT, importance=Importance.USUAL),
    ),
)
INVOICES = Table(
    "invoices",
    (
        Column("debtor", Kind.TEXT),
        Column("invoice", Kind.TEXT),
        Column("state", Kind.CODE, importance=Importance.USUAL),
        Column("issued", Kind.DATE, importance=Importance.LOW),
        Column("due", Kind.DATE, importance=Importance.HIGH),
        Column("open", Kind.AMOUNT),
        Column("eligible", Kind.AMOUNT),
        Column("lendable", Kind.AMOUNT, importance=Importance.HIGH),
        Column("excluded_by", Kind.CODE, "excluded by"),
        Column("unknown_by", Kind.CODE, "unknown by", Importance.USUAL),
    ),
)
STEPS = Table(
    "invoice_steps",
    (
        Column("rule", Kind.TEXT),
        Column("verdict", Kind.CODE, styles={"EXCLUDED": "bold red", "UNKNOWN": "bold yellow", "CUT": "red"}),
        Column("change", Kind.AMOUNT),
        Column("left", Kind.AMOUNT),
        Column("english", Kind.TEXT, "sentence", Importance.HIGH),
        Column("chinese", Kind.TEXT, "规则", Importance.USUAL),
    ),
)


def show_pool(channel: grpc.Channel, pool: str, as_of: str, layout: Layout) -> None:
    """Shows a statement as lines, each with the change from the line before and the amount that is left."""
    stub = receivable_pb2_grpc.ReceivableServiceStub(channel)
    request = pb.GetPoolStatementRequest(name=resource_name("assets", pool), as_of=as_of_message(as_of))
    found = stub.GetPoolStatement(request)
    title = f"{found.asset} on {format_date(found.market_date)}, commit {found.sequence}, entry {found.entry_number}"
    by = f"estimate of {format_date(found.estimate.date)}" if found.HasField("estimate") else "no estimate"
    show_table(WATERFALL, ListedRows([*waterfall(found)]), layout, f"{title}, {by}")


def show_estimate(channel: grpc.Channel, pool: str, as_of: str) -> None:
    """Prints the estimate by which a pool was valued as JSON; raises ValueError if it had none."""
    stub = receivable_pb2_grpc.ReceivableServiceStub(channel)
    request = pb.GetPoolStatementRequest(name=resource_name("assets", pool), as_of=as_of_message(as_of))
    found = stub.GetPoolStatement(request)
    if not found.HasField("estimate"):
        raise ValueError(f"{found.asset}: got no estimate, want a ledger with 6 months of sales or 30 paid invoices")
    print_message(found.estimate)


def _estimate(found: pb.InvoiceExplanation) -> str:
    """Returns what the dilution and the days until payment rest on."""
    one = found.estimate
    if not found.HasField("estimate"):
        return "dilution and days until payment by the policy"
    by = {
        "dilution": f"{one.dilution.value} in {one.month_count} months" if one.HasField("dilution") else "",
        "days late": f"{one.days_late.value} of {one.paid_invoice_count} invoices" if one.HasField("days_late") else "",
    }
    stated = ", ".join(f"{name} {value or 'by the policy'}" for name, value in by.items())
    return f"estimated on {format_date(one.date)}: {stated}"


def waterfall(found: pb.PoolStatement) -> Iterator[Row]:
    """Yields the lines of a statement, from the face amount to what the pool lends."""
    left, currency = to_decimal(found.face_amount), found.face_amount.currency_code

    def line(name: str, after: Decimal, invoices: int | None = None, debtors: int | None = None) -> Row:
        nonlocal left
        change, left = after - left, after
        return name, change, after, currency, invoices, debtors

    yield "face", None, left, currency, None, None
    yield line("settled", left - to_decimal(found.settled_amount))
    for one in found.exclusions:
        yield line(_rule(one.rule), left - to_decimal(one.amount), one.invoice_count, one.debtor_count)
    for one in found.unknown_amounts:
        name = f"unknown: {_rule(one.rule)}"
        yield line(name, left - to_decimal(one.amount), one.invoice_count, one.debtor_count)
    yield "eligible", None, to_decimal(found.eligible_amount), currency, None, None
    yield line("loss, dilution and discount", to_decimal(found.recoverable_amount))
    yield line("haircut and advance", to_decimal(found.lendable_amount))
    yield "lendable", None, to_decimal(found.lendable_amount), currency, None, None
    if reserved := to_decimal(found.dilution_reserve_amount):
        yield "reserved for dilution", None, reserved, currency, None, None
    yield "last good lendable", None, to_decimal(found.last_good_lendable_amount), currency, None, None


def list_invoices(channel: grpc.Channel, pool: str, as_of: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of invoices."""
    stub = receivable_pb2_grpc.ReceivableServiceStub(channel)
    parent = resource_name("assets", pool)
    request = pb.ListInvoicesRequest(parent=parent, filter=filter_, as_of=as_of_message(as_of))
    answer = fetch_all(stub.ListInvoices, request, "invoices", limit)
    show_table(INVOICES, ListedRows(map(invoice_row, answer.invoices)), layout)


def invoice_row(one: pb.Invoice) -> Row:
    """Returns an invoice as a row of INVOICES."""
    return (
        one.debtor,
        one.invoice_number,
        label(pb.InvoiceState.Name(one.state), STATE),
        day(one.issue_date),
        day(one.due_date),
        to_decimal(one.open_amount),
        to_decimal(one.eligible_amount),
        to_decimal(one.lendable_amount),
        _rule(one.excluded_by),
        _rule(one.unknown_by),
    )


def explain_invoice(channel: grpc.Channel, pool: str, debtor: str, invoice: str, as_of: str, layout: Layout) -> None:
    """Shows every rule with what it takes of an invoice, and then what the invoice lends."""
    stub = receivable_pb2_grpc.ReceivableServiceStub(channel)
    name = f"{resource_name('assets', pool)}/debtors/{quote(debtor, safe='')}/invoices/{quote(invoice, safe='')}"
    found = stub.ExplainInvoice(pb.ExplainInvoiceRequest(name=name, as_of=as_of_message(as_of)))
    title = f"{found.invoice.invoice_number} of {found.invoice.debtor}, commit {found.sequence}"
    show_table(STEPS, ListedRows([*_steps(found)]), layout, title)


def _steps(found: pb.InvoiceExplanation) -> Iterator[Row]:
    invoice = found.invoice
    yield "open", None, None, to_decimal(invoice.open_amount), None, None
    for one in found.steps:
        verdict = label(pb.RuleVerdict.Name(one.verdict), VERDICT)
        yield (
            _rule(one.rule),
            verdict,
            _taken(one.taken_amount),
            to_decimal(one.left_amount),
            one.sentence_en,
            one.sentence_zh,
        )
    expected = (
        f"paid in {found.expected_days} days; dilution {found.dilution.value}, PD {found.default_probability.value}, "
        f"LGD {found.loss_given_default.value}, rate {found.discount_rate.value}; {_estimate(found)}"
    )
    parts = (
        f"value {found.value_haircut.value}, liquidity {found.liquidity_haircut.value}, "
        f"cost {found.cost_haircut.value}, "
        f"legal {found.legal_haircut.value}; at most {found.advance_rate.value} of the eligible amount"
    )
    yield "recoverable", None, None, to_decimal(invoice.recoverable_amount), expected, None
    yield "lendable", None, None, to_decimal(invoice.lendable_amount), parts, None


def _taken(amount: Money) -> Decimal | None:
    taken = to_decimal(amount)
    return -taken if taken else None


def _rule(rule: int) -> str | None:
    return label(pb.EligibilityRule.Name(rule), RULE)
