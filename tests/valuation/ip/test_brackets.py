"""Brackets of an income value: reproduction cost, excess earnings and market price."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.ip.cost_and_market import (
    BracketFlag,
    Brackets,
    bracket_flags,
    earnings_within,
    excess_earnings,
    reproduction_cost,
)
from valuation.ip.legal_terms import RightKind
from valuation.ip.renewal import annuities, fit_renewal, share_in_force


def test_reproduction_cost_falls_with_each_obsolescence() -> None:
    assert reproduction_cost(1_000.0, 0.2, 0.5).tolist() == pytest.approx(400.0)
    with pytest.raises(InvalidInput, match="functional"):
        reproduction_cost(1_000.0, 1.2, 0.0)


def test_constant_excess_earnings_are_a_perpetuity_at_mid_year() -> None:
    value = excess_earnings([100.0] * 3, [40.0] * 3, 0.10, terminal_growth=0.0)
    assert value == pytest.approx(60.0 / 0.10 * 1.10**0.5)


def test_without_terminal_growth_only_the_given_years_count() -> None:
    assert excess_earnings([100.0], [40.0], 0.21) == pytest.approx(60.0 / 1.1)


def test_growth_at_the_discount_rate_and_unequal_columns_are_refused() -> None:
    with pytest.raises(InvalidInput, match="terminal_growth"):
        excess_earnings([1.0], [0.0], 0.1, terminal_growth=0.1)
    with pytest.raises(InvalidInput, match="contributory_charges"):
        excess_earnings([1.0, 2.0], [0.0], 0.1)
    with pytest.raises(InvalidInput, match="discount_rate"):
        excess_earnings([1.0], [0.0], 0.0)


def test_an_income_value_outside_its_brackets_is_flagged() -> None:
    brackets = Brackets(
        np.array([50.0] * 4), np.array([150.0, 150.0, 150.0, np.nan]), np.array([np.nan, 100.0, 100.0, np.nan])
    )
    flags = bracket_flags(np.array([40.0, 120.0, 160.0, 160.0]), brackets)
    assert flags.tolist() == [
        BracketFlag.BELOW_COST, 0, BracketFlag.ABOVE_EXCESS_EARNINGS | BracketFlag.OUTSIDE_MARKET, 0,
    ]  # fmt: skip


def test_a_fit_recovers_a_cohort_of_the_renewal_model() -> None:
    fees = annuities("CN", RightKind.PATENT)
    in_force = share_in_force(np.log(20_000.0), 1.5, 0.12, fees)
    lapsed = -np.diff(np.concatenate([[1.0], in_force])) * 100_000.0
    found = fit_renewal(lapsed, float(in_force[-1]) * 100_000.0, fees)
    fitted = share_in_force(found.log_mean, found.log_sd, found.obsolescence, fees)
    assert np.abs(fitted - in_force).max() < 0.005


def test_a_fit_without_lapses_or_with_too_few_fees_is_refused() -> None:
    with pytest.raises(InvalidInput, match="lapsed"):
        fit_renewal([0.0, 0.0, 0.0], 10.0, [1.0, 2.0, 3.0])
    with pytest.raises(InvalidInput, match="fees"):
        fit_renewal([1.0, 1.0], 10.0, [1.0, 2.0])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12), st.floats(0, 12))
def test_years_after_the_life_do_not_count_and_the_last_counts_in_proportion(earned: list[float], life: float) -> None:
    counted = earnings_within(earned, life)
    whole = int(life)
    assert counted[:whole].tolist() == earned[:whole]
    assert counted[whole + 1 :].tolist() == [0.0] * len(earned[whole + 1 :])
    assert np.sum(counted) <= np.sum(earned)
    if whole < len(earned):
        assert counted[whole] == pytest.approx(earned[whole] * (life - whole))


def test_a_negative_life_is_refused() -> None:
    with pytest.raises(InvalidInput, match="life_years"):
        earnings_within([1.0], -0.5)
