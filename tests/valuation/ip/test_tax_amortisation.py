"""The tax amortisation factor matches worked examples and solves its own equation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.ip.tax_amortisation import tax_amortisation_factor


@pytest.mark.parametrize(
    ("tax", "years", "rate", "mid_year", "worked"),
    [
        (0.25, 15, 0.12, False, 1.128050),
        (0.25, 15, 0.12, True, 1.136535),
        (0.25, 10, 0.15, False, 1.143470),
    ],
)
def test_the_factor_matches_the_worked_examples(
    tax: float, years: float, rate: float, *, mid_year: bool, worked: float
) -> None:
    assert round(float(tax_amortisation_factor(tax, years, rate, mid_year=mid_year)), 6) == worked


@given(tax=st.floats(0.0, 0.9), years=st.integers(1, 30), rate=st.floats(0.0, 1.0), mid_year=st.booleans())
def test_the_price_includes_its_own_tax_saving(tax: float, years: int, rate: float, *, mid_year: bool) -> None:
    """The factor equals a value of 1 plus the discounted tax saving of each year."""
    price = float(tax_amortisation_factor(tax, years, rate, mid_year=mid_year))
    shift = 0.5 if mid_year else 0.0
    saving = sum(price * tax / years / (1 + rate) ** (year - shift) for year in range(1, years + 1))
    assert price == pytest.approx(1.0 + saving, rel=1e-9)


def test_without_amortisation_or_tax_there_is_no_benefit() -> None:
    assert tax_amortisation_factor([0.25, 0.0], [0.0, 10.0], 0.15, mid_year=False).tolist() == [1.0, 1.0]


def test_without_discounting_the_whole_tax_is_saved() -> None:
    assert float(tax_amortisation_factor(0.25, 10, 0.0, mid_year=False)) == pytest.approx(1 / 0.75)


def test_unknown_inputs_give_an_unknown_factor() -> None:
    factors = tax_amortisation_factor([np.nan, 0.25, 0.25], [10, np.nan, 10], [0.15, 0.15, np.nan], mid_year=False)
    assert np.isnan(factors).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 10, 0.15), "tax_rate: got 1.0, want 0 to less than 1"),
        ((0.25, [5, -10], 0.15), r"amortisation_years\[1\]: got -10.0, want 0 or more, finite"),
        ((0.25, 10, -0.15), "discount_rate: got -0.15, want 0 or more, finite"),
    ],
)
def test_an_error_names_the_argument_out_of_range(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tax_amortisation_factor(*arguments, mid_year=False)
