"""Entries that a feed reports again or corrects are found by their ids, however many entries the feed has."""

import pytest

from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.booking import known_entries
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS
from tests.support.ledgers import MOMENT, LedgerFeed, entry


def steps_of(database: Database, *ids: str) -> int:
    """Returns how many steps of SQLite the search for entries takes, in tens."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.read() as connection:
        key = INVOICE_FEEDS.get(connection, "erp").key
        assert known_entries(connection, key, ids).keys() == {*ids}
        driver = connection.connection.driver_connection
        driver.set_progress_handler(count, 10)
        known_entries(connection, key, ids)
        driver.set_progress_handler(None, 0)
    return steps


@pytest.fixture
def feed(sqlite_url):
    database = Database(sqlite_url, lambda: MOMENT)
    yield LedgerFeed(database)
    database.close()


def test_the_search_for_known_entries_does_not_read_the_other_entries_of_the_feed(feed):
    def book(numbers: range) -> None:
        assert feed.report(*(entry(f"e-{number}", "UNAPPLIED", 100) for number in numbers)) == []

    book(range(20))
    assert feed.report(entry("x", "CORRECTION", 50, corrects="e-3")) == []
    few = steps_of(feed.database, "e-3", "e-7", "x")
    book(range(20, 2_000))

    assert steps_of(feed.database, "e-3", "e-7", "x") <= few + 5
