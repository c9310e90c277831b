"""The judgements of a commit are listed worst level first, with the level before and the number of all."""

from dataclasses import replace

from collateral_registry.commands.loans import lending
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.domain.loans.agreements import Balance, Loan
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.loans.judgements import judgements_of_commit
from tests.support.books import FIRST, do

NOTHING = Balance(Money(0, "USD"), Money(0, "USD"), Money(0, "USD"), FIRST)
OWED = replace(NOTHING, principal=Money(100, "USD"))


def listed(database, write, limit):
    with database.read() as connection:
        judged, count = judgements_of_commit(connection, write.seq, limit)
    return [(one.loan_id, one.level_before, one.row["level"]) for one in judged], count


def test_only_the_worst_loans_are_listed_and_all_are_counted(empty_book):
    def create(write):
        for loan, balance in (("a", NOTHING), ("b", OWED), ("c", NOTHING), ("d", OWED)):
            lending.create_loan(write, Loan(loan, "Acme", "USD", balance))
        return write

    first = do(empty_book, create)

    worst = int(Level.LIQUIDATION)
    assert listed(empty_book, first, 3) == ([("b", None, worst), ("d", None, worst), ("a", None, 0)], 4)


def test_the_level_before_is_that_of_the_previous_judgement(empty_book):
    do(empty_book, lambda write: lending.create_loan(write, Loan("a", "Acme", "USD", NOTHING)))

    def owe(balance):
        push = BalancePush(0, "a", balance)
        return do(empty_book, lambda write: lending.ingest_balances(write, [push], ()) and write)

    up, down = owe(OWED), owe(NOTHING)

    worst = int(Level.LIQUIDATION)
    assert listed(empty_book, up, 9) == ([("a", 0, worst)], 1)
    assert listed(empty_book, down, 9) == ([("a", worst, 0)], 1)
