"""Tests of drift detection: the sum by hand, the rate of false alarms, and the delay of true alarms."""

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.haircuts.monitoring.drift import STEPS_BETWEEN_FALSE_ALARMS, THRESHOLD, drift, may_alarm, scores_since


def first_alarm(scores):
    alarms = drift(scores).alarms
    return alarms[0] if alarms else len(scores)


def test_the_sum_is_the_log_likelihood_ratio_of_the_spreads_and_never_negative():
    from scipy.stats import norm

    ratios = norm.logpdf([2.0, 2.5], scale=1.5) - norm.logpdf([2.0, 2.5])

    assert drift(np.array([0.1, 2.0, 2.5])).statistic == pytest.approx(ratios.sum())
    assert drift(np.array([2.0, 0.0, 0.0, 0.0])).statistic == 0.0


def test_a_correct_model_has_fewer_false_alarms_than_the_bound():
    draw = np.random.default_rng(1)
    alarms = sum(len(drift(draw.normal(size=20_000)).alarms) for _ in range(10))

    assert 200_000 / max(alarms, 1) > STEPS_BETWEEN_FALSE_ALARMS


def test_surprises_larger_by_half_are_detected_within_two_months():
    draw = np.random.default_rng(2)
    delays = [first_alarm(draw.normal(0.0, 1.5, 2000)) for _ in range(300)]

    assert np.mean(delays) < 50


def test_a_single_extreme_day_is_not_drift():
    assert not drift(np.array([0.0, 40.0, 0.0])).alarms
    assert len(drift(np.full(12, 3.0)).alarms) > 0


def test_a_sum_continues_from_its_last_value():
    scores = np.random.default_rng(3).normal(0.0, 1.3, 300)
    before = drift(scores[:180])

    assert drift(scores[180:], before.statistic).statistic == pytest.approx(drift(scores).statistic)


def test_too_few_scores_cannot_raise_an_alarm():
    steps = next(count for count in range(1, 99) if may_alarm(0.0, count))

    assert drift(np.full(steps, 9.0)).alarms == (steps - 1,)
    assert not drift(np.full(steps - 1, 9.0)).alarms
    assert may_alarm(THRESHOLD - 0.1, 1)


def test_the_sum_restarts_after_an_alarm():
    scores = np.full(40, 2.5)

    assert drift(scores).statistic < THRESHOLD
    assert len(drift(scores).alarms) > 3


def test_new_returns_are_divided_by_their_expected_volatility():
    scores = scores_since(np.array([0.02, 0.01]), 0.0001, 0.97)

    assert scores == pytest.approx([2.0, 0.01 / np.sqrt(0.97 * 0.0001 + 0.03 * 0.0004)])


def test_a_variance_that_is_not_positive_is_refused():
    with pytest.raises(InvalidInput, match="variance"):
        scores_since(np.ones(2), 0.0, 0.97)
