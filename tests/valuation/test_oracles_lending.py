"""Supervisory formulas, composition and portfolio measures against published and recomputed figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.errors import InvalidInput
from valuation.haircuts.compose import compose
from valuation.haircuts.parts import HaircutParts
from valuation.haircuts.supervisory import (
    SecuredSlice,
    adjusted_exposure,
    foundation_lgd,
    maturity_mismatch_factor,
    scaled_to_holding_period,
    scaled_to_revaluation,
)
from valuation.money import AMOUNT_LIMIT_MINOR, mul_div_ceil, mul_div_floor, share_of, to_minor
from valuation.portfolio.concentration import effective_number, herfindahl
from valuation.portfolio.first_passage import first_passage_probability, monitored_barrier
from valuation.portfolio.wrong_way import expected_lgd

shares = st.floats(0, 1)


def parts(*values):
    return HaircutParts(*(np.array([value]) for value in values))


def composed(*values, floor=0.0, cap=1.0):
    return compose(parts(*values), np.array([floor]), np.array([cap]))


@pytest.mark.parametrize(
    ("ten_days", "twenty", "five"),
    [(0.5, 0.707, 0.354), (2, 2.828, 1.414), (8, 11.314, 5.657), (15, 21.213, 10.607), (25, 35.355, 17.678)],
)
def test_printed_columns_are_the_ten_day_haircut_by_the_square_root_of_time(ten_days, twenty, five):
    assert round(scaled_to_holding_period(ten_days, 10, 20), 3) == twenty
    assert round(scaled_to_holding_period(ten_days, 10, 5), 3) == five


@pytest.mark.parametrize(
    ("collateral", "haircut", "fx", "days", "adjusted"),
    [
        (300_000, 0.15, 0.0, 10, 745_000.00),
        (300_000, 0.25, 0.08, 20, 840_007.14),
        (300_000, 0.20, 0.0, 20, 784_852.81),
        (600_000, 0.02, 0.08, 20, 484_852.81),
        (600_000, 0.02, 0.08, 5, 442_426.41),
        (500_000, 0.0, 0.08, 20, 556_568.54),
    ],
)
def test_adjusted_exposure_of_a_million(collateral, haircut, fx, days, adjusted):
    scaled = [scaled_to_holding_period(part, 10, days) for part in (haircut, fx)]

    assert adjusted_exposure(1_000_000, collateral, 0.0, *scaled) == pytest.approx(adjusted, abs=0.005)


def test_the_worked_case_with_weekly_revaluation():
    hc, hfx = (scaled_to_revaluation(scaled_to_holding_period(part, 10, 20), 20, 5) for part in (0.02, 0.08))

    assert hc == pytest.approx(0.03098387, abs=1e-8)
    assert hfx == pytest.approx(0.12393547, abs=1e-8)
    assert adjusted_exposure(1_000_000, 900_000, 0, hc, hfx) == pytest.approx(239_427.4005, abs=1e-4)


def test_non_daily_revaluation_scales_the_haircut():
    assert scaled_to_revaluation(0.15, 10, 5) == pytest.approx(0.177482, abs=1e-6)
    assert scaled_to_revaluation(scaled_to_holding_period(0.20, 10, 20), 20, 30) == pytest.approx(0.442719, abs=1e-6)
    assert scaled_to_revaluation(scaled_to_holding_period(0.08, 10, 20), 20, 21) == pytest.approx(0.16, abs=1e-4)


@pytest.mark.parametrize(
    ("exposure", "slices", "unsecured", "lgd"),
    [
        (10, [SecuredSlice(10, 0.40, 0.25)], 0.40, 0.31),
        (10, [SecuredSlice(10, 0.0, 0.40, over_collateralisation=1.4)], 0.45, 0.414286),
        (1, [SecuredSlice(1, 0.40, 0.20)], 0.40, 0.28),
        (1, [SecuredSlice(1.5, 0.40, 0.25)], 0.40, 0.265),
        (1, [SecuredSlice(2, 0.40, 0.25)], 0.40, 0.25),
        (1e6, [SecuredSlice(8e5, 0.0, 0.35, over_collateralisation=1.25)], 0.45, 0.386),
        (1e6, [SecuredSlice(8e5, 0.40, 0.20)], 0.40, 0.304),
        (1e6, [SecuredSlice(2.9e5, 0.0, 0.40, over_collateralisation=1.4, minimum_cover=0.30)], 0.45, 0.45),
        (1e6, [SecuredSlice(5e5, 0.40, 0.20), SecuredSlice(8e5, 0.40, 0.25)], 0.40, 0.268),
        (100, [SecuredSlice(50, 0.0, 0.0)], 0.45, 0.225),
    ],
)
def test_foundation_lgd(exposure, slices, unsecured, lgd):
    assert foundation_lgd(exposure, slices, unsecured) == pytest.approx(lgd, abs=5e-7)


def test_maturity_mismatch():
    assert maturity_mismatch_factor(2, 5, 5) == pytest.approx(0.368421, abs=1e-6)
    assert maturity_mismatch_factor(0.2, 5, 5) == 0.0
    assert maturity_mismatch_factor(2, 5, 0.9) == 0.0


def test_parts_of_20_8_and_5_percent_keep_0_6992():
    found = composed(0.0, 0.20, 0.0, 0.08, 0.05)

    assert found.kept[0] == pytest.approx(0.6992)
    assert found.haircut[0] == pytest.approx(0.3008)


@given(shares, shares, shares, shares, shares, shares, shares)
def test_the_lendable_share_is_in_range_and_no_part_raises_it(value, market, liquidity, cost, legal, floor, cap):
    found = composed(value, market, liquidity, cost, legal, floor=floor, cap=cap)
    more = composed(min(value + 0.1, 1.0), market, liquidity, cost, legal, floor=floor, cap=cap)

    assert 0.0 <= found.lendable_share[0] <= min(1.0, cap)
    assert found.haircut[0] >= floor
    assert more.lendable_share[0] <= found.lendable_share[0]


def test_a_part_outside_its_range_is_named():
    with pytest.raises(InvalidInput, match=r"market haircut\[0\]: got 1.2, want 0 to 1"):
        parts(0.0, 1.2, 0.0, 0.0, 0.0)


def test_a_missing_part_gives_no_lendable_share():
    assert np.isnan(composed(0.1, np.nan, 0.0, 0.0, 0.0).lendable_share[0])


def test_first_passage_doubles_the_terminal_chance_and_daily_watching_lowers_it():
    continuous = first_passage_probability(100, 85, 0.0, 0.30, 60 / 250)
    daily = first_passage_probability(100, monitored_barrier(85, 0.30, 1 / 250), 0.0, 0.30, 60 / 250)

    assert continuous == pytest.approx(0.291129, abs=1e-6)
    assert daily == pytest.approx(0.258733, abs=1e-6)
    assert first_passage_probability(80, 85, 0.0, 0.30, 1.0) == 1.0


@pytest.mark.parametrize(("correlation", "lgd"), [(0.0, 0.0737), (0.3, 0.1651), (0.6, 0.2911)])
def test_collateral_that_falls_with_the_borrower_recovers_less(correlation, lgd):
    assert expected_lgd(0.02, 0.8, 0.10, 0.30, correlation) == pytest.approx(lgd, rel=0.01)


def test_concentration():
    weights = np.array([0.5, 0.3, 0.2])

    assert herfindahl(weights) == pytest.approx(0.38)
    assert effective_number(weights) == pytest.approx(2.6316, abs=1e-4)


def test_amounts_cross_from_float_to_minor_units_half_to_even():
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
