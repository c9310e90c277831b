"""The ledger of a pool that is registered with a feed is reported by that feed alone."""

import pytest

from collateral_registry.commands.assets.register import register
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.shared.days import day_of
from tests.support.books import FIRST, do, open_empty_book
from tests.support.ledgers import LedgerFeed, entry as entry_of, from_account, open_amounts

DAY = day_of(FIRST)
REFUSED = "pool: got assets/acme, whose entries invoiceFeeds/erp reports, want a pool of invoiceFeeds/other"


@pytest.fixture
def book(database_url):
    database = open_empty_book(database_url)
    yield database
    database.close()


def entry(*args, **fields):
    return entry_of(*args, day=DAY, **fields)


def register_with(book, feed, pool="acme"):
    asset = Asset(pool, "Acme", "receivable", "USD", ReceivablePool(invoice_feed=feed))
    do(book, lambda write: register(write, asset))


def test_entries_of_another_feed_are_refused_and_those_of_the_account_are_not(book):
    register_with(book, "erp")
    erp, other = LedgerFeed(book), LedgerFeed(book, "other")
    assert erp.report(entry("i-A", "INVOICE", 100, "A")) == []

    assert other.report(
        entry("x-B", "INVOICE", 50, "B"),
        entry("x-C", "INVOICE", 50, "C", pool="unnamed"),
        from_account("a-1", 40, "A", day=DAY),
    ) == [f"x-B: {REFUSED}"]

    assert open_amounts(erp.ledger()) == {"A": 60}


def test_a_feed_that_a_pool_no_longer_has_corrects_and_moves_nothing_and_its_repeats_are_known(book):
    other = LedgerFeed(book, "other")
    first = entry("i-A", "INVOICE", 100, "A")
    assert other.report(first, entry("i-B", "INVOICE", 70, "B", pool="second")) == []
    register_with(book, "erp")

    rejected = other.report(
        first,
        entry("c-A", "CORRECTION", 10, corrects="i-A"),
        entry("m-B", "MOVE", number="B", pool="second", to_pool="acme"),
    )

    assert rejected == [f"c-A: {REFUSED}", f"m-B: {REFUSED.replace('pool:', 'to_pool:', 1)}"]
    assert open_amounts(other.ledger()) == {"A": 100}


def test_a_pool_without_a_feed_takes_entries_of_every_feed(book):
    register_with(book, "")

    assert LedgerFeed(book).report(entry("i-A", "INVOICE", 100, "A")) == []
    assert LedgerFeed(book, "other").report(entry("i-B", "INVOICE", 50, "B")) == []
