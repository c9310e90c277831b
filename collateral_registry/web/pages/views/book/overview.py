"""The first page: the four questions of a risk officer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from collateral_registry.v1 import breach_pb2, common_pb2, concentration_pb2, facets_pb2, report_pb2 as pb
from collateral_registry.web.pages.charts.bars import level_bar, share_bar
from collateral_registry.web.pages.numbers import sums
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.bad_month import BAD_MONTH, bad_month, distances
from collateral_registry.web.pages.views.common.concentration import fetch_concentration, shown
from collateral_registry.web.pages.views.common.facets import Facets, facets_of
from collateral_registry.web.pages.views.common.filters import LEVELS
from collateral_registry.web.pages.views.common.haircut_tests import Tests, haircut_tests
from collateral_registry.web.pages.views.common.head import beyond_of
from collateral_registry.web.pages.views.common.history import book_history
from collateral_registry.web.pages.views.common.price_moves import price_moves
from collateral_registry.web.pages.views.common.report import moment_of, policy_limits, rows_of
from collateral_registry.web.pages.views.common.since import WHOLE_BOOK, since_yesterday
from collateral_registry.web.pages.visit import Moment, Page, Visit

COUNTED = (
    "level", "coverage", "deadline_date", "ltv", "price_fall_to_margin_call", "unknown_reason", "quality_flag",
)  # fmt: skip
"""Fields by which the page counts loans."""

WORK_ROWS = 25
NEXT_ROWS = 8
EVENTS_SHOWN = 8
BREACHES_READ = 25
"""Newest open breaches whose events are considered."""

GOODS_SHOWN = 8
REASONS_SHOWN = 3
NEAR = Decimal("0.10")
"""Fall of the collateral within which a loan is near a call."""

RANKS = (("LIQUIDATION", 4), ("STOP_DRAW", 3), ("MARGIN_CALL", 2), ("WATCH", 1))
"""Names of the levels and their ranks, worst first."""


async def overview(visit: Visit) -> Page:
    """Returns the first page; all its figures except the tests of haircuts are of one commit."""
    request = facets_pb2.GetLoanFacetsRequest(as_of=visit.as_of, fields=COUNTED)
    found = await visit.book.call(visit.book.services.facets.GetLoanFacets, request)
    moment, facets = moment_of(visit, found), facets_of(found)
    if not facets.loans:
        return Page("empty.html", "overview", {}, moment)
    as_of = pb.AsOf(sequence=found.sequence)
    concentration = await fetch_concentration(visit, as_of, "", [pb.CONCENTRATION_DIMENSION_GOOD], GOODS_SHOWN)
    currency = concentration.reporting_total.currency_code
    hit = f"{LEVELS['beyond']} OR price_fall_to_margin_call <= {BAD_MONTH / 100}"
    (beyond, ahead, fallen, whole), breaches, policy, tests = await asyncio.gather(
        asyncio.gather(
            _report(visit, as_of, currency, LEVELS["beyond"], "level desc", WORK_ROWS),
            _report(visit, as_of, currency, "price_fall_to_margin_call:*", "price_fall_to_margin_call", NEXT_ROWS),
            _report(visit, as_of, currency, hit, "loan", 1),
            _report(visit, as_of, currency, "", "loan", 1),
        ),
        _open_breaches(visit, as_of),
        policy_limits(visit, moment.policy),
        haircut_tests(visit),
    )
    days = NO_DAYS
    if facets.loans <= WHOLE_BOOK:
        days = await _days(visit, moment, [row.key for row in concentration.distributions[0].rows if row.key])
    beyond_count = beyond_of(facets)
    late = facets.count("deadline_date", "PAST")
    values = {
        "totals": whole.totals,
        "reporting": concentration.reporting_total,
        "goods": shown(visit.texts, concentration.distributions[0]),
        "share_bar": share_bar,
        "loan_count": facets.loans,
        "beyond_count": beyond_count,
        "unknown_count": facets.count("coverage", "UNKNOWN"),
        "work": rows_of(beyond),
        "beyond_owed": in_one_currency(beyond, "exposure"),
        "cures": in_one_currency(beyond, "cash_cure"),
        "late_count": late,
        "timely_count": beyond_count - late,
        "fall_owed": in_one_currency(fallen, "exposure"),
        "closest": rows_of(ahead),
        "near_count": facets.within(NEAR),
        **_levels(visit.texts, facets),
        **_trust(facets, concentration, tests),
        **_events(breaches, found.market_date),
        **bad_month(visit.texts, facets, beyond_count),
        **distances(visit.texts, facets, policy),
        **days,
    }
    return Page("overview.html", "overview", values, moment, "/loans")


NO_DAYS: Mapping[str, object] = {"since": None, "moves": [], "book_days": []}
"""Values of the overview of a book that is too large for what changed and for the levels by day."""


async def _days(visit: Visit, moment: Moment, goods: Sequence[str]) -> dict[str, object]:
    """Returns what changed since the business date before, the moves of the prices of goods, and the levels by day."""
    since, moves, days = await asyncio.gather(
        since_yesterday(visit, moment.day, moment.sequence),
        price_moves(visit, goods, moment.day, moment.sequence),
        book_history(visit, moment.sequence),
    )
    return {**NO_DAYS, "since": since, "moves": moves, **days}


async def _report(
    visit: Visit, as_of: pb.AsOf, currency: str, selected: str, order: str, size: int
) -> pb.GenerateLtvReportResponse:
    request = pb.GenerateLtvReportRequest(
        as_of=as_of,
        filter=selected,
        order_by=order,
        page_size=size,
        concentration_limit=1,
        reporting_currency_code=currency,
    )
    found: pb.GenerateLtvReportResponse = await visit.book.call(visit.book.services.reports.GenerateLtvReport, request)
    return found


async def _open_breaches(visit: Visit, as_of: pb.AsOf) -> Sequence[breach_pb2.Breach]:
    request = pb.GenerateBreachReportRequest(as_of=as_of, filter="state = OPEN", page_size=BREACHES_READ)
    found: pb.GenerateBreachReportResponse = await visit.book.call(
        visit.book.services.reports.GenerateBreachReport, request
    )
    return found.breaches


def in_one_currency(report: pb.GenerateLtvReportResponse, amount: str) -> list[Money]:
    """Returns the sum of an amount in the reporting currency, or that of each currency if it is unknown; no zeros."""
    total = report.reporting_total
    return sums([getattr(one, amount) for one in ([total] if total.HasField("exposure") else report.totals)])


def _levels(texts: Texts, facets: Facets) -> dict[str, object]:
    """Returns the loans by level as a bar, and the number on watch."""
    by_level = [(rank, facets.count("level", name)) for name, rank in RANKS]
    label = ", ".join(f"{word(texts, 'level', rank + 1)} {count}" for rank, count in by_level)
    bar = level_bar(by_level, label) if any(count for _, count in by_level) else ""
    return {"level_bar": bar, "watch_count": facets.count("level", "WATCH")}


def _trust(
    facets: Facets, report: concentration_pb2.GenerateConcentrationReportResponse, tests: Tests
) -> dict[str, object]:
    """Returns what answers the fourth question: unknown values with their reasons, and the tests of haircuts."""
    reasons = [
        (common_pb2.UnknownReason.Value(f"UNKNOWN_REASON_{one.value}"), one.unknown_count)
        for one in facets.by_field["unknown_reason"][:REASONS_SHOWN]
    ]
    quarantined = facets.count("quality_flag", "NEWER_PRICE_QUARANTINED")
    known = report.loan_count - report.unknown_count
    return {"known_count": known, "reasons": reasons, "quarantined_count": quarantined, "tests": tests}


@dataclass(frozen=True)
class Happened:
    """An event with the borrower of its loan."""

    borrower: str
    event: breach_pb2.BreachEvent


def _events(breaches: Sequence[breach_pb2.Breach], today: Date) -> dict[str, object]:
    """Returns the newest events of open breaches on a day, and the number after which new events follow."""
    found = [Happened(breach.borrower, event) for breach in breaches for event in breach.history]
    found.sort(key=lambda one: one.event.sequence, reverse=True)
    shown_events = [one for one in found if one.event.market_date == today]
    return {"events": shown_events[:EVENTS_SHOWN], "last_event": found[0].event.sequence if found else 0}
