"""Tests of Diebold-Mariano against another program, and of its size on random differences."""

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.statistics.diebold_mariano import diebold_mariano, long_run_variance


@pytest.mark.parametrize("lags", [0, 1, 3, 9])
def test_another_program_computes_the_same_statistic(lags):
    from statsmodels.tsa.api import diebold_mariano_test

    draw = np.random.default_rng(3)
    outcome, one, other = draw.normal(size=(3, 80))
    theirs = diebold_mariano_test(outcome, one, other, lags=lags, criterion="mad", harvey_adj=True, horizon=lags + 1)

    ours = diebold_mariano(np.abs(outcome - one) - np.abs(outcome - other), lags)

    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    assert 2.0 * min(ours.p_value, 1.0 - ours.p_value) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_random_differences_are_significant_about_as_often_as_the_level_states():
    draw = np.random.default_rng(5)
    overlapping = [np.convolve(draw.normal(size=61), [1.0, 1.0], "valid") for _ in range(2000)]

    share = np.mean([diebold_mariano(differences, 1).p_value < 0.05 for differences in overlapping])

    assert 0.035 < share < 0.085


def test_overlapping_windows_do_not_add_evidence():
    differences = np.repeat(np.random.default_rng(2).normal(0.3, 1.0, 40), 5)

    assert diebold_mariano(differences, 9).p_value > diebold_mariano(differences, 0).p_value


def test_the_long_run_variance_of_independent_draws_is_their_variance():
    values = np.random.default_rng(1).normal(0.0, 2.0, 20_000)

    assert long_run_variance(values, 5) == pytest.approx(4.0, rel=0.06)


def test_equal_losses_have_p_value_one_half_and_a_constant_difference_is_certain():
    assert diebold_mariano(np.zeros(9), 1).p_value == 0.5
    assert diebold_mariano(np.ones(9), 1).p_value == 0.0
    assert diebold_mariano(-np.ones(9), 1).p_value == 1.0


@pytest.mark.parametrize(("count", "lags"), [(1, 0), (5, 4), (5, -1)])
def test_too_few_differences_are_refused(count, lags):
    with pytest.raises(InvalidInput, match="differences"):
        diebold_mariano(np.ones(count), lags)
