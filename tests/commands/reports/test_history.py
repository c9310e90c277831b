"""The history of the book, computed in one pass, equals the reports of its days on both engines."""

from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.book.repair import repair_business_date
from collateral_registry.commands.pipeline.moments import Moment, moment_of
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.reports.history import BookHistories, Span, loan_days
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.reports.history import totals_of
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.reports.totals import Dimension
from collateral_registry.domain.shared.days import day_of
from tests.support.books import FIRST, do

LAST_DAY = day_of(FIRST + timedelta(days=28))


@pytest.fixture
def book(filled_book):
    return filled_book


def whole_span(connection) -> Span:
    return Span(moment_of(connection), 0, 2**62, 100)


def history_of(connection, days, histories=None):
    """The loans by level and the claims of each day."""
    histories = histories or BookHistories()
    return list(zip(histories.levels(connection, days), histories.collateral(connection, days), strict=True))


def figures_of_report(connection, day):
    """The totals and goods of the report of a day, from a snapshot that is read from nothing."""
    reports = LtvReports()
    report = reports.report(connection, moment_of(connection, seq=day.seq))
    sums = reports.sums(report, EVERYTHING, 100)
    goods = [one for one in sums.concentrations if one.dimension is Dimension.GOOD]
    return list(sums.totals), {(one.currency, one.key): one.lendable_minor for one in goods}


def test_one_pass_over_all_days_gives_the_figures_of_the_report_of_each_day(book):
    with book.read() as connection:
        days = whole_span(connection).days(connection)
        history = history_of(connection, days)

        assert [day.market_day for day in days] == [LAST_DAY - 7 * week for week in range(5)]
        for day, (levels, found) in zip(days, history, strict=True):
            goods = {(one.currency, one.key): one.lendable_minor for one in found.goods}
            assert (totals_of(levels), goods) == figures_of_report(connection, day)


def test_a_day_has_the_same_figures_alone_and_after_others(book):
    with book.read() as connection:
        days = whole_span(connection).days(connection)
        history = history_of(connection, days)

        assert [history_of(connection, [day])[0] for day in days] == history


def test_kept_days_are_those_of_a_fresh_pass_after_further_changes(book):
    kept = BookHistories()
    with book.read() as connection:
        history_of(connection, whole_span(connection).days(connection), kept)
    do(book, lambda write: ingest_prices(write, [Quote(0, "copper", FIRST + timedelta(days=28), Decimal(7000))]))
    do(book, lambda write: advance(write, LAST_DAY + 1))
    finish_run(book)
    with book.read() as connection:
        days = whole_span(connection).days(connection)

        assert history_of(connection, days, kept) == history_of(connection, days)
        assert len(days) == 6


def test_the_days_of_loans_are_the_rows_of_the_report_of_each_day(book):
    with book.read() as connection:
        days = whole_span(connection).days(connection)
        found = loan_days(connection, ["loan-1", "loan-2"], days)
        for day in days:
            report = LtvReports().report(connection, moment_of(connection, seq=day.seq))
            rows = {row["loan_id"]: row for row in plain_rows(report.snapshot, report.rows)}
            for loan, of_days in found.items():
                assert {name: of_days[day.seq][name] for name in of_days[day.seq] if name in rows[loan]} == {
                    name: value for name, value in rows[loan].items() if name in of_days[day.seq]
                }


def test_days_of_a_repaired_date_are_left_out_and_later_commits_count_for_the_day_that_they_are_of(book):
    wrong = LAST_DAY + 3_000
    with book.read() as connection:
        kept = moment_of(connection).seq
    do(book, lambda write: advance(write, wrong))

    today = FIRST + timedelta(days=28)
    do(book, lambda write: repair_business_date(write, today, today, "typing error"))
    with book.read() as connection:
        moment = moment_of(connection)
        days = whole_span(connection).days(connection)
        during = Span(Moment(moment.seq - 1, wrong, ""), 0, 2**62, 100).days(connection)

    assert (days[0].market_day, days[0].seq) == (LAST_DAY, moment.seq)
    assert len(days) == 5
    assert (during[0].market_day, during[0].seq, during[1].seq) == (wrong, moment.seq - 1, kept)
