"""Survivor curves of Iowa type S match the published shares and their own integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.depreciation.survivors import (
    S2_EXPONENT,
    S3_EXPONENT,
    remaining_life,
    remaining_life_ratio,
    surviving_share,
)
from valuation.errors import InvalidInput

AGES = (0.2, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
TABULATED = {
    S2_EXPONENT: (99.88, 97.71, 94.55, 89.38, 72.68, 50.00, 27.32, 10.62, 2.29, 0.12),
    S3_EXPONENT: (100.00, 99.55, 98.21, 94.89, 78.54, 50.00, 21.46, 5.11, 0.45, 0.00),
}


@pytest.mark.parametrize("exponent", sorted(TABULATED))
def test_the_surviving_share_has_the_tabulated_digits(exponent: float) -> None:
    assert (100.0 * surviving_share(AGES, exponent)).round(2).tolist() == list(TABULATED[exponent])


@pytest.mark.parametrize(("exponent", "half", "whole"), [(S2_EXPONENT, 0.5347, 0.2534), (S3_EXPONENT, 0.5104, 0.1976)])
def test_remaining_life_at_half_and_all_of_the_average_life(exponent: float, half: float, whole: float) -> None:
    assert remaining_life([0.5, 1.0], exponent).round(4).tolist() == [half, whole]


@pytest.mark.parametrize("age", [0.0, 0.3, 0.9, 1.5, 1.9])
def test_remaining_life_matches_numerical_integration(age: float) -> None:
    """Integrates the survivor curve by the trapezoid rule on a fine grid."""
    grid = np.linspace(age, 2.0, 40_001)
    curve = surviving_share(grid, S2_EXPONENT)
    area = float(np.trapezoid(curve, grid) / curve[0])
    assert float(remaining_life(age, S2_EXPONENT)) == pytest.approx(area, abs=1e-7)


def test_remaining_life_is_the_average_when_new_and_zero_after_twice_that() -> None:
    assert remaining_life([0.0, 2.0, 5.0], S3_EXPONENT).tolist() == [1.0, 0.0, 0.0]
    assert surviving_share([0.0, 2.0, 5.0], S3_EXPONENT).tolist() == [1.0, 0.0, 0.0]


@given(age=st.floats(0.0, 2.0), step=st.floats(0.0, 0.5), exponent=st.floats(0.5, 20.0))
def test_survival_and_remaining_life_never_rise_with_age(age: float, step: float, exponent: float) -> None:
    share = surviving_share([age, age + step], exponent)
    left = remaining_life([age, age + step], exponent)
    assert share[0] >= share[1]
    assert left[0] >= left[1] - 1e-7


@given(distance=st.floats(0.0, 1.0), exponent=st.floats(0.5, 20.0))
def test_the_curve_is_symmetric_about_the_average_life(distance: float, exponent: float) -> None:
    early, late = surviving_share([1.0 - distance, 1.0 + distance], exponent)
    assert early + late == pytest.approx(1.0, abs=1e-9)


def test_the_newness_ratio_is_remaining_over_total_life() -> None:
    assert float(remaining_life_ratio(0.0, S2_EXPONENT)) == 1.0
    assert float(remaining_life_ratio(0.5, S2_EXPONENT)) == pytest.approx(0.5347 / 1.0347, abs=1e-4)
    assert np.isnan(remaining_life_ratio(np.nan, S2_EXPONENT))


def test_a_negative_age_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"age_to_life\[1\]: got -0.1, want 0 or more"):
        surviving_share([0.1, -0.1], S2_EXPONENT)
