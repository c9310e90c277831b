"""The list of loans with its views, filters and orders."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from collateral_registry.v1 import facets_pb2, report_pb2 as pb
from collateral_registry.web.pages.views.common.concentration import fetch_concentration
from collateral_registry.web.pages.views.common.facets import Facets, fetch_facets
from collateral_registry.web.pages.views.common.filters import LEVELS, borrower_or_loan, choice, conjunction, equals
from collateral_registry.web.pages.views.common.head import beyond_of
from collateral_registry.web.pages.views.common.history import trends
from collateral_registry.web.pages.views.common.report import fetch_report, moment_of, rows_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

COVERAGES = {"known": "coverage = KNOWN", "unknown": "coverage = UNKNOWN"}
NEAR = {"10": "price_fall_to_margin_call <= 0.10"}
"""Tests of the falls to a call within which loans are shown, in percent."""

DEADLINES = ("PAST", "TODAY", "WITHIN_3_DAYS", "WITHIN_7_DAYS", "LATER")
ORDERS = (
    "borrower", "loan", "level", "ltv", "exposure", "lendable_value", "market_value", "price_fall_to_margin_call",
    "cash_cure", "deadline_date",
)  # fmt: skip
NO_LOAN = "NOT loan:*"
"""Filter of a range of deadlines that no loan has."""

VIEWED = ("level", "coverage", "deadline_date", "price_fall_to_margin_call")
CHOSEN = ("level", "currency_code", "good", "warehouse")
"""Fields whose values the views and the choices of the filters state."""

DEFAULT_ORDER = "ltv desc"
RISING_FIRST = {"borrower", "loan", "price_fall_to_margin_call", "deadline_date"}
"""Columns of which the smallest value is shown first when they are chosen."""


@dataclass(frozen=True)
class View:
    """A named choice of loans: the fields of the address that make it, its text and its number of loans."""

    fields: Mapping[str, str]
    text: str
    count: int

    def is_chosen(self, query: Mapping[str, str]) -> bool:
        """Whether the address shows this view."""
        return all(query.get(name, "") == value for name, value in self.fields.items())


async def selection_of(visit: Visit) -> tuple[str, str]:
    """Returns the filter and the order of the loans that an address selects."""
    query = visit.query
    # Deadlines are compared with the business date of the moment, which the facets know.
    ranges = await _deadlines(visit) if query.get("deadline") in DEADLINES else {}
    viewed = (
        choice(query, "level", LEVELS),
        choice(query, "coverage", COVERAGES),
        choice(query, "fall", NEAR),
        choice(query, "deadline", ranges),
    )
    return conjunction(_searched(query), *viewed), order_of(query.get("order", ""))


def _searched(query: Mapping[str, str]) -> str:
    """Returns the filter of an address without that of its view."""
    return conjunction(
        borrower_or_loan(query.get("q", "").strip()),
        equals("currency_code", query.get("currency", "")),
        equals("good", query.get("good", "")),
        equals("warehouse", query.get("warehouse", "")),
        query.get("filter", ""),
    )


async def loans(visit: Visit) -> Page:
    """Returns the page of loans that the address selects."""
    query = visit.query
    selected, order = await selection_of(visit)
    report = await fetch_report(
        visit,
        filter=selected,
        order_by=order,
        page_size=ROWS,
        page_token=query.get("page_token", ""),
        concentration_limit=1,
    )
    as_of = pb.AsOf(sequence=report.sequence)
    rows = rows_of(report)
    base, chosen, concentration, drawn = await asyncio.gather(
        fetch_facets(visit, facets_pb2.GetLoanFacetsRequest(as_of=as_of, filter=_searched(query), fields=VIEWED)),
        fetch_facets(visit, facets_pb2.GetLoanFacetsRequest(as_of=as_of, filter=selected, fields=CHOSEN)),
        fetch_concentration(visit, as_of, selected, [pb.CONCENTRATION_DIMENSION_CURRENCY], 1),
        trends(visit, rows, report.sequence),
    )
    values = {
        "rows": rows,
        "trends": drawn,
        "order": order,
        "next_order": next_order,
        "views": _views(base),
        "levels": LEVELS,
        "chosen": chosen.by_field,
        "level_counts": _level_counts(chosen),
        "count": chosen.loans,
        "totals": report.totals,
        "reporting": concentration.reporting_total,
        "next": report.next_page_token,
    }
    return Page("loans.html", "loans", values, moment_of(visit, report), "/loans")


def order_of(text: str) -> str:
    """Returns the order that an address states, or the default."""
    return text if text.removesuffix(" desc") in ORDERS else DEFAULT_ORDER


def next_order(current: str, field: str) -> str:
    """Returns the order that the head of a column leads to: its first direction, or the other one if it is in use."""
    first = field if field in RISING_FIRST else f"{field} desc"
    other = f"{field} desc" if first == field else field
    return other if current == first else first


async def _deadlines(visit: Visit) -> dict[str, str]:
    """Returns the filter of each range of deadlines at the moment of the address."""
    request = facets_pb2.GetLoanFacetsRequest(as_of=visit.as_of, fields=["deadline_date"])
    found = (await fetch_facets(visit, request)).by_field["deadline_date"]
    return {**dict.fromkeys(DEADLINES, NO_LOAN), **{one.value: one.filter for one in found}}


def _views(base: Facets) -> list[View]:
    """Returns the views of the list with their numbers of loans under the other filters."""
    nothing = dict.fromkeys(("level", "coverage", "deadline", "fall"), "")
    return [
        View(nothing, "loans.all", base.loans),
        View({**nothing, "level": "beyond"}, "overview.beyond_limits", beyond_of(base)),
        View({**nothing, "deadline": "PAST"}, "loans.past_deadline", base.count("deadline_date", "PAST")),
        View({**nothing, "level": "watch"}, "level.watch", base.count("level", "WATCH")),
        View({**nothing, "coverage": "unknown"}, "common.unknown", base.count("coverage", "UNKNOWN")),
        View({**nothing, "fall": "10"}, "loans.near", base.within(Decimal("0.10"))),
    ]


def _level_counts(chosen: Facets) -> dict[str, int]:
    """Returns the number of loans of each choice of a level under the other filters."""
    return {name: beyond_of(chosen) if name == "beyond" else chosen.count("level", name.upper()) for name in LEVELS}
