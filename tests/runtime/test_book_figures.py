"""The metrics of the book agree with the report of the same moment, and are read no more often than they change."""

import asyncio

import pytest

from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.metrics import REGISTRY
from collateral_registry.runtime import book_figures
from collateral_registry.runtime.book_figures import BookFigures
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.loans.figures import loan_figures


def value(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, {"lender": "", **labels})
    assert found is not None
    return found


def scrape(database, times: int = 1) -> None:
    async def run() -> None:
        runner = BookRunner(database)
        figures = BookFigures(runner, "")
        for _ in range(times):
            await figures.refresh()
        runner.close()

    asyncio.run(run())


@pytest.mark.parametrize("revalued", [False, True])
def test_exposure_and_loans_are_those_of_the_report(filled_book, revalued):
    if revalued:
        run_book(filled_book, Author("test", "test"))
    scrape(filled_book)
    with filled_book.read() as connection:
        moment, reports = moment_of(connection), LtvReports()
        totals = reports.sums(reports.report(connection, moment), EVERYTHING, 10).totals

    assert value("collateral_book_commit_sequence") == moment.seq
    for total in totals:
        assert value("collateral_book_exposure", currency=total.currency) == total.exposure_minor / 100
    loans = {
        (level, coverage): value("collateral_book_loans", level=level, coverage=coverage)
        for level in ("NONE", "WATCH", "MARGIN_CALL", "STOP_DRAW", "LIQUIDATION")
        for coverage in ("KNOWN", "UNKNOWN")
    }
    assert sum(loans.values()) == sum(total.loans for total in totals) == 2
    assert sum(count for (_, coverage), count in loans.items() if coverage == "UNKNOWN") == sum(
        total.unknown for total in totals
    )
    assert value("collateral_book_oldest_price_age_seconds") >= 0
    assert value("collateral_book_open_rejected_movements") == 0


def test_the_loans_are_read_only_if_there_is_a_newer_commit_and_some_time_after_the_last_reading(
    filled_book, monkeypatch
):
    reads: list[int] = []

    def counted(connection, seq):
        reads.append(seq)
        return loan_figures(connection, seq)

    monkeypatch.setattr(book_figures, "loan_figures", counted)
    scrape(filled_book, times=5)
    same_commit = len(reads)
    monkeypatch.setattr(book_figures, "REST_SECONDS", 0.0)
    monkeypatch.setattr(book_figures, "REST_FACTOR", 0.0)
    scrape(filled_book, times=5)

    assert same_commit == 1
    assert len(reads) == 2


def test_a_scrape_neither_fails_nor_waits_long_if_the_book_cannot_be_read(filled_book, monkeypatch):
    def lost(_connection) -> tuple[int, int]:
        raise StoreUnavailable("gone")

    scrape(filled_book)
    before = value("collateral_book_read_timestamp_seconds")
    monkeypatch.setattr(book_figures, "newest_commit", lost)
    scrape(filled_book, times=2)

    assert value("collateral_book_read_timestamp_seconds") == before
