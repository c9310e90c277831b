"""Calls the server for the commands on pledges and pools of assets."""

from __future__ import annotations

import grpc

from collateral_registry.cli.common.formatting import format_amount, names_of_unknown_reasons, resource_name, to_decimal
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
from collateral_registry.v1 import loan_pb2, loan_pb2_grpc, valuation_pb2, valuation_pb2_grpc

PLEDGES = Table(
    "pledges",
    (
        Column("loan", Kind.TEXT),
        Column("pledge", Kind.TEXT),
        Column("asset", Kind.TEXT),
        Column("rank", Kind.COUNT),
        Column("share", Kind.SHARE, importance=Importance.USUAL),
        Column("limit", Kind.AMOUNT, importance=Importance.LOW),
        Column("market_claim", Kind.AMOUNT, "market\nclaim", Importance.LOW),
        Column("lendable_claim", Kind.AMOUNT, "lendable\nclaim"),
        Column("currency", Kind.CODE, "ccy"),
        Column("state", Kind.CODE, importance=Importance.HIGH),
        Column("mode", Kind.CODE, importance=Importance.DETAIL),
        Column("registration_number", Kind.TEXT, "registration", Importance.DETAIL),
        Column("registration_expire_date", Kind.DATE, "registered\nuntil", Importance.DETAIL),
    ),
)
POOL = Table(
    "assets",
    (
        Column("asset", Kind.TEXT),
        Column("market_value", Kind.AMOUNT, "market\nvalue", Importance.USUAL),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue", Importance.HIGH),
        Column("rank", Kind.COUNT, importance=Importance.USUAL),
        Column("lendable_claim", Kind.AMOUNT, "counts"),
        Column("currency", Kind.CODE, "ccy"),
        Column("unknown_reasons", Kind.LABELS, "unknown\nbecause", Importance.HIGH),
        Column("reason", Kind.TEXT, "counts less because", Importance.LOW),
    ),
)


def list_pledges(channel: grpc.Channel, loan: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of pledges."""
    request = loan_pb2.ListPledgesRequest(parent=resource_name("loans", loan) if loan else "loans/-", filter=filter_)
    answer = fetch_all(loan_pb2_grpc.LoanServiceStub(channel).ListPledges, request, "pledges", limit)
    show_table(PLEDGES, ListedRows(map(_pledge_row, answer.pledges)), layout)


def quote_pool(channel: grpc.Channel, assets: list[str], currency: str, layout: Layout) -> None:
    """Shows what may be lent on assets together, and what each of them counts."""
    members = [valuation_pb2.PooledAsset(name=resource_name("assets", asset)) for asset in assets]
    request = valuation_pb2.QuotePoolRequest(assets=members, currency_code=currency)
    quote = valuation_pb2_grpc.ValuationServiceStub(channel).QuotePool(request)
    title = f"at most {format_amount(quote.largest_principal)} {currency} on these assets together"
    if quote.headroom != quote.largest_principal:
        refusal = loan_pb2.DrawRefusal.Name(quote.reason_code).removeprefix("DRAW_REFUSAL_")
        title += f"; {format_amount(quote.headroom)} {currency} may be drawn ({refusal})"
    show_table(POOL, ListedRows([_pool_row(one, currency) for one in quote.assets]), layout, title)


def _pledge_row(pledge: loan_pb2.Pledge) -> Row:
    loan, _, pledge_id = pledge.name.removeprefix("loans/").partition("/pledges/")
    is_active = pledge.HasField("lendable_claim")
    return (
        loan,
        pledge_id,
        short_name(pledge.asset),
        pledge.rank,
        share(pledge.share),
        to_decimal(pledge.limit) if pledge.HasField("limit") else None,
        to_decimal(pledge.market_claim) if is_active else None,
        to_decimal(pledge.lendable_claim) if is_active else None,
        pledge.lendable_claim.currency_code or pledge.limit.currency_code or None,
        label(loan_pb2.PledgeState.Name(pledge.state), "PLEDGE_STATE_"),
        label(loan_pb2.PledgeMode.Name(pledge.mode), "PLEDGE_MODE_"),
        text(pledge.registration_number),
        day(pledge.registration_expire_date),
    )


def _pool_row(pooled: valuation_pb2.PooledAssetQuote, currency: str) -> Row:
    valuation = pooled.valuation
    is_known = valuation.HasField("lendable_value")
    reasons = names_of_unknown_reasons(valuation.unknown_reasons)
    return (
        short_name(valuation.asset),
        to_decimal(valuation.market_value) if is_known else None,
        to_decimal(valuation.lendable_value) if is_known else None,
        pooled.rank or None,
        to_decimal(pooled.lendable_claim),
        currency,
        reasons,
        text(pooled.reason),
    )
