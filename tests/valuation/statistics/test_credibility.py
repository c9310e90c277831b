"""Credibility of groups by the estimates of Bühlmann and Straub."""

from math import inf

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.statistics.credibility import blended, credibility, experience


def test_a_group_with_the_weight_of_the_constant_counts_half():
    assert credibility(np.array([0.0, 20.0, 60.0]), 20.0).tolist() == [0.0, 0.5, 0.75]
    assert credibility(np.array([5.0, 0.0]), inf).tolist() == [0.0, 0.0]
    assert credibility(np.array([5.0, 0.0]), 0.0).tolist() == [1.0, 0.0]


def test_the_constant_is_the_variance_within_groups_over_the_variance_between_them():
    draw = np.random.default_rng(3)
    groups, each = 3_000, 8
    weight = draw.uniform(0.5, 2.0, groups * each)
    group = np.repeat(np.arange(groups), each)
    value = 5.0 + draw.normal(0.0, 2.0, groups)[group] + draw.normal(0.0, 6.0, groups * each) / np.sqrt(weight)

    assert experience(value, weight, group, groups).constant == pytest.approx(6.0**2 / 2.0**2, rel=0.06)


def test_two_groups_of_two_give_the_constant_that_is_computed_by_hand():
    # Within (0.5 + 0.5) / 2 = 0.5; between (4 x 2.25 - 0.5) / (4 - 8 / 4) = 4.25, with means 1.5 and 4.5 around 3.
    found = experience(np.array([1.0, 2.0, 4.0, 5.0]), np.ones(4), np.array([0, 0, 1, 1]), 3)

    assert found.constant == pytest.approx(0.5 / 4.25)
    assert found.collective == 3.0
    assert found.credible()[2] == 3.0
    assert found.credible()[0] == pytest.approx(blended(np.array([1.5]), np.array([2.0]), 3.0, 0.5 / 4.25)[0])


def test_groups_that_differ_by_chance_alone_have_no_credibility():
    found = experience(np.array([1.0, 5.0, 1.0, 5.0]), np.ones(4), np.array([0, 0, 1, 1]), 2)

    assert found.constant == inf
    assert found.credible().tolist() == [3.0, 3.0]


@pytest.mark.parametrize("rows", [[0, 1], [0, 0]])
def test_single_observations_and_a_single_group_give_no_credibility(rows):
    assert experience(np.array([1.0, 5.0]), np.ones(2), np.array(rows), 2).constant == inf


def test_observations_without_weight_are_refused():
    with pytest.raises(InvalidInput, match="weight"):
        experience(np.array([1.0]), np.array([0.0]), np.array([0]), 1)
    with pytest.raises(InvalidInput, match="weight"):
        experience(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), 1)
    with pytest.raises(InvalidInput, match="constant"):
        credibility(np.ones(1), -1.0)
