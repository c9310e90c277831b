"""Entries that a feed reports again or corrects are found by their ids, however many entries the feed has."""

from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.booking import known_entries
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS
from tests.support.ledgers import MOMENT, LedgerFeed, entry
from tests.support.searching import steps_of


def test_the_search_for_known_entries_does_not_read_the_other_entries_of_the_feed(sqlite_url):
    database = Database(sqlite_url, lambda: MOMENT)
    feed = LedgerFeed(database)

    def book(numbers: range) -> None:
        assert feed.report(*(entry(f"e-{number}", "UNAPPLIED", 100) for number in numbers)) == []

    def search(connection) -> None:
        key = INVOICE_FEEDS.get(connection, "erp").key
        assert known_entries(connection, key, {"e-3", "e-7", "x"}).keys() == {"e-3", "e-7", "x"}

    book(range(20))
    assert feed.report(entry("x", "CORRECTION", 50, corrects="e-3")) == []
    few = steps_of(database, search)
    book(range(20, 2_000))

    assert steps_of(database, search) <= few + 20
    database.close()
