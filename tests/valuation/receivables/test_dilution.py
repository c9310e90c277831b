"""Dilution ratios, the reserve that follows from them, and the reduced advance rate."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.money import PPM, mul_div_floor
from valuation.receivables.dilution import (
    Dilution,
    dilution_of,
    dilution_ratios,
    dilution_reserve_ratio,
    reduced_advance,
)

SALES = np.array([1000, 1100, 1050, 1200, 1150, 1300, 1250, 1180, 1220, 1310, 1290, 1330, 1400])
DILUTED = np.array([0, 28, 33, 30, 41, 36, 40, 55, 62, 49, 38, 44, 47])


def test_thirteen_months_give_the_expected_ratio_the_spike_and_the_reserve():
    found = dilution_of(dilution_ratios(DILUTED, SALES, 1))

    assert (found.expected, found.spike) == (pytest.approx(0.034831, abs=5e-7), pytest.approx(0.045569, abs=5e-7))
    assert dilution_reserve_ratio(found, 2.25, 1.25) == pytest.approx(0.115522, abs=5e-7)
    assert dilution_reserve_ratio(Dilution(0.03, 0.06), 2.0, 1.0) == pytest.approx(0.12)


def test_sales_of_the_same_month_understate_the_ratio_of_a_growing_book():
    same, lagged = (dilution_ratios(DILUTED, SALES, lag)[-1] for lag in (0, 1))

    assert (same, lagged) == (pytest.approx(0.033571, abs=5e-7), pytest.approx(0.035338, abs=5e-7))


def test_the_advance_falls_a_point_for_each_point_of_dilution_above_the_threshold():
    reduced = reduced_advance(850_000, 82_000, 50_000)

    assert reduced == 818_000
    assert mul_div_floor(np.array([39_115_000]), np.array([reduced]), PPM)[0] == 31_996_070
    assert mul_div_floor(np.array([39_115_000]), np.array([850_000]), PPM)[0] == 33_247_750
    assert reduced_advance(850_000, 50_000, 50_000) == 850_000
    assert reduced_advance(10_000, 900_000, 50_000) == 0


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=24))
def test_the_spike_is_at_least_the_mean_of_any_three_months(ratios):
    found = dilution_of(np.array(ratios))

    assert all(found.spike >= np.mean(ratios[month : month + 3]) - 1e-12 for month in range(len(ratios) - 2))


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=24))
def test_the_volatility_is_never_negative(ratios):
    assert dilution_of(np.array(ratios)).volatility >= 0.0


def test_dilution_in_the_first_and_last_of_four_months_has_its_mean_as_the_spike():
    assert dilution_of(np.array([0.2, 0.0, 0.0, 0.2])) == Dilution(0.1, 0.1)


def test_a_pool_without_dilution_needs_no_reserve():
    assert dilution_reserve_ratio(dilution_of(np.zeros(3)), 2.25, 1.0) == 0.0


def test_a_month_without_sales_has_no_ratio():
    ratios = dilution_ratios(np.array([0, 5, 5, 5]), np.array([100, 0, 100, 100]), 1)

    assert np.isnan(ratios).tolist() == [False, True, False]
    with pytest.raises(InvalidInput, match="ratios"):
        dilution_of(ratios)


@pytest.mark.parametrize("lag", [-1, 13])
def test_a_lag_that_leaves_no_month_is_refused(lag):
    with pytest.raises(InvalidInput, match="lag_months"):
        dilution_ratios(DILUTED, SALES, lag)
