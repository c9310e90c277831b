"""Herfindahl index and effective number."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.portfolio.concentration import effective_number, herfindahl

weights = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30).map(np.array)


def test_the_worked_example():
    shares = np.array([0.5, 0.3, 0.2])

    assert herfindahl(shares) == pytest.approx(0.38)
    assert effective_number(shares) == pytest.approx(2.6316, abs=5e-5)


@given(st.integers(1, 50))
def test_the_effective_number_of_equal_parts_is_their_count(count):
    assert effective_number(np.full(count, 7.0)) == pytest.approx(count)


@given(weights, st.floats(0.001, 1000))
def test_the_index_is_within_its_bounds_and_independent_of_the_unit(given_weights, factor):
    found = herfindahl(given_weights)

    assert 1.0 / len(given_weights) - 1e-12 <= found <= 1.0 + 1e-12
    assert herfindahl(given_weights * factor) == pytest.approx(found)


@given(weights)
def test_adding_a_small_part_lowers_the_index(given_weights):
    small = given_weights.min() * 0.5

    assert herfindahl(np.append(given_weights, small)) < herfindahl(given_weights)


@given(weights)
def test_merging_two_parts_never_lowers_the_index(given_weights):
    joined = np.append(given_weights[2:], given_weights[:2].sum())

    assert herfindahl(joined) >= herfindahl(given_weights) - 1e-12


@pytest.mark.parametrize("bad", [[0.5, -0.1], [0.0, 0.0], [], [np.nan, 1.0]])
def test_negative_unknown_and_zero_sum_weights_are_refused(bad):
    with pytest.raises(InvalidInput, match="weights"):
        herfindahl(np.array(bad, dtype=np.float64))
