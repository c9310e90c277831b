"""A draw is permitted up to the smallest bound of cover, credit limit, quarantined price and known coverage."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.loans.draws import DrawTerms, headroom
from collateral_registry.domain.loans.levels import Level

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
