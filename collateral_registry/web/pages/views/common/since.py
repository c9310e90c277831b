"""What changed between two moments, as the pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from collateral_registry.v1 import difference_pb2 as pb, report_pb2
from collateral_registry.web.pages.numbers import calendar, money_of, value_of
from collateral_registry.web.pages.visit import Visit

WHOLE_BOOK = 1000
"""Loans of the largest book whose differences from the day before and levels by day are shown."""


@dataclass(frozen=True)
class Counts:
    """Numbers of loans in all currencies: all, those that differ, and those whose level is worse or better."""

    loans: int
    different: int
    worse: int
    better: int


def day_before(day: Date) -> report_pb2.AsOf:
    """Returns the end of the business date before a day; the beginning of the book before its first day."""
    today = calendar(day) or date.min + timedelta(days=1)
    earlier = today - timedelta(days=1)
    return report_pb2.AsOf(market_date=Date(year=earlier.year, month=earlier.month, day=earlier.day))


async def fetch_differences(
    visit: Visit, before: report_pb2.AsOf, after: report_pb2.AsOf, **fields: object
) -> pb.GenerateDifferenceReportResponse:
    """Returns a page of the differences between two moments."""
    request = pb.GenerateDifferenceReportRequest(before=before, after=after, **fields)
    return await visit.book.call(visit.book.services.differences.GenerateDifferenceReport, request)


def counts_of(report: pb.GenerateDifferenceReportResponse) -> Counts:
    """Returns the numbers of loans of a report."""
    return Counts(
        loans=sum(total.loan_count for total in report.totals),
        different=report.row_count,
        worse=sum(total.worse_count for total in report.totals),
        better=sum(total.better_count for total in report.totals),
    )


def whole_change(total: pb.DifferenceTotal, name: str) -> Money:
    """Returns the change of an amount of a currency."""
    before, after = (value_of(getattr(side, name)) for side in (total.before, total.after))
    return money_of(after - before, total.currency_code)


def lendable_changes(report: pb.GenerateDifferenceReportResponse) -> Sequence[Money]:
    """Returns the change of the lendable value of each currency in which it changed."""
    changes = [whole_change(total, "lendable_value") for total in report.totals]
    return [money for money in changes if value_of(money)]


@dataclass(frozen=True)
class SinceYesterday:
    """What changed since the business date before, in short."""

    report: pb.GenerateDifferenceReportResponse
    counts: Counts
    lendable_changes: Sequence[Money]


async def since_yesterday(visit: Visit, day: Date, sequence: int) -> SinceYesterday:
    """Returns what changed from the end of the business date before a day until a commit of that day."""
    report = await fetch_differences(visit, day_before(day), report_pb2.AsOf(sequence=sequence), page_size=1)
    return SinceYesterday(report, counts_of(report), lendable_changes(report))
