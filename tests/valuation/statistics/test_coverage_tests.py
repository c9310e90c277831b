"""Tests of the coverage and independence backtests against published and recomputed figures."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import chdtrc

from valuation.errors import InvalidInput
from valuation.statistics.coverage_tests import (
    LikelihoodRatio,
    christoffersen_independence,
    conditional_coverage,
    kupiec,
    pinball,
    traffic_light,
    transitions,
)

CUMULATIVE_OF_250 = [0.0811, 0.2858, 0.5432, 0.7581, 0.8922, 0.9588, 0.9863, 0.9960, 0.9989, 0.9997, 0.9999]


@pytest.mark.parametrize(
    ("exceedances", "observations", "level", "statistic", "p_value"),
    [
        (57, 1043, 0.05, 0.46147, 0.49694),
        (3, 250, 0.05, 10.8123, 0.00101),
        (3, 250, 0.01, 0.09494, 0.75799),
        (7, 250, 0.01, 5.4970, 0.01905),
    ],
)
def test_kupiec_agrees_with_published_and_recomputed_figures(exceedances, observations, level, statistic, p_value):
    found = kupiec(exceedances, observations, level)

    assert found.statistic == pytest.approx(statistic, abs=5e-5)
    assert found.p_value == pytest.approx(p_value, abs=5e-6)


def test_no_exceedance_in_250_also_rejects_because_the_haircut_is_too_large():
    assert kupiec(0, 250, 0.01).p_value == pytest.approx(0.025, abs=5e-4)


@given(st.integers(1, 2_000), st.floats(0.001, 0.5))
def test_kupiec_is_smallest_if_the_exceedance_share_equals_the_level(observations, level):
    at_level = round(observations * level)
    statistics = [kupiec(count, observations, level).statistic for count in range(0, observations + 1, 7)]

    assert min(statistics) >= 0.0
    assert kupiec(at_level, observations, level).statistic <= min(statistics) + 2.0


def test_christoffersen_agrees_with_the_published_example():
    found = christoffersen_independence(932, 53, 53, 4)

    assert found.statistic == pytest.approx(0.25866, abs=5e-6)
    assert found.p_value == pytest.approx(0.61104, abs=5e-6)


def test_conditional_coverage_agrees_with_the_published_example():
    found = conditional_coverage(kupiec(57, 1043, 0.05), christoffersen_independence(932, 53, 53, 4))

    assert found.statistic == pytest.approx(0.72013, abs=5e-6)
    assert found.p_value == pytest.approx(0.69763, abs=5e-6)


def test_clustered_exceedances_are_not_independent():
    lump, spread = np.zeros(500, dtype=np.bool_), np.zeros(500, dtype=np.bool_)
    lump[100:110], spread[::50] = True, True

    lumped, apart = (christoffersen_independence(*vars(transitions(exceeded)).values()) for exceeded in (lump, spread))

    assert lumped.p_value < 1e-6
    assert apart.p_value > 0.3


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_transitions_count_every_pair_of_neighbours(exceeded):
    found = transitions(np.array(exceeded))

    assert sum(vars(found).values()) == len(exceeded) - 1
    assert found.calm_hit + found.hit_hit == sum(exceeded[1:])
    assert found.hit_calm + found.hit_hit == sum(exceeded[:-1])


def test_chi_square_95_percent_points():
    assert LikelihoodRatio(3.8415, 1).p_value == pytest.approx(0.05, abs=1e-5)
    assert LikelihoodRatio(5.9915, 2).p_value == pytest.approx(0.05, abs=1e-5)
    assert LikelihoodRatio(7.3, 2).p_value == pytest.approx(chdtrc(2, 7.3))


def test_the_traffic_light_turns_amber_at_five_and_red_at_ten_of_250():
    results = [traffic_light(count, 250, 0.01) for count in range(11)]

    assert [result.colour for result in results] == ["green"] * 5 + ["amber"] * 5 + ["red"]
    assert [result.cumulative for result in results] == pytest.approx(CUMULATIVE_OF_250, abs=5.1e-5)


def test_the_traffic_light_agrees_with_the_published_example():
    found = traffic_light(57, 1043, 0.05)

    assert found.colour == "green"
    assert found.cumulative == pytest.approx(0.77913, abs=5e-6)
    assert found.type_one == pytest.approx(0.26396, abs=5e-6)


def test_zero_or_more_exceedances_are_certain():
    assert traffic_light(0, 250, 0.01).type_one == 1.0


def test_pinball_weighs_a_fall_below_the_quantile_by_its_complement():
    found = pinball(np.array([-0.2, 0.1]), np.array([-0.1, -0.1]), 0.01)

    assert found == pytest.approx([0.099, 0.002])


def test_the_true_quantile_has_the_best_mean_pinball():
    outcomes = np.random.default_rng(5).normal(size=200_000)
    scores = {
        quantile: pinball(outcomes, np.full_like(outcomes, quantile), 0.05).mean() for quantile in (-2, -1.6449, -1.3)
    }

    assert min(scores, key=scores.get) == -1.6449


@pytest.mark.parametrize("arguments", [(-1, 250, 0.01), (251, 250, 0.01), (0, 0, 0.01), (1, 250, 0.0), (1, 250, 1.0)])
def test_impossible_counts_and_levels_are_refused(arguments):
    with pytest.raises(InvalidInput, match="want"):
        kupiec(*arguments)


@pytest.mark.parametrize("arguments", [(-1, 250, 0.01), (251, 250, 0.01), (1, 250, 1.0)])
def test_the_traffic_light_refuses_impossible_counts_and_levels(arguments):
    with pytest.raises(InvalidInput, match="exceedances, level"):
        traffic_light(*arguments)


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (10, -1, 0, 0)])
def test_transitions_must_not_be_negative_or_all_zero(counts):
    with pytest.raises(InvalidInput, match="transitions"):
        christoffersen_independence(*counts)
