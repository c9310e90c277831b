"""Tests of the duration and the price impact of a sale."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.haircuts.models.price_haircut import haircut
from valuation.haircuts.models.sale_horizon import Sale, sale_haircut

PRICES = walk(noise(800, sd=0.012))


def test_the_duration_follows_from_the_share_of_the_volume():
    sale = Sale(quantity=1_050, daily_volume=1_000, age_days=2, cure_days=5, enforcement_days=10)

    assert (sale.selling_days, sale.waiting_days, sale.last_day) == (11, 17, 28)
    assert Sale(quantity=1_050, daily_volume=1_000, participation=0.2).selling_days == 6
    assert (Sale().selling_days, Sale().horizon_days) == (1, 1)


def test_the_mean_price_of_a_sale_in_parts_has_the_variance_of_the_horizon():
    """Simulates prices, sells the parts day by day, and takes the mean price."""
    sale = Sale(quantity=2_000, daily_volume=1_000, cure_days=8)
    moves = np.random.default_rng(7).normal(0.0, 0.01, (100_000, sale.last_day))
    paths = np.cumsum(moves, axis=1)[:, sale.waiting_days :]

    spread = paths.mean(axis=1).std()

    assert sale.selling_days == 20
    assert 0.01 * np.sqrt(sale.horizon_days - 1) < spread <= 0.01 * np.sqrt(sale.horizon_days) * 1.01


def test_the_impact_is_the_square_root_law_and_applies_to_the_remaining_value():
    sale = Sale(quantity=400, daily_volume=1_000, impact=0.8)

    found = sale_haircut(PRICES, DAYS[:801], sale)

    volatility = np.sqrt(np.mean(np.diff(np.log(PRICES)) ** 2))
    assert found.impact == pytest.approx(0.8 * volatility * np.sqrt(0.4))
    assert found.market.loss == haircut(PRICES, DAYS[:801], sale.horizon_days).loss
    assert found.loss == pytest.approx(1.0 - (1.0 - found.market.loss) * (1.0 - found.impact))
    assert found.expected_shortfall > found.loss


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.integers(0, 60))
def test_a_larger_quantity_or_a_longer_wait_never_lowers_the_haircut(one, other, days):
    small, large = (Sale(quantity=amount, daily_volume=5_000.0, cure_days=days) for amount in sorted((one, other)))

    assert small.horizon_days <= large.horizon_days <= large.last_day
    assert small.price_impact(0.02) <= large.price_impact(0.02) <= 1.0
    assert Sale(quantity=one, cure_days=days + 1).horizon_days == Sale(quantity=one, cure_days=days).horizon_days + 1


def test_a_sale_of_quantity_zero_has_the_loss_of_one_day_and_no_impact():
    found = sale_haircut(PRICES, DAYS[:801], Sale())

    assert found.impact == 0.0
    assert found.loss == pytest.approx(haircut(PRICES, DAYS[:801], 1).loss)


def test_without_an_opinion_on_the_market_the_sale_has_none():
    assert np.isnan(sale_haircut(PRICES[:30], DAYS[:30], Sale(quantity=1.0, daily_volume=10.0)).loss)


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": -1.0},
        {"quantity": float("nan")},
        {"daily_volume": 0.0},
        {"participation": 0.0},
        {"participation": 1.5},
        {"age_days": -1},
        {"impact": -0.1},
    ],
)
def test_the_error_names_attributes_out_of_range(wrong):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Sale(**wrong)
