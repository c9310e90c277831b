"""Worked examples of the rules of cover, levels, judgement and cure."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.loans.cover import (
    NO_LIMIT,
    PledgeColumns,
    TargetColumns,
    claim_values,
    marks_before,
    pool_sums,
)
from collateral_registry.domain.loans.cure import (
    cash_cure,
    collateral_cure,
    largest_release,
    market_value_for,
    price_fall_to,
    quantity_for,
)
from collateral_registry.domain.loans.judge import CoverColumns, EventKind, JudgementRules, StateColumns, judge
from collateral_registry.domain.loans.levels import Level, level_of, loan_to_value
from collateral_registry.domain.shared.days import NO_DAY

PPM = 1_000_000
MONDAY = int(np.datetime64("2022-01-03", "D").astype(np.int64))
RULES = JudgementRules(5, 5, Level.STOP_DRAW, "Mon Tue Wed Thu Fri", np.zeros(0, dtype="datetime64[D]"))


def ints(*values):
    return np.array(values, dtype=np.int64)


def claims_of(rows, value, prior=0):
    """Returns the claims of pledges (rank, share, limit) on one asset."""
    pledges = PledgeColumns(
        target=np.zeros(len(rows), dtype=np.int64),
        loan=np.arange(len(rows), dtype=np.int64),
        rank=ints(*(row[0] for row in rows)),
        share_ppm=ints(*(int(row[1] * PPM) for row in rows)),
        limit_minor=ints(*(NO_LIMIT if row[2] is None else row[2] for row in rows)),
    )
    return claim_values(pledges, TargetColumns(ints(0), ints(prior)), ints(value)).tolist()


def test_the_first_pledge_takes_its_limit_and_the_second_the_rest():
    assert claims_of([(1, 1, 60), (2, 1, None)], 100) == [60, 40]


def test_a_limit_above_the_value_leaves_nothing():
    assert claims_of([(1, 1, 120), (2, 1, None)], 100) == [100, 0]


def test_equal_ranks_split_by_their_shares():
    assert claims_of([(1, 0.6, None), (1, 0.4, None)], 100) == [60, 40]


def test_prior_claims_come_first():
    assert claims_of([(1, 1, None)], 100, prior=30) == [70]


def test_a_senior_limit_in_another_currency_counts_in_proportion():
    pledges = PledgeColumns(ints(0, 1), ints(0, 1), ints(1, 2), ints(PPM, PPM), ints(60, NO_LIMIT))
    targets = TargetColumns(ints(0, 0), ints(0, 0))

    assert claim_values(pledges, targets, ints(100, 50)).tolist() == [60, 20]


@pytest.mark.parametrize(("limit", "prior"), [(60, 0), (NO_LIMIT, 0), (0, 30)])
def test_a_senior_claim_on_a_target_without_value_takes_all_of_the_asset(limit, prior):
    pledges = PledgeColumns(ints(0, 1), ints(0, 1), ints(1, 2), ints(PPM, PPM), ints(limit, NO_LIMIT))
    targets = TargetColumns(ints(0, 0), ints(prior, 0))

    assert claim_values(pledges, targets, ints(0, 50)).tolist() == [0, 0]


def test_a_limit_of_zero_on_a_target_without_value_takes_nothing():
    pledges = PledgeColumns(ints(0, 1), ints(0, 1), ints(1, 2), ints(PPM, PPM), ints(0, NO_LIMIT))

    assert claim_values(pledges, TargetColumns(ints(0, 0), ints(0, 0)), ints(0, 50)).tolist() == [0, 50]


def test_a_claim_bears_the_marks_of_the_targets_before_it_in_other_currencies():
    """Targets 0 to 2 are of one asset, target 3 of another; marks of later and equal ranks do not count."""
    pledges = PledgeColumns(
        ints(0, 1, 2, 2, 3), ints(0, 1, 2, 3, 4), ints(1, 2, 2, 3, 4), np.full(5, PPM), ints(0, 5, 5, 5, NO_LIMIT)
    )
    assets = ints(0, 0, 0, 1)

    without = marks_before(pledges, TargetColumns(assets, ints(0, 0, 0, 0)), ints(1, 2, 4, 8))
    prior = marks_before(pledges, TargetColumns(assets, ints(9, 0, 0, 0)), ints(1, 2, 4, 8))

    assert without.tolist() == [0, 0, 0, 2, 0]
    assert prior.tolist() == [0, 1, 1, 3, 0]


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.data())
def test_a_lower_value_in_one_currency_enlarges_no_claim(first, second, limit, prior, data):
    """Claims by conservative values therefore never exceed those by last good values."""
    pledges = PledgeColumns(
        ints(0, 1, 0), ints(0, 1, 2), ints(1, 2, 3), ints(PPM, PPM, PPM), ints(limit, limit, NO_LIMIT)
    )
    targets = TargetColumns(ints(0, 0), ints(prior, 0))
    lower = ints(data.draw(st.integers(0, first)), data.draw(st.integers(0, second)))

    assert (claim_values(pledges, targets, lower) <= claim_values(pledges, targets, ints(first, second))).all()


pledge_rows = st.lists(
    st.tuples(st.integers(1, 4), st.floats(0.01, 1), st.one_of(st.none(), st.integers(0, 10**9))),
    min_size=1,
    max_size=6,
)


@given(pledge_rows, st.integers(0, 10**12), st.integers(0, 10**12))
def test_claims_never_exceed_the_value_of_the_asset(rows, value, prior):
    ranks = sorted({row[0] for row in rows})
    fair = []
    for rank in ranks:
        own = [row for row in rows if row[0] == rank]
        whole = sum(row[1] for row in own)
        last = rank == ranks[-1]
        fair += [(rank, row[1] / max(whole, 1.0), row[2] if last or row[2] is not None else 0) for row in own]
    found = claims_of(fair, value, prior)

    assert sum(found) <= value
    assert min(found) >= 0


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_claims_in_two_currencies_never_exceed_the_asset(first, second, limit, other):
    pledges = PledgeColumns(
        ints(0, 1, 0), ints(0, 1, 2), ints(1, 2, 3), ints(PPM, PPM, PPM), ints(limit, other, NO_LIMIT)
    )
    found = claim_values(pledges, TargetColumns(ints(0, 0), ints(0, 0)), ints(first, second))

    assert found[0] / first + found[1] / second + found[2] / first <= 1 + 1e-12


def test_a_pool_counts_as_a_whole():
    """Property 10 m at 70 % and equipment 5 m at 50 %: 9.5 m; debt 10 m is an LTV of 105.26 %."""
    pledges = PledgeColumns(ints(0, 1), ints(0, 0), ints(1, 1), ints(PPM, PPM), ints(NO_LIMIT, NO_LIMIT))
    lendable = claim_values(pledges, TargetColumns(ints(0, 1), ints(0, 0)), ints(700_000_000, 250_000_000))
    pool = pool_sums(pledges, lendable, 1)

    assert pool[0] == 950_000_000
    assert loan_to_value(ints(1_000_000_000), pool)[0] == pytest.approx(1.0526, abs=5e-5)


def test_something_owed_against_nothing_is_infinite_and_nothing_owed_is_no_exposure():
    assert loan_to_value(ints(1, 0), ints(0, 0)).tolist() == [np.inf, 0.0]


def test_a_top_up_at_gross_value_does_not_cure():
    """Loan 100, collateral 160, limit 50 %: cash 20 or collateral 40, and 20 more collateral is not enough."""
    half = ints(500_000)

    assert cash_cure(ints(10_000), ints(16_000), half)[0] == 2_000
    assert collateral_cure(ints(10_000), ints(16_000), half)[0] == 4_000
    assert collateral_cure(ints(10_000), ints(18_000), half)[0] == 2_000


def test_copper_that_falls_to_4_2_million_needs_0_48_in_cash_or_0_8_in_copper():
    lendable, debt = ints(252_000_000), ints(300_000_000)

    assert loan_to_value(debt, lendable)[0] == pytest.approx(1.1905, abs=5e-5)
    assert cash_cure(debt, lendable, ints(PPM))[0] == 48_000_000
    cure = int(collateral_cure(debt, lendable, ints(PPM))[0])
    assert market_value_for(cure, 420_000_000, 252_000_000) == 80_000_000
    assert quantity_for(80_000_000, 420_000_000, Decimal(420), Decimal("0.001")) == 80
    assert quantity_for(80_000_001, 420_000_000, Decimal(420), Decimal(1)) == 81


def test_dynamic_pledge():
    """Exposure 7 m at 70 % needs 10 m; stock of 9.5 m is a rate of 73.68 % and a gap of 0.5 m."""
    exposure, stock = ints(700), ints(950)

    assert loan_to_value(exposure, stock)[0] == pytest.approx(0.7368, abs=5e-5)
    assert collateral_cure(exposure, stock, ints(700_000))[0] == 50


def test_cash_and_top_up_to_70_percent_and_the_fall_from_70_to_85():
    assert cash_cure(ints(80_00), ints(90_00), ints(700_000))[0] == 17_00
    assert collateral_cure(ints(80_000_000), ints(90_000_000), ints(700_000))[0] == pytest.approx(24_285_714, abs=1)
    assert price_fall_to(ints(70), ints(100), ints(850_000))[0] == pytest.approx(0.176471, abs=1e-6)


@given(st.integers(1, 10**10), st.integers(0, 10**10), st.integers(0, 10**10), st.integers(300_000, 1_500_000))
def test_the_largest_release_leaves_the_loan_covered_and_one_more_would_not(exposure, pool, claim, theta):
    claim = min(claim, pool)
    release = int(largest_release(ints(exposure), ints(pool), ints(claim), ints(theta))[0])

    assert 0 <= release <= claim
    if release:
        assert exposure * PPM <= theta * (pool - release)
    if release < claim:
        assert exposure * PPM > theta * (pool - release - 1)


LIMITS = ints(900_000, 1_000_000, 1_100_000, 1_200_000)[None, :]


def level(exposure, pool, before=Level.NONE):
    ltv = loan_to_value(ints(exposure), ints(pool))
    return Level(int(level_of(ltv, LIMITS, ints(10_000), ints(int(before)))[0]))


@pytest.mark.parametrize(
    ("exposure", "before", "after"),
    [
        (8999, Level.NONE, Level.NONE),
        (9000, Level.NONE, Level.WATCH),
        (10000, Level.NONE, Level.MARGIN_CALL),
        (9999, Level.MARGIN_CALL, Level.MARGIN_CALL),
        (9901, Level.MARGIN_CALL, Level.MARGIN_CALL),
        (9900, Level.MARGIN_CALL, Level.WATCH),
        (12000, Level.WATCH, Level.LIQUIDATION),
        (10950, Level.LIQUIDATION, Level.STOP_DRAW),
        (8900, Level.WATCH, Level.NONE),
    ],
)
def test_a_level_is_entered_at_its_limit_and_left_a_buffer_below(exposure, before, after):
    assert level(exposure, 10000, before) == after


def cover_columns(exposure, conservative, last_good=None, *, minimum=0, **marks):
    """Returns one loan; ``marks`` are the names of its properties that hold, all False by default."""
    names = ("never_valued", "unpriced", "quarantined", "collateral_added")
    return CoverColumns(
        exposure=ints(exposure),
        conservative=ints(conservative),
        last_good=ints(conservative if last_good is None else last_good),
        limits_ppm=LIMITS,
        buffer_ppm=ints(10_000),
        minimum_cure=ints(minimum),
        **{name: np.array([marks.get(name, False)]) for name in names},
    )


def fresh():
    no, unset = np.array([False]), ints(NO_DAY)
    return StateColumns(ints(0), ints(0), no, unset, unset, no, unset, no, no, no, ints(0), no, unset)


def story(*steps):
    """Judges a loan day after day; returns the kinds of events of each step, and the last state."""
    state, events = fresh(), []
    for day, cover in steps:
        found = judge(cover, state, day, RULES)
        state = found.after
        events.append([EventKind(kind).name for kind in found.event_kind.tolist()])
    return events, state


def test_a_wobble_at_the_line_opens_once():
    events, _ = story(*((MONDAY + n, cover_columns(10_000 + 50 * (-1) ** n, 10_000)) for n in range(6)))

    assert events[0] == ["OPENED", "NOTICE"]
    assert all(step == [] for step in events[1:])


def test_watch_needs_two_judgements_of_different_days():
    events, _ = story(*((day, cover_columns(9_500, 10_000)) for day in (MONDAY, MONDAY, MONDAY + 1)))

    assert events == [[], [], ["WATCH_ENTERED"]]


def test_a_deadline_lies_five_working_days_ahead_and_missing_it_escalates_once():
    steps = [(MONDAY + n, cover_columns(10_200, 10_000)) for n in (0, 1, 7, 8, 9)]
    events, state = story(*steps)

    assert events == [["OPENED", "NOTICE"], [], [], ["DEADLINE_MISSED", "ESCALATED"], []]
    assert state.level[0] == Level.STOP_DRAW
    assert state.judged[0] == Level.MARGIN_CALL


def test_a_cure_below_the_minimum_raises_no_notice_but_stays_visible():
    events, state = story((MONDAY, cover_columns(10_000, 10_000, minimum=1_000)))

    assert events == [["OPENED"]]
    assert state.cash_cure[0] == 100


def test_a_partial_cure_is_reported_when_collateral_was_added_not_when_the_price_rose():
    events, _ = story(
        (MONDAY, cover_columns(10_500, 10_000)),
        (MONDAY + 1, cover_columns(10_500, 10_100)),
        (MONDAY + 2, cover_columns(10_300, 10_100, collateral_added=True)),
    )

    assert events == [["OPENED", "NOTICE"], [], ["PARTIAL_CURE"]]


def test_a_second_fall_after_a_cure_is_a_new_episode():
    events, _ = story(
        (MONDAY, cover_columns(10_500, 10_000)),
        (MONDAY + 1, cover_columns(8_000, 10_000)),
        (MONDAY + 2, cover_columns(10_500, 10_000)),
    )

    assert events == [["OPENED", "NOTICE"], ["CURED"], ["OPENED", "NOTICE"]]


def test_unknown_that_changes_nothing_keeps_the_level_and_is_no_alarm():
    events, state = story((MONDAY, cover_columns(5_000, 9_000, last_good=10_000)))

    assert events == [[]]
    assert not state.unknown[0]


def test_unknown_that_matters_is_an_alarm_and_after_the_grace_the_conservative_level_is_judged():
    steps = [(MONDAY + n, cover_columns(5_000, 0, last_good=10_000)) for n in (0, 4, 7)]
    events, state = story(*steps)

    assert events == [["COVERAGE_UNKNOWN"], [], ["OPENED", "NOTICE"]]
    assert state.judged[0] == Level.LIQUIDATION


def test_an_episode_goes_on_while_coverage_is_unknown_beside_it():
    events, state = story(
        (MONDAY, cover_columns(10_500, 10_000)), (MONDAY + 1, cover_columns(10_500, 0, last_good=10_000))
    )

    assert events[1] == ["COVERAGE_UNKNOWN"]
    assert state.breach_open[0]
    assert state.judged[0] == Level.MARGIN_CALL


def test_an_asset_never_valued_makes_coverage_unknown_at_any_level():
    events, _ = story((MONDAY, cover_columns(5_000, 10_000, never_valued=True)))

    assert events == [["COVERAGE_UNKNOWN"]]


def test_a_loan_that_only_lacks_its_first_price_is_in_breach_after_the_grace_alone():
    steps = [(MONDAY + n, cover_columns(5_000, 0, never_valued=True, unpriced=True)) for n in (0, 4, 7)]
    events, state = story(*steps)

    assert events == [["COVERAGE_UNKNOWN"], [], ["OPENED", "NOTICE"]]
    assert state.judged[0] == Level.LIQUIDATION


def test_an_open_breach_stays_open_while_a_first_price_is_missing():
    events, state = story(
        (MONDAY, cover_columns(5_000, 0)),
        (MONDAY + 1, cover_columns(5_000, 0, never_valued=True, unpriced=True)),
    )

    assert events == [["OPENED", "NOTICE"], ["COVERAGE_UNKNOWN"]]
    assert state.breach_open[0]


def test_a_loan_that_lacks_more_than_a_price_is_in_breach_at_once():
    events, _ = story((MONDAY, cover_columns(5_000, 0, never_valued=True)))

    assert events == [["COVERAGE_UNKNOWN", "OPENED", "NOTICE"]]


def test_a_newer_price_in_quarantine_has_an_event_when_it_comes_and_when_it_ends():
    held, free = cover_columns(5_000, 10_000, quarantined=True), cover_columns(5_000, 10_000)
    events, _ = story(*((MONDAY + n, cover) for n, cover in enumerate((held, held, free, free))))

    assert events == [["PRICE_QUARANTINED"], [], ["PRICE_QUARANTINE_ENDED"], []]


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 2_000_000))
def test_a_cash_cure_is_never_more_than_what_is_owed_and_a_fall_never_negative(exposure, pool, theta):
    assert 0 <= cash_cure(ints(exposure), ints(pool), ints(theta))[0] <= exposure
    fall = price_fall_to(ints(exposure), ints(pool), ints(theta))[0]
    assert fall >= 0 if pool else np.isnan(fall)


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(0, 4))
def test_a_loan_in_a_batch_is_judged_as_it_would_be_alone(exposure, pool, others):
    one = judge(cover_columns(exposure, pool), fresh(), MONDAY, RULES)
    count = others + 1
    cover, state = cover_columns(exposure, pool), fresh()
    many = judge(
        CoverColumns(**{name: np.repeat(getattr(cover, name), count, axis=0) for name in cover.__dataclass_fields__}),
        StateColumns(**{name: np.repeat(getattr(state, name), count, axis=0) for name in state.__dataclass_fields__}),
        MONDAY,
        RULES,
    )

    assert many.after.level.tolist() == one.after.level.tolist() * count
    assert len(many.event_kind) == len(one.event_kind) * count
