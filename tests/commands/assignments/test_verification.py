"""A verification samples the ledger by its seed; the answers bound the misstatement and exclude denied debts."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.assignments.records import record_event
from collateral_registry.commands.assignments.verification import plan_verification, record_answers
from collateral_registry.commands.pools.inputs import PoolAsset, pool_inputs_of
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.events import AssignmentEvent, AssignmentEventKind
from collateral_registry.domain.assignments.verification import (
    Answer,
    Outcome,
    Plan,
    SampledInvoice,
    least_misstated_share,
    misstated_share,
)
from collateral_registry.domain.assignments.verification_targets import TargetedInvoice
from collateral_registry.domain.findings.kinds import FindingKind, Severity
from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.pool_ladder import class_parts
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.errors import AlreadyExists, Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.assignments.facts import assignment_facts
from collateral_registry.store.assignments.verifications import verification_of
from collateral_registry.store.findings.repository import FINDING_FILTER, list_findings
from tests.support.books import FIRST, do, open_empty_book
from tests.support.invoice_pools import numbers
from tests.support.ledgers import LedgerFeed, entry
from valuation.errors import InvalidInput
from valuation.receivables.verification import upper_misstatement_share

DAY = day_of(FIRST)
TOLERABLE = Money(300_00, "USD")


@pytest.fixture
def book(database_url):
    """A pool of invoices A of 5,000.00 and B to K of 500.00 each."""
    database = open_empty_book(database_url)
    do(database, lambda write: register(write, Asset("acme", "Acme", "receivable", "USD", ReceivablePool())))
    amounts = {"A": 5_000_00, **dict.fromkeys("BCDEFGHIJK", 500_00)}
    assert not LedgerFeed(database).report(
        *(entry(f"i-{name}", "INVOICE", amount, name, day=DAY) for name, amount in amounts.items())
    )
    yield database
    database.close()


def plan(book, name="v-1", seed=7, tolerable=TOLERABLE, targets=0):
    return do(book, lambda write: plan_verification(write, "acme", name, tolerable, 950_000, seed, targets, "Ana"))


def answer(book, stored, outcome, names=None, **fields):
    """Records the same answer for the named invoices, or for all of the sample; returns the commit."""
    numbers = [one.invoice_number for one in stored.plan.invoices if names is None or one.invoice_number in names]
    answers = [Answer("delta", number, outcome, **fields) for number in numbers]

    def work(write):
        record_answers(write, "acme", stored.plan.verification_id, answers, "Bo")
        return write.seq

    return do(book, work)


def verified(book, seq=None):
    with book.read() as connection:
        return verification_of(connection, get_asset(connection, "acme").key, seq)


def test_the_same_seed_gives_the_same_sample_of_the_same_ledger(book):
    one, other, third = plan(book).plan, plan(book, "v-2").plan, plan(book, "v-3", seed=8).plan

    assert replace(other, verification_id="v-1") == one
    assert third.first_minor != one.first_minor
    assert (one.book_minor, one.sample, one.entry_number) == (10_000_00, 100, 11)
    assert one.interval_minor == 100_00
    assert sum(invoice.units for invoice in one.invoices) == 100
    assert next(invoice.units for invoice in one.invoices if invoice.invoice_number == "A") == 50
    with pytest.raises(AlreadyExists):
        plan(book)


class Undone(Exception):
    """Ends a write without a commit, as a validation does."""


def test_no_validation_shows_the_sample_of_a_plan_without_a_seed_and_a_stated_seed_is_visible(book):
    tried = []

    def attempt(write):
        tried.append(plan_verification(write, "acme", "v-1", TOLERABLE, 950_000, 0, 0, "Ana").plan.seed)
        raise Undone

    with pytest.raises(Undone):
        do(book, attempt)
    drawn, stated = plan(book, seed=0).plan, plan(book, "v-2", seed=7).plan

    assert drawn.seed != tried[0]
    assert (drawn.random_seed, stated.random_seed) == (True, False)


def test_the_bound_counts_each_answer_by_its_units_once_all_have_one(book):
    stored = plan(book)
    answer(book, stored, Outcome.CONFIRMED)
    assert verified(book).misstated_share == pytest.approx(2.9957 / 100, abs=1e-6)
    before = answer(book, stored, Outcome.DIFFERS, "B", confirmed=Money(300_00, "USD"))
    assert verified(book).misstated_share == pytest.approx(upper_misstatement_share(100, [0.4] * 5, 0.95))
    answer(book, stored, Outcome.NO_ANSWER, "B")
    assert verified(book).misstated_share == pytest.approx(upper_misstatement_share(100, [1.0] * 5, 0.95))
    answer(book, stored, Outcome.NO_ANSWER, "B", has_proof=True)
    assert verified(book).misstated_share == pytest.approx(2.9957 / 100, abs=1e-6)
    assert verified(book, before).misstated_share == pytest.approx(upper_misstatement_share(100, [0.4] * 5, 0.95))
    assert verified(book).day == DAY


def value_part(book):
    """Returns the value part of the haircut, as a share; the policy's is 5 %."""
    with book.read() as connection:
        pool = PoolAsset(get_asset(connection, "acme").key, "acme", "USD", ReceivablePool())
        terms = pool_inputs_of(connection, [pool], DAY, {})[0].facts.terms
    return class_parts(terms, numbers(), DAY).value[0]


def test_good_answers_leave_the_bound_as_it_was_until_all_are_known(book):
    assert np.isnan(verified(book).misstated_share)
    assert (verified(book).day, value_part(book)) == (NO_DAY, 0.05)
    answer(book, plan(book), Outcome.CONFIRMED)
    bound = pytest.approx(2.9957 / 100, abs=1e-6)

    later = plan(book, "v-2", tolerable=Money(200_00, "USD"))
    answer(book, later, Outcome.NO_ANSWER, "A", has_proof=True)

    assert (verified(book).misstated_share, value_part(book)) == (bound, bound)


def test_bad_answers_raise_the_value_part_before_a_verification_is_complete(book):
    bound = pytest.approx(upper_misstatement_share(100, [1.0] * 5, 0.95))
    answer(book, plan(book, "v-0"), Outcome.NO_ANSWER, "B")
    assert value_part(book) == bound

    answer(book, plan(book), Outcome.CONFIRMED)
    assert value_part(book) == verified(book).misstated_share < 0.05  # a newer one is complete

    later = plan(book, "v-2")
    answer(book, later, Outcome.DENIED, "B")
    plan(book, "v-3")
    assert value_part(book) == bound
    answer(book, later, Outcome.CONFIRMED, "ACDEFGHIJK")
    assert (verified(book).misstated_share, value_part(book)) == (bound, bound)


@settings(max_examples=50)
@given(st.data())
def test_no_further_answer_lowers_the_least_bound_of_a_verification(data):
    amounts = data.draw(st.lists(st.integers(1, 1_000), min_size=1, max_size=8))
    sampled = [SampledInvoice("delta", f"{at}", one, one // 100 + 1) for at, one in enumerate(amounts)]
    target = TargetedInvoice("delta", "T", 50, ())
    made = Plan("v", FIRST, 950_000, 1, "USD", 7, 1, sum(amounts) + 50, 1, 1, 0, sampled, (target,))
    answers, least = {}, 0.0
    for one in data.draw(st.permutations([*sampled, target])):
        if data.draw(st.booleans()):
            given_answer = Answer("delta", one.invoice_number, Outcome.DIFFERS, Money(one.open_minor // 2, "USD"))
        else:
            given_answer = Answer("delta", one.invoice_number, Outcome.CONFIRMED)
        answers[one.debtor, one.invoice_number] = given_answer
        now = least_misstated_share(made, answers)
        assert (now is None) == (not any(each.outcome == Outcome.DIFFERS for each in answers.values()))
        assert (now or 0.0) >= least
        least = now or 0.0
    assert misstated_share(made, answers) >= least


def test_an_invoice_of_which_nothing_is_confirmed_doubles_the_next_sample_too(book):
    stored = plan(book)
    answer(book, stored, Outcome.DIFFERS, "B", confirmed=Money(0, "USD"))

    assert plan(book, "v-2").plan.sample == 2 * stored.plan.sample


def test_no_missing_answer_lowers_the_bound_that_a_denial_raised(book):
    stored = plan(book)
    answer(book, stored, Outcome.DENIED, "A")
    answer(book, stored, Outcome.CONFIRMED, "BCDEFGHIJK")
    bound = verified(book).misstated_share
    assert bound == pytest.approx(upper_misstatement_share(100, [1.0] * 50, 0.95))

    answer(book, stored, Outcome.NO_ANSWER, "A", has_proof=True)
    assert (denied(book), verified(book).misstated_share) == ([("A",)], bound)

    answer(book, stored, Outcome.CONFIRMED, "A")
    answer(book, stored, Outcome.NO_ANSWER, "A", has_proof=True)
    assert denied(book) == []
    assert verified(book).misstated_share == pytest.approx(2.9957 / 100, abs=1e-6)


def test_a_denial_doubles_each_sample_until_a_verification_without_one_is_complete(book):
    first = plan(book)
    answer(book, first, Outcome.DENIED, "B")
    assert plan(book, "v-2").plan.sample == 2 * first.plan.sample
    third = plan(book, "v-3")
    assert third.plan.sample == 2 * first.plan.sample

    answer(book, third, Outcome.CONFIRMED)
    assert plan(book, "v-4").plan.sample == first.plan.sample
    answer(book, first, Outcome.DENIED, "C")
    assert plan(book, "v-5").plan.sample == 2 * first.plan.sample


def test_a_denial_in_a_complete_verification_doubles_until_the_next_one_is_complete(book):
    first = plan(book)
    answer(book, first, Outcome.CONFIRMED, "ACDEFGHIJK")
    answer(book, first, Outcome.DENIED, "B")
    second = plan(book, "v-2")
    assert [second.plan.sample, plan(book, "v-3").plan.sample] == [2 * first.plan.sample] * 2

    answer(book, second, Outcome.CONFIRMED, "ACDEFGHIJK")
    answer(book, second, Outcome.NO_ANSWER, "B", has_proof=True)
    assert plan(book, "v-4").plan.sample == first.plan.sample


def denied(book):
    return [scope.invoice_numbers for scope in verified(book).denied]


def test_a_debt_stays_denied_until_its_debtor_confirms_it(book):
    stored, later = plan(book), plan(book, "v-2")
    answer(book, later, Outcome.CONFIRMED, "A")
    answer(book, stored, Outcome.DENIED, "A")
    assert denied(book) == [("A",)]

    answer(book, later, Outcome.NO_ANSWER, "A")
    answer(book, later, Outcome.NO_ANSWER, "A", has_proof=True)
    assert denied(book) == [("A",)]
    answer(book, later, Outcome.DIFFERS, "A", confirmed=Money(1, "USD"))
    assert denied(book) == []
    answer(book, later, Outcome.DIFFERS, "A", confirmed=Money(0, "USD"))
    assert denied(book) == [("A",)]
    answer(book, stored, Outcome.CONFIRMED, "A")
    assert denied(book) == []


def test_a_plan_of_a_lower_confidence_has_the_bound_of_the_least_one(book):
    ten = do(book, lambda write: plan_verification(write, "acme", "v-1", TOLERABLE, 10_000, 7, 0, "Ana"))
    answer(book, ten, Outcome.CONFIRMED)

    units = sum(one.units for one in ten.plan.invoices)
    assert verified(book).misstated_share == pytest.approx(upper_misstatement_share(units, [], 0.95))


def test_a_denied_debt_opens_a_finding_excludes_the_invoice_and_doubles_the_next_sample(book):
    registration = AssignmentEvent(AssignmentEventKind.REGISTERED, FIRST, registry="zdw", registration_number="1")
    do(book, lambda write: record_event(write, "acme", "a-1", registration, "Ana"))
    stored = plan(book)

    def states():
        with book.read() as connection:
            key = get_asset(connection, "acme").key
            facts = assignment_facts(connection, key, LedgerFeed(book).ledger(), DAY, "USD")
        return {AssignmentState(state).name for state in facts.state[[1]].tolist()}, int((facts.state == 5).sum())

    assert states() == ({"REGISTERED"}, 0)
    answer(book, stored, Outcome.DENIED, "B", document="letter 4")

    assert states() == ({"REFUSED"}, 1)
    with book.read() as connection:
        (found,) = list_findings(connection, FINDING_FILTER.parse("kind = DEBT_DENIED"), 10**9, 9)
    assert (found.finding.kind, found.finding.severity) == (FindingKind.DEBT_DENIED, Severity.CRITICAL)
    assert found.finding.evidence["open_amount"] == "500.00 USD"
    assert plan(book, "v-2").plan.sample == 2 * stored.plan.sample
    answer(book, stored, Outcome.CONFIRMED, "B")
    assert states() == ({"REGISTERED"}, 0)


def test_the_bound_is_the_value_part_of_the_pool(book):
    answer(book, plan(book), Outcome.CONFIRMED)
    with book.read() as connection:
        key = get_asset(connection, "acme").key
        pool = PoolAsset(key, "acme", "USD", ReceivablePool())
        facts = pool_inputs_of(connection, [pool], DAY, {})[0].facts

    assert (facts.terms.value_part, facts.terms.verification_day) == (verified(book).misstated_share, DAY)


def test_without_a_tolerable_amount_the_policy_states_its_share(book):
    assert plan(book, tolerable=None).plan.tolerable_minor == 500_00


def test_what_cannot_be_verified_is_refused(book):
    stored = plan(book)
    unknown = [Answer("delta", "Z", Outcome.CONFIRMED), Answer("delta", "B", Outcome.DIFFERS, Money(1, "EUR"))]
    with pytest.raises(InvalidInput, match=r"answers\[0\].invoice_number: got 'Z'.*answers\[1\].confirmed_amount"):
        do(book, lambda write: record_answers(write, "acme", stored.plan.verification_id, unknown, "Bo"))
    with pytest.raises(InvalidInput, match="tolerable_amount"):
        plan(book, "v-2", tolerable=Money(1_00, "USD"))
    do(book, lambda write: register(write, Asset("empty", "Beta", "receivable", "USD", ReceivablePool())))
    with pytest.raises(Refused) as refused:
        do(book, lambda write: plan_verification(write, "empty", "v", TOLERABLE, 950_000, 7, 0, "Ana"))
    assert refused.value.reason == "NO_LEDGER"
    with pytest.raises(InvalidInput, match="confirmed_amount"):
        Answer("delta", "B", Outcome.CONFIRMED, Money(1, "USD"))
    with pytest.raises(InvalidInput, match="other_proof"):
        Answer("delta", "B", Outcome.DENIED, has_proof=True)


def unusual(book):
    """Reports invoices of ordinary amounts, one that is round, and one of a new debtor at the end of a month."""
    long_ago = day_of(FIRST - timedelta(days=400))

    def issued(name, amount, day, **fields):
        return entry(f"i-{name}", "INVOICE", amount, name, day=day, issue_day=day, **fields)

    usual = [issued(f"U-{number}", 123_45 + number, long_ago + 28 * (number // 3)) for number in range(30)]
    middle = day_of(FIRST.replace(day=15))
    odd = [
        issued("U-31", 400_00, middle),
        issued("U-32", 123_99, day_of(FIRST.replace(day=30)), debtor="brand-new"),
    ]
    assert not LedgerFeed(book).report(*usual, *odd)


def test_targets_are_the_unusual_invoices_beyond_the_sample_with_their_reasons_by_seed(book):
    unusual(book)
    few = Money(6_000_00, "USD")
    one, other = plan(book, tolerable=few, targets=5).plan, plan(book, "v-2", tolerable=few, targets=5).plan
    without = plan(book, "v-3", tolerable=few).plan
    first, *rest = one.targets

    assert other.targets == one.targets
    assert (list(without.targets), without.invoices) == ([], one.invoices)
    assert not {(invoice.debtor, invoice.invoice_number) for invoice in one.invoices} & {
        (target.debtor, target.invoice_number) for target in one.targets
    }
    assert first.invoice_number == "U-32"
    assert [reason.name for reason in first.reasons] == ["NEW_DEBTOR", "PERIOD_END"]
    assert [len(target.reasons) > 0 for target in rest] == [True] * 4


def test_targets_add_what_is_known_to_be_misstated_and_never_weaken_the_bound_of_the_sample(book):
    unusual(book)
    stored = plan(book, tolerable=Money(3_000_00, "USD"), targets=3)
    answer(book, stored, Outcome.CONFIRMED)
    bound = verified(book).misstated_share
    target = stored.plan.targets[0]

    def answered(outcome, **fields):
        one = Answer(target.debtor, target.invoice_number, outcome, **fields)
        do(book, lambda write: record_answers(write, "acme", "v-1", [one], "Bo"))
        return verified(book)

    assert answered(Outcome.CONFIRMED).misstated_share == bound
    denied = answered(Outcome.DENIED)
    assert denied.misstated_share == pytest.approx(bound + target.open_minor / stored.plan.book_minor)
    assert [scope.invoice_numbers for scope in denied.denied] == [(target.invoice_number,)]
