"""Certificates of a loan with a pool: the lines of its rules, and what an overdue certificate does to it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.borrowing_base.certificates import create_certificate, submit_certificate
from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.loans.lending import change_terms
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.borrowing_base.certificates import CertificateState
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.borrowing_base.walk import ClassStatement, Statement, WalkTerm
from collateral_registry.domain.loans.draws import DrawRefusal
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.book.policies import activate_policy, insert_policy, policy_in_force
from collateral_registry.store.loans.repository import get_loan
from tests.commands.pools.test_pool_path import judgement, statement, ten_invoices
from tests.support.pool_books import DAY, PoolBook
from valuation.errors import InvalidInput
from valuation.flags import UnknownReason
from valuation.money import PPM

TODAY = date_at(DAY)


@pytest.fixture
def book(tmp_path):
    built = PoolBook(f"sqlite:///{tmp_path / 'book.db'}")
    built.report(*ten_invoices())
    built.owe(3_000_000)
    built.do(lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=TERMS)))
    yield built
    built.database.close()


TERMS = BorrowingBaseTerms()


def certified(book, period_end=TODAY, due=TODAY):
    return book.do(lambda write: create_certificate(write, "loan-1", "june", period_end, due)).certificate


def submitted(book, stated):
    return book.do(lambda write: submit_certificate(write, "loan-1", "june", stated)).certificate


def test_the_lines_of_a_pool_are_those_of_its_statement_and_explain_the_difference(book):
    certified(book)
    stated = Statement({"receivable": ClassStatement(10_500_000, {"OVER_AGE": 100_000}, 850_000)})

    found = submitted(book, stated)

    made, (line,) = statement(book).statement, found.recomputed.statement.classes.values()
    assert line.gross_minor == made.open_minor == 10_000_000
    assert line.excluded_minor == {rule.name: one.amount_minor for rule, one in made.excluded.items()}
    assert line.rest_minor == made.eligible_minor
    assert line.amount_minor == made.lendable_minor == judgement(book)["base_minor"]
    assert line.rate_ppm == made.lendable_minor * PPM // made.eligible_minor
    assert [(step.term, step.rule) for step in found.steps] == [
        (WalkTerm.GROSS, ""),
        (WalkTerm.EXCLUSION, "CONCENTRATION"),
        (WalkTerm.EXCLUSION, "OVER_AGE"),
        (WalkTerm.RATE, ""),
    ]
    assert sum(step.change_minor for step in found.steps) == made.lendable_minor - stated.base_minor


def test_an_overdue_certificate_makes_the_pool_unknown_and_its_last_good_base_stands_through_the_grace(book):
    before = judgement(book)
    certified(book)
    book.do(without_grace)

    book.do(lambda write: advance(write, DAY + 1))
    finish_run(book.database)

    after = judgement(book)
    assert (after["base_minor"], after["good_base_minor"]) == (0, before["base_minor"])
    assert (after["coverage_unknown"], after["unknown"]) == (1, UnknownReason.CERTIFICATE_OVERDUE)
    assert after["level"] == before["level"]
    with book.database.read() as connection:
        draw = check_draw(connection, "loan-1", Money(1, get_loan(connection, "loan-1").loan.currency))
    assert draw.refusal == DrawRefusal.CERTIFICATE_OVERDUE
    submitted(book, Statement({}))
    assert (judgement(book)["base_minor"], judgement(book)["coverage_unknown"]) == (before["base_minor"], 0)


def test_a_statement_before_the_end_of_its_period_is_owed_again_and_becomes_overdue(book):
    before = judgement(book)
    end = date_at(DAY + 1)
    certified(book, end, end)
    assert submitted(book, Statement({})).state is CertificateState.SUBMITTED
    book.do(without_grace)

    pass_day(book, DAY + 2)

    assert judgement(book)["unknown"] == UnknownReason.CERTIFICATE_OVERDUE
    assert submitted(book, Statement({})).state is CertificateState.RECOMPUTED
    assert (judgement(book)["base_minor"], judgement(book)["unknown"]) == (before["base_minor"], 0)


def test_a_period_whose_last_day_was_never_judged_is_recomputed_by_the_judgement_before_it(book):
    before = judgement(book)
    certified(book, date_at(DAY + 1), date_at(DAY + 9))
    book.do(lambda write: advance(write, DAY + 1))

    pass_day(book, DAY + 2)
    found = submitted(book, Statement({}))

    assert found.state is CertificateState.RECOMPUTED
    assert (found.recomputed.market_day, found.recomputed.statement.base_minor) == (TODAY, before["base_minor"])


def test_a_certificate_that_is_due_at_a_weekend_is_not_overdue_on_its_due_day(book):
    certified(book, due=date_at(DAY + 1))  # a Saturday
    book.do(without_grace)

    pass_day(book, DAY + 1)
    on_the_day = judgement(book)["unknown"]
    pass_day(book, DAY + 2)

    assert (on_the_day, judgement(book)["unknown"]) == (0, UnknownReason.CERTIFICATE_OVERDUE)


def pass_day(book, day):
    """Moves the business date and publishes the run of the day."""
    book.do(lambda write: advance(write, day))
    finish_run(book.database)


def without_grace(write):
    """Activates a policy without grace for certificates."""
    policy = policy_in_force(write.connection, write.market_day).policy
    rules = {**policy.rules, "certificate_grace_days": SourcedNumber(Decimal(0), "test")}
    activate_policy(write, insert_policy(write, replace(policy, policy_id="without-grace", rules=rules)))


def test_a_certificate_is_for_a_period_at_whose_end_the_loan_had_a_base(book):
    with pytest.raises(InvalidInput, match="period_end_date: got 2021-12-01"):
        certified(book, date(2021, 12, 1))
