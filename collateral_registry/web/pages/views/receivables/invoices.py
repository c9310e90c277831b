"""The invoices of a pool that an address selects, with what counts of each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from collateral_registry.v1 import asset_pb2, receivable_pb2 as pb
from collateral_registry.web.pages.numbers import exact, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import conjunction, prefix
from collateral_registry.web.pages.views.receivables.ledger import (
    OPEN_ONLY,
    RULES,
    asset_of,
    days_between,
    fetch_statement,
    fetch_valuation,
    invoice_address,
    moment_of,
)
from collateral_registry.web.pages.visit import ROWS, Page, Visit

COUNTS = ("eligible", "excluded", "unknown")


@dataclass(frozen=True)
class Row:
    """An invoice with its address, its days after the due day, and the words of its bucket with the part taken."""

    invoice: pb.Invoice
    address: str
    days_late: int | None
    buckets: list[tuple[str, str]]
    is_unknown: bool


async def invoices(visit: Visit) -> Page:
    """Returns the page of invoices that the address selects."""
    name, services, call = asset_of(visit), visit.book.services, visit.book.call
    asset, statement = await asyncio.gather(
        call(services.assets.GetAsset, asset_pb2.GetAssetRequest(name=name)), fetch_statement(visit, name)
    )
    request = pb.ListInvoicesRequest(
        parent=name,
        filter=selection_of(visit, asset.currency_code),
        page_size=ROWS,
        page_token=visit.query.get("page_token", ""),
        as_of=visit.as_of,
    )
    listed, valuation = await asyncio.gather(
        call(services.receivables.ListInvoices, request), fetch_valuation(visit, statement)
    )
    values = {
        "asset": asset,
        "rows": [_row(visit, name, one, statement) for one in listed.invoices],
        "sums": listed.sums,
        "valuation": valuation,
        "rules": RULES,
        "counts": COUNTS,
        "next": listed.next_page_token,
    }
    return Page("invoices.html", "assets", values, moment_of(visit, statement))


def selection_of(visit: Visit, currency: str) -> str:
    """Returns the filter of an address: of a rule, the invoices that a statement counts for it."""
    query = visit.query
    rule = query.get("rule", "") if query.get("rule", "") in RULES else ""
    counts = query.get("counts", "")
    tests = {
        "eligible": f'eligible_amount > "0 {currency}"',
        "excluded": f"rule = {rule}" if rule else "rule:*",
        "unknown": f"unknown_by = {rule}" if rule else "unknown_by:*",
    }
    taken = f"rule = {rule}" if rule and counts not in {"excluded", "unknown"} else ""
    return conjunction(
        prefix("debtor", query.get("debtor", "").strip()),
        prefix("invoice_number", query.get("q", "").strip()),
        tests.get(counts, ""),
        taken,
        "" if query.get("state") == "all" else OPEN_ONLY,
        query.get("filter", ""),
    )


def _row(visit: Visit, asset: str, one: pb.Invoice, statement: pb.PoolStatement) -> Row:
    is_open = bool(value_of(one.open_amount))
    late = days_between(one.due_date, statement.market_date) if is_open else None
    address = invoice_address(visit, asset, one.debtor, one.invoice_number)
    return Row(one, address, late, buckets_of(visit.texts, one), is_unknown=is_open and one.unknown_by > 0)


def buckets_of(texts: Texts, one: pb.Invoice) -> list[tuple[str, str]]:
    """Returns the words of where the open amount of an invoice is, with the amount where it is a part."""
    if not value_of(one.open_amount):
        return [(word(texts, "invoice_state", one.state), "")]
    if one.excluded_by:
        return [(texts("invoices.excluded_by", rule=word(texts, "rule", one.excluded_by)), "")]
    if one.unknown_by:
        return [(texts("invoices.unknown_by", rule=word(texts, "rule", one.unknown_by)), "")]
    cuts = [(word(texts, "rule", cut.rule), exact(cut.amount)) for cut in one.cuts]
    return cuts or [(texts("invoices.eligible"), "")]
