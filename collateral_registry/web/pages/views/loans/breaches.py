"""The list of breaches by level, age or deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.type.money_pb2 import Money

from collateral_registry.v1 import breach_pb2, report_pb2 as pb
from collateral_registry.web.pages.numbers import shown_day
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import LEVELS, borrower_or_loan, choice, conjunction, one_of
from collateral_registry.web.pages.views.common.report import days_left, moment_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

STATES = {"": "state = OPEN", "open": "state = OPEN", "cured": "state = CURED", "all": ""}

ORDERS = {"level": "level desc", "age": "open_date", "deadline": "deadline_date", "newest": ""}
"""Orders of the list by their names in addresses: worst level, longest open, next deadline, or newest first."""

FIRST_ORDER = "level"


@dataclass(frozen=True)
class Row:
    """A breach with its newest event, its age in days, the days until its deadline and the cash that would cure it.

    ``standing`` is what was done about it, in words.
    """

    breach: breach_pb2.Breach
    loan: str
    last: breach_pb2.BreachEvent | None
    age: int | None
    days_left: int | None
    cure: Money | None
    standing: list[str]


def selection_of(query: Mapping[str, str]) -> tuple[str, str]:
    """Returns the filter and the name of the order of the breaches that an address selects."""
    selected = conjunction(
        borrower_or_loan(query.get("q", "").strip()),
        STATES.get(query.get("state", ""), ""),
        choice(query, "level", LEVELS),
        query.get("filter", ""),
    )
    order = query.get("order", "")
    return selected, order if order in ORDERS else FIRST_ORDER


async def breaches(visit: Visit) -> Page:
    """Returns the page of breaches that the address selects; without a state, those that are open."""
    selected, order = selection_of(visit.query)
    request = pb.GenerateBreachReportRequest(
        as_of=visit.as_of,
        filter=selected,
        order_by=ORDERS[order],
        page_size=ROWS,
        page_token=visit.query.get("page_token", ""),
    )
    report = await visit.book.call(visit.book.services.reports.GenerateBreachReport, request)
    cures = await _cures(visit, report)
    rows = [_row(breach, report, cures, visit.texts) for breach in report.breaches]
    last = max((event.sequence for breach in report.breaches for event in breach.history), default=0)
    values = {
        "rows": rows,
        "levels": LEVELS,
        "order": order,
        "orders": ORDERS,
        "next": report.next_page_token,
        "last_event": last,
    }
    return Page("breaches.html", "breaches", values, moment_of(visit, report), "/breaches")


async def _cures(visit: Visit, report: pb.GenerateBreachReportResponse) -> dict[str, Money]:
    """Returns the cash that would cure each open breach of a report, at the moment of the report."""
    loans = {_loan(breach) for breach in report.breaches if breach.state == breach_pb2.BREACH_STATE_OPEN}
    if not loans:
        return {}
    request = pb.GenerateLtvReportRequest(
        as_of=pb.AsOf(sequence=report.sequence),
        filter=one_of("loan", sorted(loans)),
        page_size=len(loans),
        concentration_limit=1,
    )
    found: pb.GenerateLtvReportResponse = await visit.book.call(visit.book.services.reports.GenerateLtvReport, request)
    return {row.breach: row.cover.cash_cure for row in found.rows}


def _loan(breach: breach_pb2.Breach) -> str:
    return breach.name.partition("/breaches/")[0]


def _row(
    breach: breach_pb2.Breach, report: pb.GenerateBreachReportResponse, cures: dict[str, Money], texts: Texts
) -> Row:
    last_day = breach.cure_date if breach.cure_date.year else report.market_date
    opened = days_left(breach.open_date, last_day)
    return Row(
        breach=breach,
        loan=_loan(breach),
        last=breach.history[-1] if breach.history else None,
        age=-opened if opened is not None else None,
        days_left=days_left(breach.deadline_date, report.market_date),
        cure=cures.get(breach.name),
        standing=_standing(breach, texts),
    )


def _standing(breach: breach_pb2.Breach, texts: Texts) -> list[str]:
    """Returns what was done about a breach, in words."""
    waived = texts("breaches.waived")
    if breach.waiver_expire_date.year:
        last = shown_day(breach.waiver_expire_date, texts.language, with_year=False)
        waived = texts("breaches.waived_until", day=last)
    found = (
        (breach.acknowledged, texts("breaches.acknowledged")),
        (breach.waived, waived),
        (breach.disputed, texts("breaches.disputed")),
        (breach.in_disposal, texts("breaches.in_disposal")),
    )
    return [text for is_so, text in found if is_so]
