"""Loans and the book by day, as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from collateral_registry.v1 import common_pb2, history_pb2 as pb, loan_pb2, report_pb2
from collateral_registry.web.pages.charts.history import SHOWN_LTV_LIMIT, Limit, level_areas, ltv_lines, spark
from collateral_registry.web.pages.charts.lines import Line, lines
from collateral_registry.web.pages.numbers import calendar, percent, ratio_of, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.report import LEVEL_NAMES, Row
from collateral_registry.web.pages.visit import Visit

LOAN_DAYS = 250
BOOK_DAYS = 90
TREND_DAYS = 30
DAYS_LISTED = 60
"""Number of days in the table under a chart."""

LEVELS = range(common_pb2.LTV_LEVEL_WATCH, common_pb2.LTV_LEVEL_LIQUIDATION + 1)


async def loan_history(visit: Visit, name: str) -> dict[str, object]:
    """Returns the days of a loan with the pictures of its cover and of its LTV; nothing with fewer than two days."""
    request = pb.GetLoanHistoryRequest(name=name, page_size=LOAN_DAYS)
    found = await visit.book.call(visit.book.services.history.GetLoanHistory, request)
    days = list(reversed(found.days))
    if len(days) < 2:
        return {"history": []}
    texts = visit.texts
    return {
        "history": found.days[:DAYS_LISTED],
        "history_count": len(days),
        "cover_chart": _cover_chart(texts, days),
        "ltv_chart": _ltv_chart(texts, days),
    }


async def book_history(visit: Visit, sequence: int) -> dict[str, object]:
    """Returns the loans at each level by day, with a picture; nothing with fewer than two days."""
    request = pb.GetBookHistoryRequest(
        as_of=report_pb2.AsOf(sequence=sequence), page_size=BOOK_DAYS, view=pb.BOOK_HISTORY_VIEW_LEVELS
    )
    found = await visit.book.call(visit.book.services.history.GetBookHistory, request)
    counted = [(day.market_date, _by_level(day)) for day in found.days]
    if len(counted) < 2:
        return {"book_days": []}
    days = [day for day in (calendar(one) for one, _ in reversed(counted)) if day is not None]
    counts = [of_day for _, of_day in reversed(counted)]
    texts = visit.texts
    return {
        "book_days": counted[:DAYS_LISTED],
        "history_levels": list(LEVELS),
        "level_areas": level_areas(days, counts, texts("overview.history_label"), texts("format.month")),
    }


async def trends(visit: Visit, rows: Sequence[Row], sequence: int) -> dict[str, str]:
    """Returns small pictures of the LTVs of the loans of a list, by loan."""
    if not rows:
        return {}
    request = pb.BatchGetLtvHistoriesRequest(
        names=[row.loan for row in rows], day_count=TREND_DAYS, as_of=report_pb2.AsOf(sequence=sequence)
    )
    found = await visit.book.call(visit.book.services.history.BatchGetLtvHistories, request)
    limit_of = {row.loan: row.limit for row in rows}
    return {one.loan: _trend(visit.texts, one, limit_of[one.loan]) for one in found.histories}


def _trend(texts: Texts, one: pb.LtvHistory, limit: Decimal | None) -> str:
    known = [ratio for point in one.points if (ratio := ratio_of(point.ltv)) is not None]
    label = texts("loans.trend_label", first=percent(known[0]), last=percent(known[-1])) if known else ""
    return spark(list(map(_ltv, one.points)), None if limit is None else float(limit), label)


def _ltv(one: pb.LtvPoint | loan_pb2.LoanCover) -> float | None:
    """Returns an LTV as it is drawn; None if nothing was owed."""
    if one.ltv_infinite:
        return SHOWN_LTV_LIMIT
    ratio = ratio_of(one.ltv)
    return None if ratio is None else float(ratio)


def _dated(days: Sequence[pb.LoanHistoryDay]) -> list[tuple[date, pb.LoanHistoryDay]]:
    return [(day, one) for one in days if (day := calendar(one.market_date)) is not None]


def _cover_chart(texts: Texts, days: Sequence[pb.LoanHistoryDay]) -> str:
    """Returns what was owed, what could be lent, and the market value by day."""
    dated = _dated(days)
    drawn = [
        Line(
            texts(f"loans.{name}"),
            kind,
            [(day, float(value_of(getattr(one.cover, field)))) for day, one in dated],
            fills,
        )
        for name, kind, field, fills in (
            ("market", "mkt", "market_value", False),
            ("lendable", "lend", "lendable_value", True),
            ("owed", "owed", "exposure", False),
        )
    ]
    return lines(drawn, texts("loan.cover_label"), texts("format.month"))


def _ltv_chart(texts: Texts, days: Sequence[pb.LoanHistoryDay]) -> str:
    """Returns the LTV by day between the limits by which the loan was judged; empty if nothing was ever owed."""
    dated = _dated(days)
    points = [(day, _ltv(one.cover)) for day, one in dated]
    if all(ltv is None for _, ltv in points):
        return ""
    limits = [
        Limit(
            word(texts, "level", level),
            f"limit k{rank}",
            [(day, float(getattr(one.ltv_levels, name).value)) for day, one in dated],
        )
        for rank, (level, name) in enumerate(zip(LEVELS, LEVEL_NAMES, strict=True), start=1)
    ]
    return ltv_lines(points, limits, texts("loan.ltv_label"), texts("format.month"))


def _by_level(day: pb.BookHistoryDay) -> list[int]:
    """Returns the number of loans at each level from watch to liquidation, in all currencies together."""
    return [sum(one.loan_count for one in day.levels if one.level == level) for level in LEVELS]
