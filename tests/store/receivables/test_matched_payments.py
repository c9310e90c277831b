"""A payment is compared with those of its own amount, however many payments of its pool are matched."""

from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.booking import read_pools
from collateral_registry.store.receivables.payments import read_payments
from tests.support.ledgers import MOMENT, LedgerFeed, entry, from_account
from tests.support.searching import steps_of


def test_the_search_for_unmatched_payments_does_not_read_the_matched_ones(sqlite_url):
    database = Database(sqlite_url, lambda: MOMENT)
    ledger, account = LedgerFeed(database), LedgerFeed(database, "bank")

    def match(numbers: range) -> None:
        for feed, report in ((account, from_account), (ledger, entry)):
            kind = () if feed is account else ("PAYMENT",)
            made = [report(f"p-{number}", *kind, 10_000 + number, f"{number}") for number in numbers]
            assert feed.report(*made) == []

    def search(connection) -> None:
        paid = [("acme", "delta", 100 + number) for number in range(10)]
        read_payments(connection, read_pools(connection, {"acme"}), {"acme"}, paid, [("acme", 1)])

    assert account.report(*(from_account(f"u-{number}", 100 + number) for number in range(10))) == []
    assert ledger.report(*(entry(f"i-{number}", "INVOICE", 20_000, f"{number}") for number in range(1_000))) == []
    match(range(20))
    few = steps_of(database, search)
    match(range(20, 1_000))

    assert steps_of(database, search) <= few + 20
    database.close()
