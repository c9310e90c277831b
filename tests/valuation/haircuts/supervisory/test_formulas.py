"""Tests of the supervisory formulas against published tables and worked examples."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.formulas import (
    SecuredSlice,
    adjusted_exposure,
    basket_haircut,
    foundation_lgd,
    maturity_mismatch_factor,
    scaled_to_holding_period,
    scaled_to_revaluation,
)

MILLION = 1_000_000.0


def held(haircut, days):
    return scaled_to_holding_period(haircut, 10, days)


@pytest.mark.parametrize(
    ("ten_days", "twenty", "five"),
    [
        (0.5, 0.707, 0.354),
        (1, 1.414, 0.707),
        (2, 2.828, 1.414),
        (3, 4.243, 2.121),
        (4, 5.657, 2.828),
        (6, 8.485, 4.243),
        (8, 11.314, 5.657),
        (12, 16.971, 8.485),
        (15, 21.213, 10.607),
        (25, 35.355, 17.678),
    ],
)
def test_the_printed_columns_of_art_224_are_the_square_root_of_time(ten_days, twenty, five):
    assert round(float(held(ten_days, 20)), 3) == twenty
    assert round(float(held(ten_days, 5)), 3) == five


@pytest.mark.parametrize(
    ("collateral", "haircut", "fx", "days", "adjusted"),
    [
        (300_000, 0.15, 0.00, 10, 745_000.00),
        (300_000, 0.25, 0.08, 20, 840_007.14),
        (300_000, 0.20, 0.00, 20, 784_852.81),
        (600_000, 0.02, 0.08, 20, 484_852.81),
        (600_000, 0.02, 0.08, 5, 442_426.41),
        (500_000, 0.00, 0.08, 20, 556_568.54),
    ],
)
def test_adjusted_exposure_of_a_million(collateral, haircut, fx, days, adjusted):
    found = adjusted_exposure(MILLION, collateral, 0.0, held(haircut, days), held(fx, days))

    assert found == pytest.approx(adjusted, abs=0.005)


def test_a_bond_lent_against_a_bond_is_raised_by_its_own_haircut():
    """Five days, with ten-day haircuts He 6 % and Hc 2 %; published as 105,861.38 and, without He, 63,434.97.

    Both published values use 936,565.03 for 950,000 x (1 - 0.0141421); the exact value is 936,564.97, 6 cents less.
    """
    right, wrong = (
        adjusted_exposure(MILLION, 950_000, h_exposure, held(0.02, 5), 0.0) for h_exposure in (held(0.06, 5), 0.0)
    )

    assert right == pytest.approx(105_861.38 + 0.06, abs=0.005)
    assert wrong == pytest.approx(63_434.97 + 0.06, abs=0.005)


def test_the_worked_case_of_weekly_revaluation():
    hc, hfx = (scaled_to_revaluation(held(haircut, 20), 20, 5) for haircut in (0.02, 0.08))

    assert hc == pytest.approx(0.03098387, abs=5e-9)
    assert hfx == pytest.approx(0.12393547, abs=5e-9)
    assert 900_000 * (1.0 - hc - hfx) == pytest.approx(760_572.5995, abs=5e-5)
    assert adjusted_exposure(MILLION, 900_000, 0.0, hc, hfx) == pytest.approx(239_427.4005, abs=5e-5)
    assert adjusted_exposure(MILLION, 900_000, 0.0, held(0.02, 20), held(0.08, 20)) == pytest.approx(
        227_279.22, abs=0.005
    )


@pytest.mark.parametrize(
    ("haircut", "holding", "every", "scaled"),
    [
        (0.15, 10, 5, 0.177482),
        (0.20 * np.sqrt(2), 20, 30, 0.442719),
        (0.08 * np.sqrt(2), 20, 5, 0.123935),
        (0.08 * np.sqrt(2), 20, 21, 0.160000),
    ],
)
def test_less_frequent_revaluation_raises_the_haircut(haircut, holding, every, scaled):
    assert scaled_to_revaluation(haircut, holding, every) == pytest.approx(scaled, abs=5e-7)


def test_daily_revaluation_does_not_change_the_haircut():
    assert scaled_to_revaluation(0.15, 10, 1) == 0.15


@pytest.mark.parametrize(
    ("exposure", "slices", "unsecured", "lgd"),
    [
        (10, [SecuredSlice(10, 0.40, 0.25)], 0.40, 0.31),
        (10, [SecuredSlice(10, 0.0, 0.40, 1.4, 0.30)], 0.45, 0.414286),
        (1, [SecuredSlice(1, 0.40, 0.20)], 0.40, 0.28),
        (1, [SecuredSlice(1.5, 0.40, 0.25)], 0.40, 0.265),
        (1, [SecuredSlice(2, 0.40, 0.25)], 0.40, 0.25),
        (MILLION, [SecuredSlice(8e5, 0.0, 0.35, 1.25)], 0.45, 0.386),
        (MILLION, [SecuredSlice(8e5, 0.40, 0.20)], 0.40, 0.304),
        (MILLION, [SecuredSlice(2.9e5, 0.0, 0.40, 1.4, 0.30)], 0.45, 0.45),
        (MILLION, [SecuredSlice(5e5, 0.40, 0.20), SecuredSlice(8e5, 0.40, 0.25)], 0.40, 0.268),
        (100, [SecuredSlice(50, 0.0, 0.0)], 0.45, 0.225),
        (100, [], 0.45, 0.45),
    ],
)
def test_foundation_lgd(exposure, slices, unsecured, lgd):
    assert foundation_lgd(exposure, slices, unsecured) == pytest.approx(lgd, abs=5e-7)


def test_six_of_machines_for_ten_secure_6_over_1_4_in_the_older_accord():
    assert foundation_lgd(10, [SecuredSlice(6, 0.0, 0.40, 1.4, 0.30)], 0.45) == pytest.approx(0.428571, abs=5e-7)


def test_dividing_receivables_by_1_25_twice_would_give_0_3988():
    """Documents a mistake to avoid: applying the divisor twice, once as a haircut."""
    assert foundation_lgd(MILLION, [SecuredSlice(8e5 / 1.25, 0.0, 0.35, 1.25)], 0.45) == pytest.approx(0.3988)


def test_the_exposure_of_a_bond_lent_is_raised_before_it_is_covered():
    plain = foundation_lgd(100, [SecuredSlice(50, 0.0, 0.0)], 0.45)
    raised = foundation_lgd(100, [SecuredSlice(50, 0.0, 0.0)], 0.45, h_exposure=0.25)

    assert plain == pytest.approx(0.45 * 0.5)
    assert raised == pytest.approx(0.45 * 75 / 125)


def test_formulas_take_columns():
    exposure, collateral = np.array([10.0, 1.0, 1.0]), np.array([10.0, 1.5, 2.0])

    assert foundation_lgd(exposure, [SecuredSlice(collateral, 0.40, 0.25)], 0.40) == pytest.approx([0.31, 0.265, 0.25])
    assert adjusted_exposure(exposure, collateral, 0.0, 0.4, 0.0) == pytest.approx([4.0, 0.1, 0.0])


@given(st.floats(1, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 0.45), st.floats(0, 0.45))
def test_lgd_lies_between_the_best_secured_and_the_unsecured_and_more_of_the_best_never_raises_it(
    exposure, one, two, haircut, lgd_one, lgd_two
):
    low, high = sorted([lgd_one, lgd_two])
    other = SecuredSlice(two, haircut, high)

    found, more = (foundation_lgd(exposure, [SecuredSlice(best, haircut, low), other], 0.45) for best in (one, one + 1))

    assert low - 1e-12 <= more <= found + 1e-12
    assert found <= 0.45 + 1e-12


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_no_haircut_lowers_the_adjusted_exposure_nor_turns_collateral_into_debt(exposure, collateral, he, hc, hfx):
    found = adjusted_exposure(exposure, collateral, he, hc, hfx)

    assert found >= adjusted_exposure(exposure, collateral, 0.0, hc, hfx)
    assert found >= adjusted_exposure(exposure, collateral, he, 0.0, hfx)
    assert found <= exposure * (1.0 + he)


def test_a_basket_is_the_mean_of_its_haircuts():
    assert basket_haircut(np.array([0.25, 0.75]), np.array([0.04, 0.20])) == pytest.approx(0.16)


def test_a_basket_whose_shares_do_not_sum_to_one_is_refused():
    with pytest.raises(InvalidInput, match="shares"):
        basket_haircut(np.array([0.25, 0.25]), np.array([0.04, 0.20]))


@pytest.mark.parametrize(
    ("protection", "exposure", "original", "factor"),
    [
        (2.0, 5.0, 5.0, 0.368421),
        (2.0, 9.0, 5.0, 0.368421),
        (5.0, 9.0, 5.0, 1.0),
        (2.0, 2.0, 0.5, 1.0),
        (0.2, 0.1, 0.2, 1.0),
        (0.2, 5.0, 5.0, 0.0),
        (0.25, 5.0, 5.0, 0.0),
        (2.0, 5.0, 0.9, 0.0),
    ],
)
def test_protection_that_ends_first_counts_less(protection, exposure, original, factor):
    assert maturity_mismatch_factor(protection, exposure, original) == pytest.approx(factor, abs=5e-7)


@given(st.floats(0, 10), st.floats(0.01, 10), st.floats(0, 10))
def test_the_factor_is_a_share(protection, exposure, original):
    assert 0.0 <= maturity_mismatch_factor(protection, exposure, original) <= 1.0


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: adjusted_exposure(-1, 1, 0, 0, 0), "exposure"),
        (lambda: adjusted_exposure(1, -1, 0, 0, 0), "collateral"),
        (lambda: adjusted_exposure(1, 1, 0, -0.1, 0), "h_collateral"),
        (lambda: scaled_to_holding_period(0.1, 0, 20), "from_days"),
        (lambda: scaled_to_holding_period(0.1, 10, -1), "to_days"),
        (lambda: scaled_to_revaluation(0.1, 10, 0), "revaluation_days"),
        (lambda: foundation_lgd(0, [], 0.4), "exposure"),
        (lambda: foundation_lgd(1, [SecuredSlice(-1, 0, 0)], 0.4), "collateral"),
        (lambda: foundation_lgd(1, [SecuredSlice(1, 0, 0, 0)], 0.4), "over_collateralisation"),
    ],
)
def test_the_error_names_invalid_input(call, field):
    with pytest.raises(InvalidInput, match=f"^{field}: got"):
        call()
