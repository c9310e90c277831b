"""Dilution as a reserve: what a loan claims of a pool bears it once, in its base or in its claim."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from collateral_registry.commands.book.policies import put_into_force, store_policy
from collateral_registry.commands.borrowing_base.bases import recorded_base
from collateral_registry.commands.borrowing_base.certificates import create_certificate, submit_certificate
from collateral_registry.commands.borrowing_base.class_lines import lines_of_classes
from collateral_registry.commands.borrowing_base.reserves import create_reserve
from collateral_registry.commands.loans.lending import change_terms, create_loan
from collateral_registry.commands.loans.pledges import pledge_asset
from collateral_registry.commands.pipeline.covers import cover_inputs, cover_of
from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.pools.explain import pool_statement
from collateral_registry.commands.revaluation.preview import PreviewJob, PreviewRows, preview_book
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.borrowing_base.walk import Statement
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.rpc.borrowing_base.certificate_messages import certificate_message
from collateral_registry.rpc.borrowing_base.messages import base_message
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.pledges import read_pledges
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.web.pages.views.receivables.base_lines import reserve_label
from tests.commands.assignments.test_pool_estimates import estimate, history, review
from tests.support.books import FIRST, registered
from tests.support.pool_books import DAY, PoolBook, invoice
from tests.support.server import amount
from valuation.flags import QualityFlag
from valuation.money import PPM

DEBTORS = ("delta", "globex", "hooli", "initech")
SALES = 4_000_00
STRESS, STAND_IN = 2.25, 0.05
WITH_BASE = BorrowingBaseTerms()


@pytest.fixture
def book(sqlite_url):
    found = PoolBook(sqlite_url)
    found.do(lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=WITH_BASE)))
    yield found
    found.database.close()


def draft(book, policy_id, **numbers):
    """Returns a policy that differs from the present one by numbers of the class of pools."""
    with book.database.read() as connection:
        policy = policy_in_force(connection, newest_commit(connection)[1]).policy
    stated = {name: SourcedNumber(Decimal(value), "a test") for name, value in numbers.items()}
    classes = {**policy.classes, "receivable.trade": {**policy.classes.get("receivable.trade", {}), **stated}}
    return replace(policy, policy_id=policy_id, effective=date(2021, 1, 1), classes=classes)


def put_policy(book, policy_id, **numbers):
    """Puts such a policy into force."""
    drafted = draft(book, policy_id, **numbers)
    book.do(lambda write: store_policy(write, drafted))
    book.do(lambda write: put_into_force(write, policy_id))
    finish_run(book.database)


def judged(book, column="lendable_minor", loan_id="loan-1"):
    with book.database.read() as connection:
        return int(newest_judgements(connection, np.array([get_loan(connection, loan_id).key]))[column][0])


def shown(book, seq=None):
    with book.database.read() as connection:
        newest, day = newest_commit(connection)
        return recorded_base(connection, "loan-1", Moment(seq or newest, day, ""))


def invoices(pool="acme"):
    return [invoice(pool, SALES // len(DEBTORS), debtor=name) | {"pool": pool} for name in DEBTORS]


def is_rounded_up(reserved, exact, claimed):
    """Returns whether an amount is the exact one, rounded up by at most a millionth of the claim."""
    return exact <= reserved <= exact + claimed / PPM + 1


def test_a_pool_without_an_estimate_reserves_the_stressed_stand_in_of_the_sales_of_the_horizon(book):
    put_policy(book, "reserving", dilution_place="3")
    old = invoice("old", 50_00, issue_day=1, due_day=2, delivery_day=1)  # no credit of it is to come
    book.report(*invoices(), old)

    found = shown(book)
    ((reserve, reserved),) = found.base.deductions

    with book.database.read() as connection:
        stated_pool = pool_statement(connection, "acme", newest_commit(connection)[0])
    lendable = stated_pool.stored.statement.lendable_minor
    exact = STRESS * STAND_IN * SALES
    assert reserved == stated_pool.dilution_reserve_minor
    assert reserve.kind is ReserveKind.DILUTION
    assert is_rounded_up(reserved, exact, lendable)
    assert judged(book) == lendable
    assert judged(book, "base_minor") == found.base.base_minor == lendable - reserved
    assert judged(book, "good_base_minor") == found.base.base_minor
    assert judged(book, "quality") & QualityFlag.DILUTION_STAND_IN
    with book.database.read() as connection:
        (stated,) = base_message(found, lines_of_classes(connection, found)).reserves
    assert (stated.reserve, stated.source) == ("", "assets/acme")


def test_a_certificate_names_the_pool_of_a_computed_reserve_and_the_name_of_a_recorded_one(book):
    put_policy(book, "reserving", dilution_place="3")
    book.report(*invoices())
    rent = Reserve(ReserveKind.RENT, "Ana", "rent", FIRST, amount_minor=1, reserve_id="rent")
    book.do(lambda write: create_reserve(write, "loan-1", rent))
    book.do(lambda write: create_certificate(write, "loan-1", "december", FIRST, FIRST))

    message = certificate_message(book.do(lambda write: submit_certificate(write, "loan-1", "december", Statement({}))))

    named = [(one.reserve, one.source) for one in message.reserves]
    assert named == [("loans/loan-1/reserves/rent", ""), ("", "assets/acme")]
    assert [reserve_label(one) for one in message.reserves] == ["rent", "acme"]
    assert sum(amount(one.deduction) for one in message.reserves) == amount(message.recomputed.reserves)


def test_a_loan_without_a_base_claims_less_by_its_part_of_the_reserve(book):
    put_policy(book, "reserving", dilution_place="3")
    book.register("second")
    owed = Balance(*(Money(0, "USD") for _ in range(3)), FIRST)
    book.do(lambda write: create_loan(write, Loan("without", "Acme", "USD", owed)))
    half = registered(Pledge("p-2", "without", "second", share_ppm=PPM // 2))
    book.do(lambda write: pledge_asset(write, half))
    book.report(*invoices(), *invoices("second"))

    claimed = judged(book) // 2

    assert is_rounded_up(claimed - judged(book, loan_id="without"), STRESS * STAND_IN * SALES / 2, claimed)


def test_the_reserve_is_taken_off_the_claim_at_a_quarantined_rate(book):
    book.do(lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=None)))
    put_policy(book, "reserving", dilution_place="3")
    book.report(*invoices())
    with book.database.read() as connection:
        key, policy = get_loan(connection, "loan-1").key, policy_in_force(connection, DAY).policy
        keys = np.array([key], dtype=np.int64)
        inputs = cover_inputs(connection, keys, read_pledges(connection, keys), None, policy, DAY)
    quarantined = replace(inputs, values={**inputs.values, "withheld_share": np.array([0.5])})

    pools = cover_of(quarantined, DAY).pools

    assert int(pools.lendable[0]) == judged(book)
    assert abs(int(pools.lendable[0]) / 2 - int(pools.decision_lendable[0])) <= 1


def test_an_estimated_pool_reserves_by_its_expected_dilution_and_its_spike(book):
    put_policy(book, "reserving", dilution_place="3", concentration_mode="4")
    book.report(*history(), *invoices())
    review(book)

    known = estimate(book).dilution
    ((_, reserved),) = shown(book).base.deductions

    exact = (STRESS * known.expected + known.volatility) * SALES
    assert is_rounded_up(reserved, exact, judged(book))


def test_dilution_acts_in_one_place_and_a_base_of_the_past_keeps_its_reserve(book):
    put_policy(book, "reserving", dilution_place="3", advance_notified="1")
    book.report(*invoices())
    reserving, lendable = shown(book), judged(book)
    seq = reserving.judgement["seq"]

    put_policy(book, "in-value", dilution_place="1")
    in_value, lower = shown(book), judged(book)
    put_policy(book, "none", dilution_stand_in="0")

    assert in_value.base.deductions == ()
    assert lower < judged(book) == lendable
    assert shown(book, seq).base == reserving.base


def test_a_preview_of_the_policy_states_the_collateral_that_its_activation_records(book):
    book.do(lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=None)))
    book.report(*invoices())
    before = judged(book)
    drafted = draft(book, "reserving", dilution_place="3", dilution_stand_in="0.1")
    book.do(lambda write: store_policy(write, drafted))

    parts = [*preview_book(book.database, PreviewJob("reserving"))]
    (loan,) = (part.loans for part in parts if isinstance(part, PreviewRows) and part.loans is not None)
    book.do(lambda write: put_into_force(write, "reserving"))
    finish_run(book.database)

    assert judged(book) < before
    assert loan["lendable_minor"].tolist() == [judged(book)]


@pytest.mark.parametrize("numbers", [{"dilution_stress": "2"}, {"dilution_place": "3", "dilution_threshold": "0.1"}])
def test_a_number_for_another_place_of_dilution_is_refused(book, numbers):
    with pytest.raises(Refused, match="state one of them") as refused:
        put_policy(book, "twice", **numbers)
    assert refused.value.reason == "DILUTION_TWICE"
