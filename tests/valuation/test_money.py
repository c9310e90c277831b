"""Tests of the conversion to minor units and of exact products of amounts and shares."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.money import AMOUNT_LIMIT_MINOR, mul_div_ceil, mul_div_floor, share_of, to_minor


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
