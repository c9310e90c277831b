"""The list of breaches, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.v1 import breach_pb2, report_pb2 as pb
from collateral_registry.web.pages.views.filters import LEVELS, borrower_or_loan, choice, conjunction
from collateral_registry.web.pages.views.report import days_left, moment_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

STATES = {"": "state = OPEN", "open": "state = OPEN", "cured": "state = CURED", "all": ""}


@dataclass(frozen=True)
class Row:
    """A breach with its newest event, its age in days and the days until its deadline."""

    breach: breach_pb2.Breach
    loan: str
    last: breach_pb2.BreachEvent | None
    age: int | None
    days_left: int | None


async def breaches(visit: Visit) -> Page:
    """Returns the page of breaches that the address selects; without a state, those that are open."""
    query = visit.query
    selected = conjunction(
        borrower_or_loan(query.get("q", "").strip()),
        STATES.get(query.get("state", ""), ""),
        choice(query, "level", LEVELS),
        query.get("filter", ""),
    )
    request = pb.GenerateBreachReportRequest(
        as_of=visit.as_of, filter=selected, page_size=ROWS, page_token=query.get("page_token", "")
    )
    report = await visit.book.call(visit.book.services.reports.GenerateBreachReport, request)
    rows = [_row(breach, report) for breach in report.breaches]
    last = max((event.sequence for breach in report.breaches for event in breach.history), default=0)
    values = {"rows": rows, "levels": LEVELS, "next": report.next_page_token, "last_event": last}
    return Page("breaches.html", "breaches", values, moment_of(visit, report))


def _row(breach: breach_pb2.Breach, report: pb.GenerateBreachReportResponse) -> Row:
    opened = days_left(breach.open_date, report.market_date)
    return Row(
        breach=breach,
        loan=breach.name.partition("/breaches/")[0],
        last=breach.history[-1] if breach.history else None,
        age=-opened if opened is not None else None,
        days_left=days_left(breach.deadline_date, report.market_date),
    )
