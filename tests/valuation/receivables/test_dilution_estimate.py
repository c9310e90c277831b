"""Dilution of a pool and its debtors from data, the lag of credit notes, and a rising trend."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from valuation.errors import InvalidInput
from valuation.receivables.dilution import Dilution, dilution_of, dilution_ratios
from valuation.receivables.dilution_estimate import (
    DilutionRecord,
    credit_lag_reserve,
    estimated_dilution,
    horizon_ratio,
    rising,
    trend_scores,
)
from valuation.statistics.credibility import experience

STAND_IN = Dilution(0.05, 0.09)
SALES = np.array([1000, 1100, 1050, 1200, 1150, 1300, 1250, 1180, 1220, 1310, 1290, 1330, 1400])
DILUTED = np.array([0, 28, 33, 30, 41, 36, 40, 55, 62, 49, 38, 44, 47])


def record_of(debtors: int, months: int, seed: int = 0) -> DilutionRecord:
    """Returns a record of debtors whose dilution differs, between 1 and 9 percent of sales."""
    draw = np.random.default_rng(seed)
    sales = draw.integers(50_000, 150_000, (debtors, months))
    share = draw.uniform(0.01, 0.09, (debtors, 1)) * draw.uniform(0.8, 1.2, (debtors, months))
    return DilutionRecord(np.rint(sales * share).astype(np.int64), sales, 0)


def test_a_pool_of_one_debtor_has_the_dilution_of_its_months():
    found = estimated_dilution(DilutionRecord(DILUTED[None], SALES[None], 1), STAND_IN)

    assert found.pool == dilution_of(dilution_ratios(DILUTED, SALES, 1))
    assert (found.pool.expected, found.pool.spike) == (
        pytest.approx(0.034831, abs=5e-7),
        pytest.approx(0.045569, abs=5e-7),
    )
    assert not found.is_stand_in
    assert (found.expected.tolist(), found.credibility.tolist()) == ([found.pool.expected], [0.0])


def test_months_before_the_newest_twelve_do_not_count():
    early = np.full((1, 5), 900)
    before, after = (
        estimated_dilution(DilutionRecord(diluted, sales, 1), STAND_IN)
        for diluted, sales in (
            (DILUTED[None], SALES[None]),
            (np.hstack([early, DILUTED[None]]), np.hstack([early, SALES[None]])),
        )
    )

    assert before.pool == after.pool


def test_debtors_that_differ_keep_most_of_their_own_ratio():
    record = record_of(30, 12)
    found = estimated_dilution(record, STAND_IN)
    own = record.diluted_minor.sum(axis=1) / record.sales_minor.sum(axis=1)

    assert (found.credibility > 0.9).all()
    between = (found.expected - found.pool.expected) / (own - found.pool.expected)
    np.testing.assert_allclose(between, found.credibility, atol=1e-9)


def test_the_credibility_is_the_one_of_the_ratios_one_by_one():
    record = record_of(6, 8, seed=4)
    ratios, weights, debtors = [], [], []
    scale = record.sales_minor.sum() / (6 * 8)
    for debtor in range(6):
        for month in range(8):
            ratios.append(record.diluted_minor[debtor, month] / record.sales_minor[debtor, month])
            weights.append(record.sales_minor[debtor, month] / scale)
            debtors.append(debtor)
    constant = experience(np.array(ratios), np.array(weights), np.array(debtors), 6).constant
    weight = record.sales_minor.sum(axis=1) / scale

    np.testing.assert_allclose(estimated_dilution(record, STAND_IN).credibility, weight / (weight + constant))


def test_debtors_that_differ_by_chance_alone_have_the_dilution_of_the_pool():
    sales = np.full((4, 6), 1_000)
    diluted = np.tile([10, 20, 30, 30, 20, 10], (4, 1))
    found = estimated_dilution(DilutionRecord(diluted, sales, 0), STAND_IN)

    assert found.credibility.tolist() == [0.0] * 4
    assert found.expected.tolist() == [found.pool.expected] * 4


def test_fewer_than_six_months_of_sales_have_the_dilution_of_the_class_and_a_flag():
    short, long = (estimated_dilution(record_of(3, months), STAND_IN) for months in (5, 6))

    assert (short.pool, short.is_stand_in) == (STAND_IN, True)
    assert (short.expected.tolist(), short.spike.tolist()) == ([0.05] * 3, [0.09] * 3)
    assert not long.is_stand_in


def test_months_without_sales_of_the_pool_are_no_months_of_its_record():
    record = record_of(2, 8)
    record.sales_minor[:, :3] = 0

    assert estimated_dilution(record, STAND_IN).is_stand_in


def test_credits_in_months_without_sales_are_not_lost():
    record = record_of(30, 12)
    record.sales_minor[0, 6:] = 0
    expected = record.diluted_minor[0].sum() / record.sales_minor[0].sum()
    found = estimated_dilution(record, STAND_IN)
    own = (found.expected[0] - (1.0 - found.credibility[0]) * found.pool.expected) / found.credibility[0]

    assert own == pytest.approx(expected)


def test_credits_of_the_pool_in_a_month_without_sales_count_in_the_month_before():
    sales, diluted = np.array([[100, 100, 100, 100, 100, 0, 100]]), np.array([[5, 5, 5, 5, 5, 20, 5]])
    found = estimated_dilution(DilutionRecord(diluted, sales, 0), STAND_IN)

    assert found.pool == dilution_of(np.array([0.05, 0.05, 0.05, 0.05, 0.25, 0.05]))


def test_a_debtor_with_two_months_of_sales_has_the_dilution_of_the_pool():
    record = record_of(20, 12)
    record.sales_minor[0, :10] = 0
    found = estimated_dilution(record, STAND_IN)

    assert found.credibility[0] == 0.0
    assert (found.expected[0], found.spike[0]) == (found.pool.expected, found.pool.spike)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(6, 14))
def test_the_spike_of_a_debtor_is_at_least_its_expected_dilution(seed, months):
    found = estimated_dilution(record_of(5, months, seed), STAND_IN)

    assert (found.spike >= found.expected - 1e-12).all()


def test_the_horizon_ratio_is_the_newest_sales_over_the_eligible_amount():
    assert horizon_ratio(np.array([900, 500, 750]), 2, 1_000) == 1.25
    for horizon, eligible in ((0, 1), (4, 1), (1, 0)):
        with pytest.raises(InvalidInput, match="horizon_months"):
            horizon_ratio(np.array([900, 500, 750]), horizon, eligible)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=9), st.integers(0, 10**12))
def test_the_credit_lag_reserve_is_the_exact_ratio_rounded_up(days, credits_minor):
    ordered, middle = sorted(days), len(days) // 2
    doubled = ordered[middle] + ordered[-1 - middle]

    reserve = credit_lag_reserve(np.array(days), credits_minor)

    assert (reserve - 1) * 60 < doubled * credits_minor <= reserve * 60


def test_credits_of_45_days_reserve_one_and_a_half_months_of_them():
    assert credit_lag_reserve(np.array([30, 45, 90]), 1_000_000) == ceil(1.5 * 1_000_000)
    assert credit_lag_reserve(np.zeros(0, dtype=np.int64), 1_000_000) == 0
    with pytest.raises(InvalidInput, match="days_to_credit"):
        credit_lag_reserve(np.array([-1]), 1)


def test_a_slow_rise_of_the_dilution_is_an_alarm_in_its_fifth_month():
    scores = np.array([0.2, 0.5, 1.8, 2.2, 1.9, 2.6, 2.4])

    assert rising(scores).alarms == (4,)
    first = rising(scores[:3])
    assert rising(scores[3:], first.statistic).alarms == (1,)


def test_one_extreme_month_is_no_trend():
    assert rising(np.array([50.0, 0.0, 0.0])).alarms == ()


def test_scores_compare_later_months_with_the_mean_and_spread_of_the_reference():
    ratios = np.array([0.02, 0.04, 0.03, 0.03, 0.05])

    np.testing.assert_allclose(trend_scores(ratios, 3), [0.0, 2.0])
    assert trend_scores(np.array([0.0, 0.0, 0.0, 0.01]), 2).tolist() == [0.0, np.inf]
    for months in (1, 6):
        with pytest.raises(InvalidInput, match="reference_months"):
            trend_scores(ratios, months)


def test_a_steady_dilution_has_few_false_alarms():
    draw = np.random.default_rng(2)
    alarms = sum(len(rising(draw.normal(size=600)).alarms) for _ in range(50))

    # The mean time to a false alarm is about 336 months if the mean and the spread are known.
    assert 30_000 / alarms == pytest.approx(336, rel=0.2)


def test_a_negative_amount_or_a_lag_without_months_is_refused():
    with pytest.raises(InvalidInput, match="sales_minor"):
        DilutionRecord(DILUTED[None], -SALES[None], 1)
    with pytest.raises(InvalidInput, match="lag_months"):
        DilutionRecord(DILUTED[None], SALES[None], 13)
