"""A debtor's line over the book: by the order of registration, in the commit of the change, and replayed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collateral_registry.commands.assets.register import change, register, retire
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.debtors.exposure import debtor_exposure
from collateral_registry.commands.debtors.registry import change_debtor, create_debtor, merge_debtors, undo_merge
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.pools.explain import explained_pool
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind, DebtorLine
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import asset_keys
from collateral_registry.store.debtors.repository import Cause
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.valuations.pool_statements import statement_as_of
from tests.support.books import FIRST
from tests.support.invoice_pools import valued
from tests.support.ledgers import entry
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.flags import UnknownReason
from valuation.receivables.rules import Rule

POOLS = ("first", "second", "third")
CAUSE = Cause("Ana", "agreed")


@pytest.fixture
def book(database_url):
    built = PoolBook(database_url)
    for name in POOLS:
        built.register(name, "receivable.core_firm")
    set_line(built, 8_000_000)
    yield built
    built.database.close()


def set_line(book, amount, currency="USD", **fields):
    line = DebtorLine(Money(amount, currency), **fields)
    book.do(lambda write: change_debtor(write, "delta", "", lambda debtor: replace(debtor, line=line), CAUSE))


def report(book, **amounts):
    book.report(*(invoice(f"{pool}-1", amount) | {"pool": pool} for pool, amount in amounts.items()))


def stored(book, pool):
    with book.database.read() as connection:
        (key,) = asset_keys(connection, [pool]).tolist()
        return statement_as_of(connection, key, None)


def eligible(book):
    return [stored(book, pool).statement.eligible_minor for pool in POOLS]


def test_a_line_is_used_in_the_order_of_registration(book):
    report(book, third=1_500_000, second=2_500_000, first=5_000_000)

    assert eligible(book) == [5_000_000, 2_500_000, 500_000]
    assert stored(book, "third").statement.excluded[Rule.DEBTOR_LINE].amount_minor == 1_000_000


def test_a_payment_in_the_first_pool_lets_the_last_in_within_the_same_commit(book):
    report(book, first=5_000_000, second=2_500_000, third=1_500_000)
    book.report(entry("paid", "PAYMENT", 4_000_000, "first-1", pool="first", day=DAY))

    assert eligible(book) == [1_000_000, 2_500_000, 1_500_000]
    assert len({stored(book, pool).seq for pool in POOLS}) == 1


def test_an_earlier_pool_in_another_currency_uses_none_of_the_line(book):
    pool = Asset("yen", "Acme", "receivable.core_firm", "JPY", ReceivablePool(owner_debtor="owner"))
    book.do(lambda write: register(write, pool))
    book.assign("yen", registered_us=1)
    book.report(invoice("y-1", 500_000_000, currency="JPY") | {"pool": "yen"})
    report(book, first=5_000_000)

    assert stored(book, "yen").statement.eligible_minor == 0
    assert eligible(book)[0] == 5_000_000


def test_unknown_invoices_use_the_line_although_they_count_nothing(book):
    book.report(invoice("u", 7_000_000, due_day=-1_000_000) | {"pool": "first"})
    report(book, second=2_500_000)

    assert eligible(book)[:2] == [0, 1_000_000]


def test_a_pool_whose_sum_is_no_amount_leaves_nothing_of_the_lines_of_its_debtors(book):
    report(book, first=5_000_000, second=2_500_000)

    book.report(*(invoice(f"huge-{number}", 10**14) | {"pool": "third"} for number in range(91)))

    assert eligible(book)[:2] == [0, 0]
    assert stored(book, "third").statement.open_minor == 0
    book.report(*(entry(f"p-{at}", "PAYMENT", 10**14, f"huge-{at}", pool="third", day=DAY) for at in range(91)))
    assert eligible(book) == [5_000_000, 2_500_000, 0]


@pytest.mark.parametrize(
    "line",
    [{"amount": 0}, {"amount": 9_000_000, "expire": FIRST - timedelta(days=1)}, {"amount": 9, "currency": "EUR"}],
)
def test_a_line_of_0_or_of_another_currency_or_past_its_last_day_leaves_nothing(book, line):
    report(book, first=5_000_000)
    set_line(book, **line)

    assert eligible(book)[0] == 0


def test_pools_are_valued_again_when_their_debtor_is_registered_or_merged(book):
    book.report(invoice("n", 1_000_000, debtor="newcomer") | {"pool": "second"})
    assert eligible(book)[1] == 0

    new = Debtor("newcomer", "New", country="US", is_independent=True, kind=DebtorKind.FIRM)
    book.do(lambda write: create_debtor(write, new))
    assert eligible(book)[1] == 1_000_000

    report(book, first=7_500_000)
    book.do(lambda write: merge_debtors(write, "newcomer", "delta", CAUSE))
    assert eligible(book)[:2] == [7_500_000, 500_000]


def test_an_explanation_follows_the_lines_of_its_commit(book):
    report(book, first=5_000_000, second=2_500_000, third=1_500_000)
    before = stored(book, "third")
    book.report(entry("paid", "PAYMENT", 4_000_000, "first-1", pool="first", day=DAY))

    with book.database.read() as connection:
        for seq in (before.seq, stored(book, "third").seq):
            pool = explained_pool(connection, "third", seq)
            assert valued(pool.ladder.pool, pool.numbers, pool.ladder.part.day)[1] == pool.stored.statement


def reported_later(book, *entries):
    """Books entries, none of which is rejected, and does not apply them yet."""
    assert book.feed.report(*entries) == []


def explained_again(book, pool):
    with book.database.read() as connection:
        found = explained_pool(connection, pool, newest_commit(connection)[0])
        return valued(found.ladder.pool, found.numbers, found.stored.market_day)[1]


@pytest.mark.parametrize("revalued", [False, True])
def test_pools_never_exceed_a_line_while_entries_of_others_wait(book, revalued):
    report(book, first=1_000_000, third=8_000_000)
    reported_later(book, invoice("more", 5_000_000) | {"pool": "first"})
    if revalued:
        book.do(lambda write: advance(write, DAY + 1))
        finish_run(book.database)
    else:
        book.do(lambda write: change(write, "third", "", lambda asset: replace(asset, country="US")))

    assert eligible(book)[0] == 1_000_000
    assert eligible(book)[2] == 7_000_000
    for pool in ("first", "third"):
        assert explained_again(book, pool) == stored(book, pool).statement

    book.sync()

    assert eligible(book)[0] == 6_000_000
    assert eligible(book)[2] == 2_000_000
    assert explained_again(book, "third") == stored(book, "third").statement


def test_an_explanation_knows_the_other_pools_as_they_were_in_its_commit(book):
    report(book, second=4_000_000)
    book.report(invoice("twin-1", 6_000_000, debtor="hooli") | {"pool": "first"})
    book.do(lambda write: merge_debtors(write, "hooli", "delta", CAUSE))
    with book.database.read() as connection:
        merged = newest_commit(connection)[0]
    before = stored(book, "second")
    assert before.statement.eligible_minor == 2_000_000

    book.do(lambda write: undo_merge(write, "hooli", CAUSE))
    book.do(lambda write: change(write, "first", "", lambda asset: replace(asset, asset_class="receivable.trade")))

    assert stored(book, "second").statement.eligible_minor == 4_000_000
    with book.database.read() as connection:
        past = explained_pool(connection, "second", merged)
    assert valued(past.ladder.pool, past.numbers, past.stored.market_day)[1] == before.statement
    assert [one.asset.asset_id for one in exposed(book, seq=merged).pools] == ["first", "second"]
    assert [one.asset.asset_id for one in exposed(book).pools] == ["second"]


def test_a_retired_pool_claims_nothing_of_a_line(book):
    report(book, first=7_000_000, second=2_000_000)
    assert eligible(book)[1] == 1_000_000

    book.do(lambda write: retire(write, "first", ""))

    assert eligible(book)[1] == 2_000_000
    assert explained_again(book, "second") == stored(book, "second").statement
    assert exposed(book).claimed_minor == 2_000_000


def exposed(book, debtor="delta", seq=None):
    with book.database.read() as connection:
        return debtor_exposure(connection, debtor, moment_of(connection, seq=seq or newest_commit(connection)[0]))


def test_the_exposure_to_a_debtor_is_that_of_its_pools_and_states_what_its_line_leaves(book):
    report(book, third=1_500_000, second=2_500_000, first=5_000_000)
    with book.database.read() as connection:
        before = newest_commit(connection)[0]
    found = exposed(book)

    assert [one.asset.asset_id for one in found.pools] == ["first", "second", "third"]
    assert [one.eligible_minor for one in found.pools] == eligible(book)
    assert [one.claimed_minor for one in found.pools] == [5_000_000, 2_500_000, 1_500_000]
    assert (found.line, found.claimed_minor, found.headroom_minor) == (Money(8_000_000, "USD"), 9_000_000, -1_000_000)
    assert sum(one.excluded_minor for one in found.pools) == 1_000_000

    book.report(entry("p", "PAYMENT", 5_000_000, "first-1", pool="first", day=DAY))
    after = exposed(book)

    assert [one.asset.asset_id for one in after.pools] == ["second", "third"]
    assert (after.claimed_minor, after.headroom_minor) == (4_000_000, 4_000_000)
    assert exposed(book, seq=before).pools == found.pools


def test_the_exposure_to_a_merged_duplicate_is_that_of_the_other_debtor(book):
    report(book, first=5_000_000)
    book.report(invoice("twin-1", 100, debtor="hooli") | {"pool": "second"})
    book.do(lambda write: merge_debtors(write, "hooli", "delta", CAUSE))

    assert exposed(book, "hooli").pools == exposed(book, "delta").pools
    assert [one.open_minor for one in exposed(book, "hooli").pools] == [5_000_000, 100]


def test_a_debtor_without_invoices_has_no_exposure(book):
    assert exposed(book, "globex").pools == []
    assert exposed(book, "globex").headroom_minor == 0


def test_a_pool_that_is_unknown_as_a_whole_lends_nothing_on_a_debtor(book):
    report(book, first=5_000_000)
    with book.database.read() as connection:
        before = newest_commit(connection)[0]
    (known,) = exposed(book).pools
    book.do(lambda write: advance(write, DAY + 4))
    finish_run(book.database)

    (stale,) = exposed(book).pools

    assert (known.unknown, known.lendable_minor) == (0, 4_000_000)
    assert (stale.unknown, stale.lendable_minor) == (UnknownReason.LEDGER_STALE, 0)
    assert (stale.open_minor, stale.eligible_minor) == (5_000_000, 5_000_000)
    assert exposed(book, seq=before).pools == [known]
