"""The test of two forecasts against another program's, and its size on leads that are luck."""

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.statistics.diebold_mariano import diebold_mariano, long_run_variance


@pytest.mark.parametrize("lags", [0, 1, 3, 9])
def test_another_program_finds_the_same_statistic(lags):
    from statsmodels.tsa.api import diebold_mariano_test

    draw = np.random.default_rng(3)
    came, one, other = draw.normal(size=(3, 80))
    theirs = diebold_mariano_test(came, one, other, lags=lags, criterion="mad", harvey_adj=True, horizon=lags + 1)

    ours = diebold_mariano(np.abs(came - one) - np.abs(came - other), lags)

    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    assert 2.0 * min(ours.p_value, 1.0 - ours.p_value) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_leads_by_luck_pass_at_five_percent_about_as_often_as_said():
    draw = np.random.default_rng(5)
    overlapping = [np.convolve(draw.normal(size=61), [1.0, 1.0], "valid") for _ in range(2000)]

    share = np.mean([diebold_mariano(lead, 1).p_value < 0.05 for lead in overlapping])

    assert 0.035 < share < 0.085


def test_overlap_is_no_evidence():
    lead = np.repeat(np.random.default_rng(2).normal(0.3, 1.0, 40), 5)

    assert diebold_mariano(lead, 9).p_value > diebold_mariano(lead, 0).p_value


def test_the_long_run_variance_of_independent_draws_is_their_variance():
    values = np.random.default_rng(1).normal(0.0, 2.0, 20_000)

    assert long_run_variance(values, 5) == pytest.approx(4.0, rel=0.06)


def test_losses_that_never_differ_say_nothing_and_a_constant_lead_says_all():
    assert diebold_mariano(np.zeros(9), 1).p_value == 0.5
    assert diebold_mariano(np.ones(9), 1).p_value == 0.0
    assert diebold_mariano(-np.ones(9), 1).p_value == 1.0


@pytest.mark.parametrize(("count", "lags"), [(1, 0), (5, 4), (5, -1)])
def test_too_few_differences_are_refused(count, lags):
    with pytest.raises(InvalidInput, match="lead"):
        diebold_mariano(np.ones(count), lags)
