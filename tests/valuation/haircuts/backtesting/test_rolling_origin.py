"""Tests of rolling-origin backtests."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.rolling_origin import replay
from valuation.haircuts.models.tier1 import MODEL, VERSION, Tier1Settings, seed_for, tier1
from valuation.statistics.coverage_tests import kupiec

QUICK = Tier1Settings(paths=2_000, least_observations=100)


def run(prices, days=DAYS, horizon=10, confidence=0.95, settings=QUICK):
    return replay(
        days[: len(prices)], prices, horizon_days=horizon, confidence=confidence, series="copper", settings=settings
    )


def test_windows_follow_each_other_without_overlap():
    found = run(walk(noise(600)))

    assert found.origins[0] == DAYS[99]
    assert (np.busday_count(found.origins[:-1], found.origins[1:]) == 10).all()
    assert len(found.origins) == (601 - 100) // 10


def test_the_outcome_is_the_return_to_the_end_of_the_window():
    prices = walk(noise(600))

    found = run(prices)

    assert found.log_return[0] == pytest.approx(np.log(prices[109] / prices[99]))
    assert found.realised_loss[0] == pytest.approx(1.0 - prices[109] / prices[99])


def test_each_prediction_uses_only_prices_known_at_its_date():
    prices = walk(noise(600))
    changed = prices.copy()
    changed[300:] *= np.linspace(1.0, 5.0, 301)

    one, two = run(prices), run(changed)
    before = one.origins < DAYS[300]

    assert one.promised_loss[before].tolist() == two.promised_loss[before].tolist()
    curve = tier1(
        DAYS[:100],
        prices[:100],
        max_horizon_days=10,
        confidence=0.95,
        seed=seed_for("copper", DAYS[99], f"{MODEL}/{VERSION}"),
        settings=QUICK,
    )
    assert one.promised_loss[0] == curve.loss[-1]


def test_independent_normal_returns_exceed_about_as_often_as_predicted():
    found = run(walk(noise(3900, seed=21)))

    assert kupiec(int(found.exceeded.sum()), len(found.exceeded), 0.05).p_value > 0.01
    assert found.without_opinion == 0


def test_a_crash_is_an_exceedance():
    returns = noise(400)
    returns[250] = -0.35

    found = run(walk(returns))

    assert found.exceeded[(found.origins <= DAYS[250])][-1]


def test_origins_without_an_opinion_are_counted_separately():
    found = run(walk(np.concatenate([np.zeros(300), noise(300)])))

    assert found.without_opinion == 20 + 1
    assert not np.isnan(found.promised_loss).any()


def test_a_short_series_has_no_window():
    assert len(run(walk(noise(90))).origins) == 0


def test_a_horizon_below_one_day_is_refused():
    with pytest.raises(InvalidInput, match="horizon_days: got 0, want 1 or more"):
        run(walk(noise(200)), horizon=0)
