"""Exact binomial bounds of shares."""

import math

import pytest

from valuation.errors import InvalidInput
from valuation.statistics.proportion_bounds import probability_of_at_most, upper_bound


def test_three_of_forty_pass_a_tenth_but_may_be_eighteen_percent():
    assert round(probability_of_at_most(3, 40, 0.1), 4) == 0.4231
    assert math.ceil(upper_bound(3, 40, 0.95) * 10_000) / 10_000 == 0.1826


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (0, 20), (1, 7), (19, 20)])
def test_so_few_hits_have_a_probability_of_five_percent_at_the_bound(hits, count):
    assert probability_of_at_most(hits, count, upper_bound(hits, count, 0.95)) == pytest.approx(0.05)


def test_the_bound_is_one_where_nothing_speaks_against_it():
    assert upper_bound(0, 0, 0.95) == 1.0
    assert upper_bound(5, 5, 0.95) == 1.0
    assert probability_of_at_most(0, 0, 0.1) == 1.0


def test_impossible_counts_and_shares_are_refused():
    for call in (
        lambda: upper_bound(3, 2, 0.95),
        lambda: upper_bound(-1, 2, 0.95),
        lambda: upper_bound(1, 2, 1.0),
        lambda: probability_of_at_most(1, 2, 1.5),
    ):
        with pytest.raises(InvalidInput):
            call()
