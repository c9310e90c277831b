"""What the pages of pools, invoices and debtors share: statements, values, addresses, and days."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date

from google.type.date_pb2 import Date

from collateral_registry.v1 import debtor_pb2, receivable_pb2 as pb, valuation_pb2
from collateral_registry.web.pages.numbers import calendar, identifier
from collateral_registry.web.pages.views.common.filters import batches, conjunction, equals, one_of
from collateral_registry.web.pages.visit import Moment, Visit, address_of

OPEN_ONLY = "state IN (OPEN, PART_PAID)"
"""Test of the invoices of which something is open."""

RULES = [name.removeprefix("ELIGIBILITY_RULE_") for name, rule in pb.EligibilityRule.items() if rule]
"""Names of the rules as filters and addresses state them, in the order of their numbers."""


async def fetch_statement(visit: Visit, asset: str) -> pb.PoolStatement:
    """Returns the statement of a pool at the moment of the address."""
    request = pb.GetPoolStatementRequest(name=asset, as_of=visit.as_of)
    found: pb.PoolStatement = await visit.book.call(visit.book.services.receivables.GetPoolStatement, request)
    return found


async def fetch_valuation(visit: Visit, statement: pb.PoolStatement) -> valuation_pb2.Valuation | None:
    """Returns the recorded value of a statement in the currency of its pool."""
    own = equals("currency_code", statement.open_amount.currency_code)
    until = f"sequence <= {statement.sequence}"
    request = valuation_pb2.ListValuationsRequest(parent=statement.asset, filter=conjunction(until, own), page_size=1)
    found = await visit.book.call(visit.book.services.valuations.ListValuations, request)
    return found.valuations[0] if found.valuations else None


def asset_of(visit: Visit) -> str:
    """Returns the name of the asset in the address."""
    return f"assets/{visit.parameters['asset']}"


def moment_of(visit: Visit, statement: pb.PoolStatement) -> Moment:
    """Returns the moment of the figures of a page about a pool: that of its statement."""
    is_past = visit.as_of.WhichOneof("moment") is not None
    return Moment(statement.market_date, statement.sequence, statement.policy, is_past)


def rule_name(rule: int) -> str:
    """Returns the name of a rule as filters and addresses state it."""
    return pb.EligibilityRule.Name(rule).removeprefix("ELIGIBILITY_RULE_")


def invoices_address(visit: Visit, asset: str, **query: str) -> str:
    """Returns the address of invoices of a pool at the moment of the page."""
    return address_of(f"/{asset}/invoices", {**query, "as_of": visit.query.get("as_of", "")})


def invoice_address(visit: Visit, asset: str, debtor: str, number: str) -> str:
    """Returns the address of an invoice at the moment of the page.

    Debtor and number are texts of partners. They stand in the query, because a path cannot hold each text: ``..`` and
    ``/`` would lead elsewhere, also if they are encoded.
    """
    query = {"debtor": debtor, "number": number, "as_of": visit.query.get("as_of", "")}
    return address_of(f"/{asset}/invoice", query)


def days_between(first: Date, last: Date) -> int | None:
    """Returns the days from one day to another; None if one of them is not set."""
    start, end = calendar(first), calendar(last)
    return None if start is None or end is None else (end - start).days


def iso(day: Date) -> str:
    """Returns a day as filters state it."""
    return (calendar(day) or date.min).isoformat()


SCHEMES = {
    debtor_pb2.IDENTIFIER_SCHEME_LEI: "lei",
    debtor_pb2.IDENTIFIER_SCHEME_UNIFIED_SOCIAL_CREDIT_CODE: "uscc",
    debtor_pb2.IDENTIFIER_SCHEME_VAT: "vat",
}


def stated_names(debtor: debtor_pb2.Debtor) -> list[str]:
    """Returns the texts by which ledgers may state a debtor: its id, and its identifiers with their schemes."""
    identifiers = [f"{SCHEMES[one.scheme]}:{one.value}" for one in debtor.identifiers if one.scheme in SCHEMES]
    return [identifier(debtor.name), *identifiers]


async def fetch_debtors(visit: Visit, names: Collection[str]) -> dict[str, debtor_pb2.Debtor]:
    """Returns debtors by their names, as they are now."""
    if not names:
        return {}
    request = debtor_pb2.ListDebtorsRequest(filter=one_of("name", sorted(names)), page_size=len(names))
    listed = await visit.book.call(visit.book.services.debtors.ListDebtors, request)
    return {one.name: one for one in listed.debtors}


async def fetch_merged(visit: Visit, names: Collection[str]) -> dict[str, list[debtor_pb2.Debtor]]:
    """Returns the duplicates that were merged into each of some debtors, also by way of other duplicates."""
    found: dict[str, list[debtor_pb2.Debtor]] = {name: [] for name in names}
    remaining, into = {name: name for name in names}, sorted(names)
    while into:
        parts = await asyncio.gather(*(list_debtors(visit, one_of("merged_into", part)) for part in batches(into)))
        listed = [one for part in parts for one in part]
        remaining |= {one.name: remaining[one.merged_into] for one in listed}
        for one in listed:
            found[remaining[one.name]].append(one)
        into = [one.name for one in listed]
    return found


async def list_debtors(visit: Visit, filter_: str) -> list[debtor_pb2.Debtor]:
    """Returns the debtors that a filter selects, as they are now."""
    request = debtor_pb2.ListDebtorsRequest(filter=filter_)
    return await visit.book.rows(visit.book.services.debtors.ListDebtors, request, "debtors")
