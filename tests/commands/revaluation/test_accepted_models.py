"""Nothing is valued by the models of a new release before the lender has accepted them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.pipeline import curves
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.commands.revaluation.runs import finish_run, run_in_progress, start_run
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.revaluation.runs import newest_models
from tests.support.books import FIRST, do, downgrade

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


def test_a_migrated_book_whose_curves_are_of_this_release_needs_no_acceptance(filled_book):
    downgrade(filled_book, "0024")
    migrate(filled_book)
    do(filled_book, lambda write: advance(write, day_of(TODAY) + 1))
