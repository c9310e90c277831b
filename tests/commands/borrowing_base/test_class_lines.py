"""The lines of a class: where every cent is, from the open amount of a pool to what the loan may borrow on it."""

from dataclasses import replace

import pytest

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.borrowing_base.bases import recorded_base
from collateral_registry.commands.borrowing_base.certificates import create_certificate
from collateral_registry.commands.borrowing_base.class_lines import lines_of_classes
from collateral_registry.commands.loans.lending import change_terms
from collateral_registry.commands.loans.pledges import change_pledge, pledge_asset
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.borrowing_base.class_lines import ClassStep
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.domain.shared.days import NO_DAY, date_at
from tests.commands.borrowing_base.test_pool_certificates import without_grace
from tests.commands.pools.test_pool_path import statement
from tests.support.books import registered
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.receivables.rules import Rule


@pytest.fixture
def book(tmp_path):
    """A pool with invoices that are kept, too old, in part beyond the limit of a debtor, and unknown."""
    built = PoolBook(f"sqlite:///{tmp_path / 'book.db'}")
    kept = [invoice(str(n), 1_000_000, debtor) for n, debtor in enumerate(("delta", "globex", "hooli", "initech") * 2)]
    old = invoice("old", 40_017, "hooli", due=-61, issue_day=DAY - 80)
    unknown = invoice("unknown", 77_003, "initech", due_day=NO_DAY)
    built.report(*kept, old, unknown, invoice("large", 2_500_001, "delta"))
    built.do(lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=TERMS)))
    yield built
    built.database.close()


TERMS = BorrowingBaseTerms()


def lines(book):
    with book.database.read() as connection:
        found = recorded_base(connection, "loan-1", moment_of(connection))
        return found.base, lines_of_classes(connection, found)["receivable"]


def amounts(found, step):
    return {line.cause.rule: line.amount_minor for line in found if line.cause.step is step}


def test_the_lines_of_a_pool_are_its_statement_and_sum_to_what_the_class_lends(book):
    base, found = lines(book)
    made = statement(book).statement

    assert sum(line.amount_minor for line in found) == base.classes[0].amount_minor == made.lendable_minor
    assert found[0].cause.step is ClassStep.GROSS
    assert found[0].amount_minor == made.open_minor
    excluded, unknown = amounts(found, ClassStep.EXCLUSION), amounts(found, ClassStep.UNKNOWN)
    assert excluded == {rule: -one.amount_minor for rule, one in made.excluded.items()}
    assert unknown == {rule: -one.amount_minor for rule, one in made.unknown.items()}
    assert {Rule.PAST_DUE, Rule.CONCENTRATION} <= excluded.keys()
    assert made.open_minor + sum(excluded.values()) + sum(unknown.values()) == made.eligible_minor
    (late,) = (line for line in found if line.cause.rule == Rule.PAST_DUE and line.cause.step is ClassStep.EXCLUSION)
    assert late.cause.english == "More than 60 days after the due day."
    assert [(one.asset_id, one.amount_minor, one.invoices) for one in late.pools] == [("acme", -40_017, 1)]


def test_a_base_that_a_revaluation_judged_has_the_lines_of_its_statements(book):
    before = statement(book).statement
    book.report(invoice("ages", 500_000, "globex", due=-60, issue_day=DAY - 80))
    book.do(lambda write: advance(write, DAY + 1))
    finish_run(book.database)

    base, found = lines(book)

    made = statement(book).statement
    assert made.excluded[Rule.PAST_DUE].amount_minor == before.excluded[Rule.PAST_DUE].amount_minor + 500_000
    assert amounts(found, ClassStep.EXCLUSION) == {rule: -one.amount_minor for rule, one in made.excluded.items()}
    assert amounts(found, ClassStep.PLEDGE) == {}
    assert sum(line.amount_minor for line in found) == base.base_minor == made.lendable_minor


def test_what_a_pledge_does_not_claim_is_a_line_of_its_own(book):

    book.do(lambda write: change_pledge(write, "loan-1", "p-1", "", lambda pledge: replace(pledge, share_ppm=500_000)))

    base, found = lines(book)

    lent = statement(book).statement.lendable_minor
    assert amounts(found, ClassStep.PLEDGE) == {0: base.classes[0].amount_minor - lent}
    assert sum(line.amount_minor for line in found) == base.classes[0].amount_minor < lent


def test_two_pledges_of_a_pool_to_a_loan_show_its_gross_amount_once(book):
    book.do(lambda write: change_pledge(write, "loan-1", "p-1", "", lambda pledge: replace(pledge, share_ppm=500_000)))
    book.do(lambda write: pledge_asset(write, registered(Pledge("p-2", "loan-1", "acme", share_ppm=250_000))))

    base, found = lines(book)

    made = statement(book).statement
    assert found[0].amount_minor == made.open_minor
    assert amounts(found, ClassStep.EXCLUSION) == {rule: -one.amount_minor for rule, one in made.excluded.items()}
    assert sum(line.amount_minor for line in found) == base.classes[0].amount_minor
    assert base.classes[0].amount_minor == pytest.approx(made.lendable_minor * 3 / 4, abs=2)


def test_a_pool_that_is_unknown_as_a_whole_lends_nothing_and_the_line_says_so(book):
    book.do(lambda write: create_certificate(write, "loan-1", "june", date_at(DAY), date_at(DAY)))
    book.do(without_grace)
    book.do(lambda write: advance(write, DAY + 1))
    finish_run(book.database)

    base, found = lines(book)

    assert base.base_minor == 0
    assert amounts(found, ClassStep.UNKNOWN)[0] == -statement(book).statement.eligible_minor
    assert {line.cause.step for line in found} == {ClassStep.GROSS, ClassStep.EXCLUSION, ClassStep.UNKNOWN}
    assert sum(line.amount_minor for line in found) == 0
