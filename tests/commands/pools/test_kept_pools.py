"""Pools that are kept in memory: an entry computes its debtor again, with the result of the whole computation."""

from dataclasses import replace

import numpy as np
import pytest

from collateral_registry.commands.assignments.records import limit_debtor
from collateral_registry.commands.debtors.registry import change_debtor, create_debtor, merge_debtors
from collateral_registry.commands.pipeline.load_inputs import load_inputs
from collateral_registry.commands.pipeline.recompute import valuations
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.commands.pools import ladders
from collateral_registry.commands.pools.kept_pools import LEDGER_KINDS
from collateral_registry.commands.receivables.sync_pools import find_pending_pools, sync_pending_pools
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.assignments.debtor_limits import DebtorLimit, DebtorLimitKind
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind, DebtorLine, DebtorState
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.receivables.changes import computed_pool
from collateral_registry.domain.shared.money import Money
from collateral_registry.rpc.book_services import POOL_SYNC, STOCK_SYNC
from collateral_registry.store.assets.repository import asset_keys
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.debtors.repository import Cause
from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables import ledger
from collateral_registry.store.valuations.pool_statements import statement_as_of, statement_columns
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.ledgers import entry
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.receivables.rules import Rule

CAUSE = Cause("Ana", "agreed")
FIRM = DebtorKind.FIRM
LINE = DebtorLine(Money(8_000_000, "USD"))
DEBTORS = ("delta", "globex", "hooli", "initech", "vat:DE1", "unregistered")


@pytest.fixture
def book(database_url, monkeypatch):
    monkeypatch.setattr(ledger, "SMALL_LEDGER", 1)
    built = PoolBook(database_url)
    built.report(*(invoice(f"{at}", 100_000 + at, debtor=DEBTORS[at % 4]) for at in range(40)))
    yield built
    built.database.close()


@pytest.fixture
def wholes(monkeypatch):
    """The number of pools that are computed as a whole."""
    counted = []

    def computed(*args):
        counted.append(args)
        return computed_pool.computed(*args)

    monkeypatch.setattr(ladders, "computed", computed)
    return counted


def stored(book):
    """Returns the newest valuation of the pool and its statement."""
    with book.database.read() as connection:
        (key,) = asset_keys(connection, ["acme"]).tolist()
        row = list_valuations(connection, "acme", EVERYTHING, (1 << 62, ""), 1)[0]
        return dict(row), statement_as_of(connection, key, None).statement


def as_a_whole(book):
    """Returns the valuation of the pool and its statement by a database that keeps nothing."""
    other = Database(book.database.url, book.database.clock)
    with other.read() as connection:
        keys = asset_keys(connection, ["acme"])
        policy = policy_in_force(connection, DAY)
        made = valuations(connection, load_inputs(connection, keys, policy, []), policy, DAY, 0)
    other.close()
    return {name: column[0] for name, column in made.rows.items()}, made.statements


def assert_whole(book):
    """Compares what is stored of the pool with its computation as a whole."""
    (row, statement), (fresh, statements) = stored(book), as_a_whole(book)
    same = {name for name in fresh.keys() & row.keys() - {"good_seq"} if fresh[name] == fresh[name]}  # without NaN
    assert len(same) > 20
    assert {name: row[name] for name in same} == {name: fresh[name] for name in same}
    assert statement_columns([1], [statement], 1, DAY)["sums"].tolist() == statements["sums"].tolist()
    assert statement.entry_number == statements["entry_number"][0]


def change(book, **fields) -> None:
    """Changes the debtor delta."""
    book.do(lambda write: change_debtor(write, "delta", "", lambda one: replace(one, **fields), CAUSE))


def paid(book, number: int) -> None:
    """Reports a payment of an invoice."""
    book.report(entry(f"p-{number}", "PAYMENT", 7, str(number % 40), debtor=DEBTORS[number % 4], day=DAY))


def drawn_entry(draw, number: int):
    """Returns a random entry; some name no invoice and are rejected."""
    name, amount, at = f"e-{number}", int(draw.integers(1, 90_000)), str(draw.integers(40))
    stated = {"debtor": DEBTORS[int(draw.integers(len(DEBTORS)))], "day": DAY}
    match int(draw.integers(4)):
        case 0:
            return invoice(f"n-{number}", amount, debtor=stated["debtor"], due=int(draw.integers(-90, 60)))
        case 1:
            return entry(name, "PAYMENT", amount, at, **stated)
        case 2:
            return entry(name, "DISPUTE", 0, at, **stated)
        case _:
            return entry(name, "UNAPPLIED", amount // 9 + 1, **stated)


def test_random_entries_end_in_the_value_of_the_whole_pool(book, wholes):
    draw, limit = (
        np.random.default_rng(5),
        DebtorLimit("globex", DebtorLimitKind.LENDER, Money(700_000, "USD"), "agreed"),
    )
    book.do(lambda write: limit_debtor(write, "acme", limit, "Ana"))
    for number in range(25):
        book.feed.report(drawn_entry(draw, number))
        book.sync()
        assert_whole(book)
    assert Rule.DEBTOR_LIMIT in stored(book)[1].excluded
    assert len(wholes) < 25 + 10


def test_an_entry_computes_its_debtor_and_a_changed_fact_the_whole_pool(book, wholes):
    paid(book, 1)
    wholes.clear()
    paid(book, 2)
    assert not wholes

    book.do(
        lambda write: change_debtor(write, "delta", "", lambda one: replace(one, state=DebtorState.INSOLVENT), CAUSE)
    )
    assert len(wholes) == 1
    assert Rule.DEBTOR_INSOLVENT in stored(book)[1].excluded
    paid(book, 3)
    assert len(wholes) == 2
    paid(book, 5)
    assert len(wholes) == 2
    assert_whole(book)


def test_an_entry_that_repeats_a_claim_of_its_debtor_computes_the_debtor_again(book, wholes):
    book.do(lambda write: create_debtor(write, Debtor("twin", "Delta", country="US", is_independent=True, kind=FIRM)))
    book.do(lambda write: merge_debtors(write, "twin", "delta", CAUSE))
    paid(book, 1)
    wholes.clear()
    book.report(invoice("4", 100_004, debtor="twin"), invoice("8", 200_000, debtor="twin"))

    assert not wholes
    assert stored(book)[1].unknown[Rule.RE_AGED].amount_minor == 100_004 + 200_000
    assert_whole(book)
    book.report(entry("c", "CORRECTION", 0, corrects="twin-8"))
    assert stored(book)[1].unknown[Rule.RE_AGED].amount_minor == 100_004
    assert_whole(book)


def test_the_syncs_of_feeds_and_reads_for_a_draw_change_nothing_of_a_pool_but_its_ledger():
    assert {POOL_SYNC.kind, STOCK_SYNC.kind, "BringUpToDate"} <= LEDGER_KINDS


def test_what_an_undone_change_computed_is_not_used(book, wholes):
    paid(book, 1)
    book.feed.report(entry("p", "PAYMENT", 100_000, "4", day=DAY))
    with book.database.read() as connection:
        pending = find_pending_pools(connection)
    with book.database.write("SyncPools", Author("pools", "pools")) as write:
        sync_pending_pools(write, pending)
        settle(write)  # and is rolled back
    wholes.clear()
    change(book, state=DebtorState.INSOLVENT)  # has the sequence of the undone commit
    paid(book, 2)

    assert len(wholes) == 2
    assert_whole(book)


def test_a_change_of_more_than_half_of_a_pool_computes_the_whole_pool(book, wholes):
    paid(book, 1)
    wholes.clear()
    book.report(*(entry(f"p-{at}", "PAYMENT", 1, str(at), debtor=DEBTORS[at % 4], day=DAY) for at in range(4, 7)))

    assert len(wholes) == 1


def test_a_pool_of_a_debtor_with_a_line_is_computed_as_a_whole(book, wholes):
    change(book, line=LINE)
    paid(book, 1)
    wholes.clear()
    paid(book, 2)

    assert len(wholes) == 1
