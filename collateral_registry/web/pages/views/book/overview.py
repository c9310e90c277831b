"""The first page: the four questions of a risk officer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from google.type.date_pb2 import Date

from collateral_registry.v1 import breach_pb2, common_pb2, report_pb2 as pb
from collateral_registry.web.pages.charts.bars import level_bar, share_bar
from collateral_registry.web.pages.charts.distribution import distribution_of
from collateral_registry.web.pages.charts.lines import fall_curve
from collateral_registry.web.pages.numbers import sums
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.haircut_tests import Tests, haircut_tests
from collateral_registry.web.pages.views.common.history import book_history
from collateral_registry.web.pages.views.common.report import Limits, Row, fetch_report, moment_of, rows_of
from collateral_registry.web.pages.views.common.since import since_yesterday
from collateral_registry.web.pages.visit import ROWS, Page, Visit

WHOLE_BOOK = 1000
"""Loans of the largest book whose loans are all read for one page."""

WORK_ROWS = 25
NEXT_ROWS = 8
EVENTS_SHOWN = 8
CONCENTRATIONS_SHOWN = 8
NEAR = Decimal("0.10")
"""Fall of the collateral within which a loan is near a call."""

BAD_MONTH = 20
"""Fall of all collateral that the page shows first, in percent."""

FALLS = 51
"""Falls of all collateral that are computed: 0 to 50 percent."""

LEVELS = (4, 3, 2, 1)
"""Ranks of the levels from liquidation to watch."""


async def overview(visit: Visit) -> Page:
    """Returns the first page; all its figures except the tests of haircuts are of one commit."""
    report = await fetch_report(
        visit, order_by="ltv desc", page_size=WHOLE_BOOK, concentration_limit=CONCENTRATIONS_SHOWN
    )
    moment = moment_of(visit, report)
    if not report.totals:
        return Page("empty.html", "overview", {}, moment)
    is_whole = not report.next_page_token
    breaches, (rows, policy), tests = await asyncio.gather(
        _open_breaches(visit, report.sequence),
        rows_of(visit, report, WHOLE_BOOK if is_whole else ROWS),
        haircut_tests(visit),
    )
    since = await since_yesterday(visit, report.market_date, report.sequence) if is_whole else None
    values = {
        "since": since,
        "totals": report.totals,
        "concentrations": _goods(report.concentrations),
        "share_bar": share_bar,
        "is_whole": is_whole,
        "work": _work(rows),
        **_counts(report.totals),
        **_not_covered(visit.texts, rows, report.totals),
        **_next(rows),
        **_trust(rows, report.totals, tests),
        **_events(breaches, report.market_date),
    }
    if is_whole:
        values |= _bad_month(visit.texts, rows) | _distribution(visit.texts, rows, policy)
        values |= await book_history(visit, report.sequence)
    return Page("overview.html", "overview", values, moment, "/loans")


async def _open_breaches(visit: Visit, sequence: int) -> Sequence[breach_pb2.Breach]:
    request = pb.GenerateBreachReportRequest(as_of=pb.AsOf(sequence=sequence), filter="state = OPEN")
    found: pb.GenerateBreachReportResponse = await visit.book.call(
        visit.book.services.reports.GenerateBreachReport, request
    )
    return found.breaches


def _counts(totals: Sequence[pb.LtvReportTotal]) -> dict[str, object]:
    return {
        "loan_count": sum(total.loan_count for total in totals),
        "beyond_count": sum(total.breach_count for total in totals),
        "unknown_count": sum(total.unknown_count for total in totals),
    }


def _work(rows: Sequence[Row]) -> list[Row]:
    """Returns the loans beyond their limits, worst level first."""
    beyond = [row for row in rows if row.is_beyond]
    return sorted(beyond, key=lambda row: -row.cover.level)[:WORK_ROWS]


def _not_covered(texts: Texts, rows: Sequence[Row], totals: Sequence[pb.LtvReportTotal]) -> dict[str, object]:
    """Returns what answers the first question: debts, cures, deadlines and levels of the loans beyond their limits."""
    beyond = [row for row in rows if row.is_beyond]
    counted = Counter(row.cover.level - common_pb2.LTV_LEVEL_NONE for row in rows)
    by_level = [(level, counted[level]) for level in LEVELS]
    label = ", ".join(f"{word(texts, 'level', level + 1)} {count}" for level, count in by_level)
    late = sum(row.days_left is not None and row.days_left < 0 for row in beyond)
    return {
        "all_beyond_read": len(beyond) == sum(total.breach_count for total in totals),
        "beyond_owed": sums([row.cover.exposure for row in beyond]),
        "cures": sums([row.cover.cash_cure for row in beyond]),
        "late_count": late,
        "timely_count": len(beyond) - late,
        "watch_count": counted[1],
        "level_bar": level_bar(by_level, label) if any(count for _, count in by_level) else "",
    }


def _next(rows: Sequence[Row]) -> dict[str, object]:
    """Returns what answers the second question: the loans closest to a call."""
    ahead = sorted(((row.fall, row) for row in rows if row.fall is not None), key=lambda pair: pair[0])
    return {
        "near_count": sum(fall <= NEAR for fall, _ in ahead),
        "closest": [row for _, row in ahead[:NEXT_ROWS]],
        "near": NEAR,
    }


def _bad_month(texts: Texts, rows: Sequence[Row]) -> dict[str, object]:
    """Returns what answers the third question: the loans beyond their limits by fall of all collateral."""
    counts = [sum(row.is_beyond_after(Decimal(n) / 100) for row in rows) for n in range(FALLS)]
    hit = [row for row in rows if row.is_beyond_after(Decimal(BAD_MONTH) / 100)]
    return {
        "fall": Decimal(BAD_MONTH) / 100,
        "fall_count": len(hit),
        "fall_owed": sums([row.cover.exposure for row in hit]),
        "falls": [(Decimal(n) / 100, counts[n]) for n in range(0, FALLS, 5)],
        "fall_curve": fall_curve(counts, BAD_MONTH, texts("overview.fall_label")),
    }


def _trust(rows: Sequence[Row], totals: Sequence[pb.LtvReportTotal], tests: Tests) -> dict[str, object]:
    """Returns what answers the fourth question: unknown values with their reasons, and the tests of haircuts."""
    reasons = Counter(reason for row in rows if row.is_unknown for reason in row.cover.unknown_reasons)
    quarantined = sum(common_pb2.QUALITY_FLAG_NEWER_PRICE_QUARANTINED in row.cover.quality_flags for row in rows)
    known = sum(total.loan_count - total.unknown_count for total in totals)
    return {"known_count": known, "reasons": reasons.most_common(3), "quarantined_count": quarantined, "tests": tests}


@dataclass(frozen=True)
class Happened:
    """An event with the borrower of its loan."""

    borrower: str
    event: breach_pb2.BreachEvent


def _events(breaches: Sequence[breach_pb2.Breach], today: Date) -> dict[str, object]:
    """Returns the newest events of open breaches on a day, and the number after which new events follow."""
    found = [Happened(breach.borrower, event) for breach in breaches for event in breach.history]
    found.sort(key=lambda one: one.event.sequence, reverse=True)
    shown = [one for one in found if one.event.market_date == today]
    return {"events": shown[:EVENTS_SHOWN], "last_event": found[0].event.sequence if found else 0}


def _distribution(texts: Texts, rows: Sequence[Row], policy: Limits) -> dict[str, object]:
    """Returns the number of loans by LTV, with the limits of the policy."""
    ltvs = [
        (Decimal("Infinity") if row.cover.ltv_infinite else Decimal(row.cover.ltv.value), row.is_unknown)
        for row in rows
        if row.cover.ltv_infinite or row.cover.ltv.value
    ]
    bins, chart = distribution_of(ltvs, policy, texts("overview.distribution_label"))
    return {"bins": bins, "distribution": chart}


def _goods(concentrations: Sequence[pb.Concentration]) -> list[tuple[str, list[pb.Concentration]]]:
    """Returns the largest goods of each currency."""
    goods = [one for one in concentrations if one.dimension == pb.CONCENTRATION_DIMENSION_GOOD]
    codes = sorted({one.currency_code for one in goods})
    return [(code, [one for one in goods if one.currency_code == code]) for code in codes]
