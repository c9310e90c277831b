"""Exchange rates as known by a commit are those in use then."""

from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.prices.past_rates import quoted_rates_by
from collateral_registry.store.prices.series import quoted_rates
from tests.support.books import FIRST, do, open_empty_book, quotes


@pytest.fixture
def book(database_url):
    database = open_empty_book(database_url)
    do(database, lambda write: ensure_fx_series(write, {("EUR", "USD"), ("GBP", "USD")}))
    do(database, lambda write: ingest_prices(write, quotes("fx-eur-usd", 1.13)))
    yield database
    database.close()


def quote(book, day, rate):
    do(book, lambda write: ingest_prices(write, [Quote(0, "fx-eur-usd", day, Decimal(rate))]))


def rates(book, seq=None):
    with book.read() as connection:
        found = quoted_rates_by(connection, newest_commit(connection)[0] if seq is None else seq)
    return {pair: (one.rate, one.day, one.quarantined_day, str(one.low)) for pair, one in found.items()}


def rates_in_use(book):
    with book.read() as connection:
        found = quoted_rates(connection)
    return {pair: (one.rate, one.day, one.quarantined_day, str(one.low)) for pair, one in found.items()}


def test_the_rates_of_the_newest_commit_are_those_in_use_with_their_quarantine(book):
    assert [pair for pair, _ in rates(book).items()] == [("EUR", "USD")]
    assert rates(book)["EUR", "USD"][:2] == rates_in_use(book)["EUR", "USD"][:2]
    quote(book, FIRST, "0.113")
    in_use = rates_in_use(book)["EUR", "USD"]

    assert in_use[3] == "0.113"
    assert rates(book)["EUR", "USD"] == in_use


def test_a_later_correction_does_not_change_the_rates_of_an_earlier_commit(book):
    with book.read() as connection:
        before, _ = newest_commit(connection)
    known = rates(book)
    quote(book, FIRST, "1.131")
    quote(book, FIRST - timedelta(days=1), "1.12")

    assert rates(book, before) == known
    assert rates(book)["EUR", "USD"][0] == 1.131
    assert rates(book, 0) == {}
