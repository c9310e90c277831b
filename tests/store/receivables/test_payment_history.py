"""A payment that both records report was made when the account received it, whichever record came first."""

from collateral_registry.domain.receivables.estimates.history import history_of_effects
from collateral_registry.store.assignments.agreement import entries_of
from collateral_registry.store.receivables.history import history_of
from collateral_registry.store.receivables.ledger import pool_keys_of
from tests.support.ledgers import TODAY, LedgerFeed, entry, from_account


def last_payments(feed):
    """Returns the day of the last payment of each invoice by number, as stored and as computed from the effects."""
    with feed.database.read() as connection:
        (key,) = pool_keys_of(connection, ["acme"]).values()
        stored = history_of(connection, key, "USD").last_payment_day
        computed = history_of_effects(entries_of(connection, key).effects, "USD").last_payment_day
    assert stored == computed
    return {number: day for (_, number), day in stored.items()}


def test_a_payment_of_both_records_has_the_day_of_the_account(feed):
    feed.report(*(entry(f"i-{one}", "INVOICE", 100, one) for one in "ABCD"))
    feed.report(entry("p-A", "PAYMENT", 10, "A", day=TODAY - 30), entry("p-D", "PAYMENT", 40, "D", day=TODAY - 30))
    LedgerFeed(feed.database, "bank").report(
        from_account("a-A", 10, "A", day=TODAY - 21),
        from_account("a-B", 20, day=TODAY - 22),
        from_account("a-C", 30, "C", day=TODAY - 23),
    )
    feed.report(entry("p-B", "PAYMENT", 20, "B", day=TODAY - 30), entry("p-C", "PAYMENT", 30, "C", day=TODAY - 10))

    assert last_payments(feed) == {"A": TODAY - 21, "B": TODAY - 22, "C": TODAY - 23, "D": TODAY - 30}


def test_a_payment_that_is_booked_again_keeps_the_day_of_the_account(feed):
    feed.report(entry("i", "INVOICE", 100, "A"))
    LedgerFeed(feed.database, "bank").report(from_account("a", 10, "A", day=TODAY - 20))
    feed.report(entry("p", "PAYMENT", 10, "A", day=TODAY - 20))
    feed.report(entry("x", "CORRECTION", 0, corrects="p"))

    assert last_payments(feed) == {"A": TODAY - 20}
