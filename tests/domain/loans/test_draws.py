"""A draw is permitted up to the smallest bound of cover, credit limit, quarantined price and known coverage."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from collateral_registry.domain.borrowing_base.base import BaseTerms
from collateral_registry.domain.loans.draws import BaseGate, DrawRefusal, DrawTerms, headroom
from collateral_registry.domain.loans.judge import CoverColumns, JudgementRules, StateColumns, judge
from collateral_registry.domain.loans.levels import Level, level_of, loan_to_value
from collateral_registry.domain.shared.days import NO_DAY
from valuation.money import PPM

TERMS = DrawTerms(
    exposure=500,
    pool=1_000,
    good_pool=1_000,
    decision_pool=1_000,
    watch_ppm=900_000,
    target_ppm=990_000,
    judged=Level.NONE,
    level=Level.NONE,
    coverage_unknown=False,
    never_valued=False,
)


def bound(**terms):
    found = headroom(replace(TERMS, **terms))
    return found.largest, found.refusal.name


def test_the_collateral_bounds_a_draw():
    assert bound() == (490, "COVER")
    assert bound(exposure=995) == (0, "COVER")


def test_the_credit_limit_bounds_a_draw_and_is_never_exceeded():
    assert bound(credit_limit=600) == (100, "CREDIT_LIMIT")
    assert bound(credit_limit=499) == (0, "CREDIT_LIMIT")


def test_a_lower_price_in_quarantine_bounds_a_draw_and_a_higher_one_changes_nothing():
    assert bound(decision_pool=600) == (94, "QUARANTINED_PRICE")
    assert bound(decision_pool=400) == (0, "QUARANTINED_PRICE")
    assert bound(decision_pool=1_000) == (490, "COVER")


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"is_closed": True}, "LOAN_CLOSED"),
        ({"is_matured": True}, "MATURED"),
        ({"is_judged": False}, "NOT_JUDGED"),
        ({"coverage_unknown": True}, "COVERAGE_UNKNOWN"),
        ({"never_valued": True, "exposure": 0}, "COVERAGE_UNKNOWN"),
        ({"level": Level.STOP_DRAW}, "LEVEL"),
    ],
)
def test_some_rules_refuse_every_draw(terms, refusal):
    assert bound(**terms) == (0, refusal)


def test_a_draw_may_not_make_coverage_unknown():
    """At 900 the conservative values reach WATCH and the last good ones do not, so the coverage would be UNKNOWN."""
    assert bound(good_pool=1_500) == (399, "COVERAGE_UNKNOWN")
    assert bound(good_pool=1_500, exposure=0) == (899, "COVERAGE_UNKNOWN")
    assert bound(good_pool=1_050, judged=Level.WATCH, exposure=950) == (40, "COVER")


@given(st.integers(0, 2_000), st.integers(0, 2_000), st.integers(0, 2_000), st.one_of(st.none(), st.integers(0, 2_000)))
def test_the_headroom_keeps_every_bound_and_one_more_unit_breaks_one(exposure, pool, withheld, limit):
    terms = replace(TERMS, exposure=exposure, pool=pool, good_pool=pool, credit_limit=limit)
    terms = replace(terms, decision_pool=max(pool - withheld, 0))
    found = headroom(terms)

    def holds(draw):
        owed = exposure + draw
        return owed * 1_000_000 <= terms.decision_pool * 990_000 and (limit is None or owed <= limit)

    assert found.largest == 0 or holds(found.largest)
    assert not holds(found.largest + 1)


LIMITS = (900_000, 1_000_001, 1_100_000, 1_200_000)
BUFFER = 10_000


def judged(owed: int, pool: int, good_pool: int, limits: tuple[int, ...], before: Level) -> StateColumns:
    """Returns the state of one loan after a judgement, from a level before."""

    def column(value: int) -> np.ndarray:
        return np.array([value], dtype=np.int64)

    no, yes = np.array([False]), np.array([True])
    cover = CoverColumns(
        exposure=column(owed),
        conservative=column(pool),
        last_good=column(good_pool),
        never_valued=no,
        unpriced=no,
        quarantined=no,
        limits_ppm=np.array([limits], dtype=np.int64),
        buffer_ppm=column(BUFFER),
        minimum_cure=column(0),
        collateral_added=no,
    )
    state = StateColumns(
        judged=column(before),
        level=column(before),
        unknown=no,
        watch_day=column(NO_DAY),
        unknown_day=column(NO_DAY),
        breach_open=yes if before >= Level.MARGIN_CALL else no,
        deadline_day=column(NO_DAY),
        deadline_missed=no,
        noticed=no,
        waived=no,
        cash_cure=column(0),
        quarantined=no,
        waived_until=column(NO_DAY),
    )
    rules = JudgementRules(5, 5, Level.STOP_DRAW, "Mon Tue Wed Thu Fri", np.array([], dtype="datetime64[D]"))
    return judge(cover, state, 20_000, rules).after


amounts = st.integers(0, 2_000) | st.integers(0, 10**13)


@given(
    amounts,
    amounts,
    st.integers(0, 1_000),
    st.none() | amounts,
    st.integers(0, 500),
    st.sampled_from([PPM, 990_000, 500_000]),
    st.sampled_from([1_000_001, PPM, 950_000, 333_333]),
)
@example(0, 10**13, 0, None, 0, PPM, 333_333)
def test_a_permitted_draw_of_a_base_is_no_breach_and_one_more_unit_is_refused(
    used, pool, unknown, line, block, target, margin_call
):
    limits = (margin_call - 100_000, margin_call, 1_100_000, 1_200_000)
    terms = base_terms(used, pool, pool + unknown, line, block, target, limits)
    found = headroom(terms)
    drawn = used + found.largest

    if found.largest:
        after = judged(drawn, pool, pool + unknown, limits, terms.judged)
        assert after.judged[0] < Level.MARGIN_CALL
        assert not after.unknown[0]
        assert drawn + block <= (pool if line is None else min(pool, line))
    one_more = judged(drawn + 1, pool, pool + unknown, limits, terms.judged)
    assert (
        drawn + 1 + block > pool * target // PPM
        or (line is not None and drawn + 1 + block > line)
        or one_more.judged[0] >= Level.MARGIN_CALL
        or one_more.unknown[0]
        or terms.level >= Level.MARGIN_CALL
        or terms.coverage_unknown
    )


def test_a_draw_on_a_very_large_base_does_not_make_its_coverage_unknown():
    """The LTV of one minor unit below WATCH is the same number as the limit."""
    pool, good_pool = 6_213_235_632_950_299, 7_000_000_000_000_000
    found = headroom(base_terms(0, pool, good_pool, None, 0, PPM, LIMITS))

    assert found.refusal == DrawRefusal.COVERAGE_UNKNOWN
    assert not judged(found.largest, pool, good_pool, LIMITS, Level.NONE).unknown[0]
    assert judged(found.largest + 1, pool, good_pool, LIMITS, Level.NONE).unknown[0]


def base_terms(used, pool, good_pool, line, block, target, limits) -> DrawTerms:
    """Returns the terms of a loan with a base that has just been judged for the first time."""
    state = judged(used, pool, good_pool, limits, Level.NONE)
    return DrawTerms(
        exposure=used,
        pool=pool,
        good_pool=good_pool,
        decision_pool=pool,
        watch_ppm=limits[0],
        target_ppm=limits[1] - BUFFER,
        judged=Level(int(state.judged[0])),
        level=Level(int(state.level[0])),
        coverage_unknown=bool(state.unknown[0]),
        never_valued=False,
        credit_limit=line,
        gate=BaseGate(block=block, target_ppm=target, margin_call_ppm=limits[1]),
    )


@given(amounts, amounts, st.none() | amounts, st.integers(0, 500))
def test_the_largest_draw_of_a_base_is_its_availability_unless_its_breach_is_open(used, pool, line, block):
    found = headroom(base_terms(used, pool, pool, line, block, PPM, LIMITS))
    availability = BaseTerms(line, block).availability(pool, used)
    ltv = loan_to_value(np.array([used]), np.array([pool]))
    level = level_of(ltv, np.array([LIMITS]), np.array([0]), np.array([0]))

    if level[0] < Level.MARGIN_CALL:
        assert found.largest == max(availability, 0)
    else:
        assert (found.largest, found.refusal) == (0, DrawRefusal.LEVEL)
        assert availability < 0


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, "BASE"),
        ({"credit_limit": 1_000}, "BASE"),
        ({"credit_limit": 999}, "CREDIT_LIMIT"),
        ({"credit_limit": 999, "gate": BaseGate(block=600)}, "BLOCK"),
        ({"credit_limit": 499, "gate": BaseGate(block=600)}, "CREDIT_LIMIT"),
        ({"decision_pool": 800}, "QUARANTINED_PRICE"),
        ({"gate": BaseGate(margin_call_ppm=700_000)}, "COVER"),
        ({"level": Level.MARGIN_CALL}, "LEVEL"),
        ({"level": Level.MARGIN_CALL, "gate": BaseGate(over_advance=10)}, "BASE"),
        ({"level": Level.STOP_DRAW, "gate": BaseGate(over_advance=10)}, "LEVEL"),
        ({"level": Level.MARGIN_CALL, "gate": BaseGate(over_advance=10), "good_pool": 1_001}, "LEVEL"),
        ({"coverage_unknown": True}, "COVERAGE_UNKNOWN"),
        ({"coverage_unknown": True, "certificate_overdue": True}, "CERTIFICATE_OVERDUE"),
    ],
)
def test_the_binding_rule_of_a_base_is_the_one_that_limits_a_draw(fields, refusal):
    assert bound(**{"gate": BaseGate(), **fields})[1] == refusal


def test_a_permitted_over_advance_is_drawn_beyond_the_margin_call_of_the_loan_and_does_not_replace_it():
    assert bound(gate=BaseGate(margin_call_ppm=700_000)) == (199, "COVER")
    assert bound(gate=BaseGate(margin_call_ppm=700_000, over_advance=1)) == (200, "COVER")
    assert bound(gate=BaseGate(margin_call_ppm=700_000, over_advance=400)) == (599, "COVER")


@given(amounts, amounts, st.none() | amounts, st.integers(0, 500), st.sampled_from([PPM, 500_000]), amounts)
@example(0, 10**13, None, 0, PPM, 1)
def test_a_permitted_draw_is_no_breach_without_the_over_advance(used, pool, line, block, target, over_advance):
    """By the judgement of what is used less the over-advance, whether the base or the margin call of the loan binds."""
    for margin_call in (1_000_001, 950_000, 333_333):
        limits = (margin_call - 100_000, margin_call, 1_100_000, 1_200_000)
        gate = BaseGate(block, over_advance, target, margin_call)
        terms = replace(base_terms(used, pool, pool, line, block, target, limits), gate=gate)
        drawn = used + (largest := headroom(terms).largest)

        if largest:
            after = judged(max(drawn - over_advance, 0), pool, pool, limits, Level.NONE)
            assert after.judged[0] < Level.MARGIN_CALL
            assert drawn + block <= pool * target // PPM + over_advance
            assert line is None or drawn + block <= line


def test_a_permitted_over_advance_is_drawn_beyond_the_base():
    assert bound(gate=BaseGate(over_advance=30)) == (530, "BASE")
    assert bound(gate=BaseGate(over_advance=30), exposure=1_010) == (20, "BASE")
    assert bound(gate=BaseGate(over_advance=30), credit_limit=1_005) == (505, "CREDIT_LIMIT")
