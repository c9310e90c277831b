"""Nothing is valued by the models of a new release before the lender has accepted them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.pipeline import curves
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.revaluation.preview import PreviewJob, preview_book
from collateral_registry.commands.revaluation.runs import finish_run, run_in_progress, start_run
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.revaluation.previews import PreviewSummary
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.revaluation.runs import newest_models
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.schema.valuations import ValuationRow
from tests.support.books import FIRST, do, downgrade
from tests.support.small_book import goods, move_to

TODAY = FIRST + timedelta(days=28)


@pytest.fixture
def upgraded(filled_book, monkeypatch):
    """A filled book under a release with a newer haircut model."""
    monkeypatch.setattr(curves, "MODEL_NAME", "pooled-scale/99")
    return filled_book


@pytest.mark.parametrize(
    "work",
    [
        lambda write: ingest_prices(write, [Quote(0, "copper", TODAY, Decimal(7950))]),
        lambda write: advance(write, day_of(TODAY) + 1),
        start_run,
    ],
    ids=["price", "business date", "run"],
)
def test_a_change_that_would_value_an_asset_by_newer_models_is_refused(upgraded, work):
    with pytest.raises(Refused, match="collateral preview") as refused:
        do(upgraded, work)

    assert refused.value.reason == "MODELS_CHANGED"


def test_a_fact_that_values_nothing_is_recorded(upgraded):
    do(upgraded, lambda write: open_series(write, PriceSeries("zinc", "zinc", "t", "USD", max_age_days=10)))


def test_the_book_goes_on_once_the_models_are_accepted(upgraded):
    do(upgraded, lambda write: start_run(write, accept_models=True))
    finish_run(upgraded)
    do(upgraded, lambda write: advance(write, day_of(TODAY) + 1))

    with upgraded.read() as connection:
        assert "pooled-scale/99" in str(newest_models(connection))


def test_a_run_that_an_older_release_left_unfinished_is_not_completed_by_newer_models(filled_book, monkeypatch):
    do(filled_book, start_run)
    monkeypatch.setattr(curves, "MODEL_NAME", "pooled-scale/99")
    with filled_book.read() as connection:
        assert run_in_progress(connection) is None
    with pytest.raises(Refused, match="no revaluation is under way"):
        finish_run(filled_book)


def test_a_migrated_book_of_one_currency_whose_curves_are_of_this_release_needs_no_acceptance(book):
    goods(book)
    move_to(book, TODAY)
    downgrade(book, "0024")
    migrate(book)
    do(book, lambda write: advance(write, day_of(TODAY) + 1))


def test_a_migrated_book_with_claims_in_two_currencies_is_valued_by_the_new_rule_once_it_is_accepted(filled_book):
    downgrade(filled_book, "0024")
    migrate(filled_book)
    with pytest.raises(Refused, match=r"cover/1, cover/2") as refused:
        do(filled_book, lambda write: advance(write, day_of(TODAY) + 1))
    assert refused.value.reason == "MODELS_CHANGED"


def test_an_upgrade_keeps_past_reports_shows_its_effect_and_then_applies_it(filled_book):
    past = reports(filled_book)
    downgrade(filled_book, "0024")
    with filled_book.engine.begin() as connection:
        connection.execute(update(HaircutCurveRow).values(model="pooled-scale/1"))
        connection.execute(update(ValuationRow).values(price_adjustment=None))  # as before there was one
    migrate(filled_book)
    with pytest.raises(Refused, match=r"pooled-scale/1, .*pooled-scale/2"):
        do(filled_book, start_run)
    (summary,) = (part for part in preview_book(filled_book, PreviewJob()) if isinstance(part, PreviewSummary))

    assert ("pooled-scale/1", "pooled-scale/2") in summary.models
    assert summary.changed_assets == 0, "the curves are the same under another name"
    assert reports(filled_book) == past

    do(filled_book, lambda write: start_run(write, accept_models=True))
    finish_run(filled_book)
    assert {seq: rows for seq, rows in reports(filled_book).items() if seq in past} == past


def reports(book):
    """Returns the rows of the report as of every commit."""
    with book.read() as connection:
        newest, _ = newest_commit(connection)
        found = {seq: LtvReports().report(connection, moment_of(connection, seq)) for seq in range(1, newest + 1)}
    return {seq: repr(plain_rows(report.snapshot, report.rows)) for seq, report in found.items()}
