"""Value distributions: centred on the forecast and reproducible by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.ip_columns import patents
from valuation.errors import InvalidInput
from valuation.ip.distribution import QUANTILE_LEVELS, RoyaltyDoubt, value_distribution
from valuation.ip.relief_from_royalty import relief_from_royalty

DRAWS = 4_000
CERTAIN = {
    "revenue_log_sd": 0.0,
    "royalty_low": 0.05,
    "royalty_high": 0.05,
    "life_low_years": 5.0,
    "life_high_years": 5.0,
    "discount_low": 0.15,
    "discount_high": 0.15,
}


def doubt(**differing: float) -> RoyaltyDoubt:
    """Returns certain inputs except for the given fields."""
    return RoyaltyDoubt(**{name: np.array([value]) for name, value in (CERTAIN | differing).items()})


def draw(seed: int = 1, **differing: float) -> Any:
    return value_distribution(patents(), doubt(**differing), np.array([seed]), DRAWS)


def test_certain_inputs_give_the_value_in_every_draw() -> None:
    found = draw()
    value = relief_from_royalty(patents()).value
    assert found.mean == pytest.approx(value)
    assert found.standard_deviation == pytest.approx([0.0], abs=1e-6)


def test_an_uncertain_revenue_keeps_the_mean_and_gives_a_lognormal() -> None:
    found = draw(revenue_log_sd=0.3)
    value = float(relief_from_royalty(patents()).value[0])
    assert found.mean[0] == pytest.approx(value, rel=0.02)
    assert found.quantiles[0, 3] == pytest.approx(value * np.exp(-0.045), rel=0.02)


@given(st.integers(0, 2**31), st.floats(0.0, 0.6))
def test_the_same_seed_gives_the_same_bytes_and_quantiles_rise(seed: int, spread: float) -> None:
    columns = (patents(), doubt(revenue_log_sd=spread, royalty_low=0.02, royalty_high=0.08), np.array([seed]), 200)
    one, other = value_distribution(*columns), value_distribution(*columns)
    assert one.quantiles.tobytes() == other.quantiles.tobytes()
    assert (np.diff(one.quantiles[0]) >= 0.0).all()


def test_more_uncertainty_lowers_the_low_quantile() -> None:
    assert draw(royalty_low=0.01, royalty_high=0.09).at(0.10)[0] < draw(royalty_low=0.04, royalty_high=0.06).at(0.10)[0]


def test_a_drawn_royalty_rate_never_exceeds_the_margin() -> None:
    found = value_distribution(
        patents(operating_margin=0.06), doubt(royalty_low=0.05, royalty_high=0.50), np.array([1]), DRAWS
    )
    assert found.quantiles[0, -1] <= float(relief_from_royalty(patents(royalty_rate=0.06)).value[0]) + 1e-6
    assert len(QUANTILE_LEVELS) == found.quantiles.shape[1]


def test_bounds_out_of_order_or_without_the_forecast_are_refused() -> None:
    with pytest.raises(InvalidInput, match="royalty_low"):
        doubt(royalty_low=0.09)
    with pytest.raises(InvalidInput, match="remaining_life_years"):
        draw(life_low_years=6.0, life_high_years=8.0)
