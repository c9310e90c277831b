"""Tests of the conversion to minor units and of exact products of amounts and shares."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.money import AMOUNT_LIMIT_MINOR, allocate, mul_div_ceil, mul_div_floor, share_of, to_minor


def test_amounts_are_rounded_to_minor_units_half_to_even():
    found = to_minor(np.array([0.125, 0.375, 2.5, 1.0005]), np.array([2, 2, 0, 3]))

    assert found.tolist() == [12, 38, 2, 1000]


def test_an_amount_of_2_to_the_53_minor_units_is_refused():
    with pytest.raises(InvalidInput, match="less than 2\\^53 minor units"):
        to_minor(np.array([float(AMOUNT_LIMIT_MINOR)]), np.array([0]))


@given(st.integers(0, AMOUNT_LIMIT_MINOR - 1), st.integers(0, 10**9), st.integers(1, 10**9))
def test_products_of_amounts_and_shares_are_exact(amount, times, over):
    if amount * times // over >= 2**62:
        return
    arrays = [np.array([number], dtype=np.int64) for number in (amount, times, over)]

    assert mul_div_floor(*arrays)[0] == amount * times // over
    assert mul_div_ceil(*arrays)[0] == -(-amount * times // over)


def test_sixty_percent_of_4_2_million_is_2_52_million_to_the_cent():
    assert share_of(np.array([420_000_000]), np.array([0.60]))[0] == 252_000_000


def test_a_hundred_over_three_equal_weights_gives_the_first_the_odd_cent():
    assert allocate(10_000, np.array([1, 1, 1])).tolist() == [3_334, 3_333, 3_333]


@given(
    st.integers(0, AMOUNT_LIMIT_MINOR - 1), st.lists(st.integers(0, AMOUNT_LIMIT_MINOR // 20), min_size=1, max_size=20)
)
def test_parts_of_an_allocation_sum_to_the_total_and_are_within_one_unit_of_their_shares(total, weights):
    if not any(weights):
        weights[0] = 1
    parts = allocate(total, np.array(weights)).tolist()

    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert total * weight // sum(weights) <= part <= -(-total * weight // sum(weights))


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [0, 0]), (1, [2, -1]), (1, [])])
def test_an_allocation_refuses_negative_numbers_and_a_total_without_a_weight(total, weights):
    with pytest.raises(InvalidInput):
        allocate(total, np.array(weights, dtype=np.int64))
