"""The list of loans with its filters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from collateral_registry.web.pages.numbers import sums
from collateral_registry.web.pages.views.common.filters import LEVELS, borrower_or_loan, choice, conjunction, equals
from collateral_registry.web.pages.views.common.history import trends
from collateral_registry.web.pages.views.common.report import fetch_report, moment_of, rows_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

COVERAGES = {"known": "coverage = KNOWN", "unknown": "coverage = UNKNOWN"}
ORDERS = ("ltv desc", "ltv", "level desc", "exposure desc", "loan")


def selection_of(query: Mapping[str, str]) -> tuple[str, str]:
    """Returns the filter and the order of the loans that an address selects."""
    selected = conjunction(
        borrower_or_loan(query.get("q", "").strip()),
        choice(query, "level", LEVELS),
        choice(query, "coverage", COVERAGES),
        equals("currency_code", query.get("currency", "")),
        query.get("filter", ""),
    )
    order = query.get("order", "")
    return selected, order if order in ORDERS else ORDERS[0]


async def loans(visit: Visit) -> Page:
    """Returns the page of loans that the address selects."""
    query = visit.query
    selected, order = selection_of(query)
    report, whole = await asyncio.gather(
        fetch_report(
            visit,
            filter=selected,
            order_by=order,
            page_size=ROWS,
            page_token=query.get("page_token", ""),
            concentration_limit=1,
        ),
        fetch_report(visit, page_size=1, concentration_limit=1),
    )
    rows, _ = await rows_of(visit, report)
    values = {
        "trends": await trends(visit, rows, report.sequence),
        "rows": rows,
        "order": order,
        "orders": ORDERS,
        "levels": LEVELS,
        "currencies": [total.currency_code for total in whole.totals],
        "count": sum(total.loan_count for total in report.totals),
        "owed": sums([total.exposure for total in report.totals]),
        "all_count": sum(total.loan_count for total in whole.totals),
        "beyond_count": sum(total.breach_count for total in whole.totals),
        "unknown_count": sum(total.unknown_count for total in whole.totals),
        "next": report.next_page_token,
    }
    return Page("loans.html", "loans", values, moment_of(visit, report), "/loans")
