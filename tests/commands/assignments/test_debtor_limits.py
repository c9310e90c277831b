"""Limits of debtors in a pool cut what exceeds them; the newest of a kind applies to each debtor until it is ended."""

from dataclasses import replace

import pytest

from collateral_registry.commands.assets.register import change
from collateral_registry.commands.assignments.records import end_limit, limit_debtor
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.debtors.registry import change_debtor, create_debtor, merge_debtors
from collateral_registry.commands.pools.explain import explained_pool
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.assignments.debtor_limits import DebtorLimit, DebtorLimitKind
from collateral_registry.domain.debtors.debtor import Debtor
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.debtors.repository import Cause
from collateral_registry.store.engine.commits import newest_commit
from tests.support.books import FIRST
from tests.support.invoice_pools import valued
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.receivables.rules import Rule

INSURED, LENDER = DebtorLimitKind.INSURED, DebtorLimitKind.LENDER
CAUSE = Cause("Ana", "the same")


@pytest.fixture
def book(database_url):
    found = PoolBook(database_url)
    found.register("core", "receivable.core_firm")
    found.report(*(invoice(str(number), 40_00) | {"pool": "core"} for number in range(2)))
    yield found
    found.database.close()


def limit(book, amount, kind=LENDER, debtor="delta", **fields):
    insurer = {"insurer": "AXA"} if kind == INSURED else {}
    one = DebtorLimit(debtor, kind, Money(amount, "USD"), "decided", **insurer, **fields)
    return book.do(lambda write: limit_debtor(write, "core", one, "Ana"))


def statement(book, seq=None):
    """Returns what each rule takes of the pool; checks that the stored statement is explained."""
    with book.database.read() as connection:
        found = explained_pool(connection, "core", seq or newest_commit(connection)[0])
    _, recomputed = valued(found.ladder.pool, found.numbers, found.stored.market_day)
    assert recomputed == found.stored.statement
    return {rule: one.amount_minor for rule, one in recomputed.excluded.items()}


def newest(book):
    with book.database.read() as connection:
        return newest_commit(connection)[0]


def move(book, country):
    def changed(debtor):
        return type(debtor)(**{**vars(debtor), "country": country})

    book.do(lambda write: change_debtor(write, "delta", "", changed, Cause("Ana", "register")))


def test_the_newest_limit_of_a_kind_applies_and_none_after_it_was_ended(book):
    limit(book, 70_00)
    before = newest(book)
    second = limit(book, 50_00, debtor="debtors/delta")
    assert statement(book) == {Rule.DEBTOR_LIMIT: 30_00}

    book.do(lambda write: end_limit(write, "core", second.key, "Ana", "repaid"))

    assert statement(book) == {}
    assert statement(book, before) == {Rule.DEBTOR_LIMIT: 10_00}


@pytest.mark.parametrize("is_ended", [False, True])
def test_a_merge_brings_no_larger_limit_and_an_ended_limit_of_a_duplicate_takes_none_away(book, is_ended):
    book.do(lambda write: create_debtor(write, Debtor("twin", "Twin")))
    limit(book, 70_00)
    other = limit(book, 90_00, debtor="twin")
    before = newest(book)
    if is_ended:
        book.do(lambda write: end_limit(write, "core", other.key, "Ana", "repaid"))

    book.do(lambda write: merge_debtors(write, "twin", "delta", CAUSE))

    assert statement(book) == statement(book, before) == {Rule.DEBTOR_LIMIT: 10_00}


def test_an_insurance_of_a_duplicate_that_has_lapsed_covers_no_foreign_debtor_after_a_merge(book):
    move(book, "FR")
    book.do(lambda write: create_debtor(write, Debtor("twin", "Twin")))
    limit(book, 60_00, INSURED, debtor="twin", expire=FIRST)
    limit(book, 60_00, INSURED)
    book.do(lambda write: advance(write, DAY + 1))
    finish_run(book.database)
    assert statement(book) == {Rule.FOREIGN_UNINSURED: 20_00}

    book.do(lambda write: merge_debtors(write, "twin", "delta", CAUSE))

    assert statement(book) == {Rule.FOREIGN_UNINSURED: 80_00}


def test_a_foreign_debtor_counts_up_to_its_insured_limit_only(book):
    move(book, "FR")
    assert statement(book) == {Rule.FOREIGN_UNINSURED: 80_00}

    limit(book, 60_00, INSURED)

    assert statement(book) == {Rule.FOREIGN_UNINSURED: 20_00}


@pytest.mark.parametrize(
    ("country", "taken"), [("US", {Rule.INSURED_LIMIT: 20_00}), ("FR", {Rule.FOREIGN_UNINSURED: 80_00})]
)
def test_a_lapse_of_an_insurance_lets_nothing_more_count(book, country, taken):
    move(book, country)
    limit(book, 60_00, INSURED, expire=FIRST)

    book.do(lambda write: advance(write, DAY + 1))
    finish_run(book.database)

    assert statement(book) == taken


@pytest.mark.parametrize(
    ("kind", "country", "taken"),
    [
        (LENDER, "US", {Rule.CURRENCY_BARRED: 80_00, Rule.DEBTOR_LIMIT: 40_00}),
        (INSURED, "US", {Rule.CURRENCY_BARRED: 80_00, Rule.INSURED_LIMIT: 40_00}),
        (INSURED, "FR", {Rule.FOREIGN_UNINSURED: 120_00}),
    ],
)
def test_a_limit_in_another_currency_than_the_pool_lets_nothing_count(book, kind, country, taken):
    move(book, country)
    limit(book, 70_00, kind)
    book.do(lambda write: change(write, "core", "", lambda asset: replace(asset, currency="EUR")))

    book.report(invoice("new", 40_00) | {"pool": "core", "currency": "EUR"})

    assert statement(book) == taken
