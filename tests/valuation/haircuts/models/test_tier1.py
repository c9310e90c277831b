"""Tests of the Tier 1 haircut curve."""

import re
import time

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.price_series import DAYS, noise, smoothed, walk
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.tier1 import Tier1Settings, seed_for, tier1

FAT = np.random.default_rng(9).standard_t(4, 700) * 0.01
FEW_PATHS = Tier1Settings(paths=4_000)


def curve(prices, *, horizon=30, confidence=0.99, seed=7, settings=FEW_PATHS, days=DAYS):
    return tier1(
        days[: len(prices)],
        prices,
        max_horizon_days=horizon,
        confidence=confidence,
        seed=seed,
        settings=settings,
    )


def test_normal_returns_give_the_normal_haircut():
    """A long sample of independent normal returns gives 1 - exp(-2.3263 sigma sqrt h) within 5 %."""
    settings = Tier1Settings(window=3000, decay=0.999)

    found = curve(walk(noise(3000, 0.015)), horizon=10, settings=settings)

    assert found.loss[9] == pytest.approx(-np.expm1(-2.3263 * 0.015 * np.sqrt(10)), rel=0.05)
    assert found.daily_volatility == pytest.approx(0.015, rel=0.03)


def test_the_same_inputs_give_the_same_bytes():
    one, two = curve(walk(FAT)), curve(walk(FAT))

    for name in ("loss", "expected_shortfall", "standard_error"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    assert curve(walk(FAT), seed=8).loss[-1] != one.loss[-1]


def test_returns_before_the_window_are_ignored():
    prices = walk(FAT)

    assert curve(prices[-501:]).loss.tobytes() == curve(prices, days=DAYS).loss.tobytes()


def test_seeds_differ_by_series_date_and_model_and_are_equal_on_every_machine():
    seeds = {
        seed_for(series, date, model) for series in ("copper", "zinc") for date in DAYS[:3] for model in ("a/1", "a/2")
    }

    assert len(seeds) == 12
    assert seed_for("copper", np.datetime64("2026-01-05"), "tier1-ewma-fhs/1") == 7128011182490977105
    assert all(0 <= seed < 2**64 for seed in seeds)


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_the_price_does_not_matter(factor):
    prices = walk(FAT)

    assert curve(prices * factor).loss == pytest.approx(curve(prices).loss, rel=1e-4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_more_confidence_never_lowers_the_haircut_and_more_time_neither(seed):
    low, high = (curve(walk(FAT), confidence=confidence, seed=seed) for confidence in (0.95, 0.99))

    assert (high.loss >= low.loss).all()
    assert (np.diff(high.loss) >= 0.0).all()
    assert high.horizon_days.tolist() == list(range(1, 31))


def test_wider_returns_give_a_larger_haircut():
    assert (curve(walk(2.0 * FAT)).loss > curve(walk(FAT)).loss).all()


@pytest.mark.parametrize("move", [0.0, 0.001])
def test_a_price_that_never_moves_or_grows_evenly_is_stale_and_has_no_opinion(move):
    found = curve(walk(np.full(400, move)))

    assert np.isnan(found.loss).all()
    assert np.isnan(found.daily_volatility)
    assert QualityFlag.STALE_SERIES in found.flags


@pytest.mark.parametrize("count", [0, 1, 2, 59])
def test_fewer_than_60_prices_give_no_opinion(count):
    found = curve(walk(FAT)[:count])

    assert found.loss.shape == found.expected_shortfall.shape == found.standard_error.shape == (30,)
    assert np.isnan(found.loss).all()
    assert found.flags == QualityFlag.SHORT_HISTORY
    assert found.observations == count


@pytest.mark.parametrize(("count", "short"), [(60, True), (249, True), (250, False)])
def test_less_than_a_year_of_prices_gives_an_opinion_with_a_flag(count, short):
    found = curve(walk(noise(count - 1)))

    assert not np.isnan(found.loss).any()
    assert (QualityFlag.SHORT_HISTORY in found.flags) == short


def test_a_calm_end_does_not_lower_the_haircut_below_that_of_the_window():
    wild, calm = noise(300, 0.03, seed=4), noise(200, 0.002, seed=4)
    ended_calm, ended_wild = curve(walk(np.concatenate([wild, calm]))), curve(walk(np.concatenate([calm, wild])))

    assert QualityFlag.VARIANCE_FLOOR in ended_calm.flags
    assert QualityFlag.VARIANCE_FLOOR not in ended_wild.flags
    assert ended_calm.loss[0] > 2.0 * 0.002


def test_smoothed_quotes_get_nearly_the_haircut_of_the_true_prices():
    true = noise(500, 0.02)
    plain, seen = curve(walk(true)), curve(walk(smoothed(true, 0.6)))
    naive = -np.expm1(-2.3263 * smoothed(true, 0.6).std() * np.sqrt(30))

    assert QualityFlag.SMOOTHED in seen.flags
    assert seen.loss[-1] == pytest.approx(plain.loss[-1], rel=0.15)
    assert naive < 0.7 * plain.loss[-1]


def test_excessive_smoothing_gives_no_opinion():
    found = curve(walk(smoothed(noise(500), 0.97)))

    assert np.isnan(found.loss).all()
    assert QualityFlag.SMOOTHED in found.flags


def test_monthly_prices_are_simulated_in_whole_months():
    """Most months have 22 business days."""
    months = np.arange("2005-01", "2020-01", dtype="datetime64[M]").astype("datetime64[D]")

    found = curve(walk(noise(179, 0.05)), horizon=63, days=months)

    assert QualityFlag.COARSE_QUOTES in found.flags
    assert found.loss[0] == found.loss[21] < found.loss[22] == found.loss[43] < found.loss[44]
    assert found.daily_volatility == pytest.approx(np.sqrt(np.mean(noise(179, 0.05) ** 2) / 22))


def test_weekly_quotes_give_about_the_same_haircut_as_daily_ones():
    prices = walk(noise(2500, 0.01))
    daily, weekly = curve(prices, horizon=20), curve(prices[::5], horizon=20, days=DAYS[::5])

    assert weekly.loss[-1] == pytest.approx(daily.loss[-1], rel=0.20)


def test_a_level_break_does_not_enter_the_risk():
    values = FAT.copy()
    values[300] = np.log(100.0)

    found = curve(walk(values))

    assert QualityFlag.LEVEL_BREAK in found.flags
    assert found.loss[-1] == pytest.approx(curve(walk(values[301:])).loss[-1])


def test_a_ninety_day_curve_is_fast():
    """Simulates 20,000 paths from 500 returns; takes the best of three runs, because the machine may be busy."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        curve(walk(FAT), horizon=90, settings=Tier1Settings())
        seconds.append(time.perf_counter() - begun)

    assert min(seconds) < 0.2


@pytest.mark.parametrize("confidence", [0.5, 1.0, 99.0, np.nan])
def test_the_error_names_a_confidence_outside_its_range(confidence):
    with pytest.raises(InvalidInput, match=f"confidence: got {confidence}, want more than 0.5 and less than 1"):
        curve(walk(FAT), confidence=confidence)


@pytest.mark.parametrize("horizon", [0, -1, 2501, 10**9, 20.5, "20", None, True])
def test_a_horizon_that_cannot_be_simulated_is_refused(horizon):
    with pytest.raises(InvalidInput, match=re.escape(f"max_horizon_days: got {horizon!r}, want 1 to 2500")):
        curve(walk(FAT), horizon=horizon)


@pytest.mark.parametrize("settings", [{"decay": 1.0}, {"decay": 0.0}, {"window": 1}, {"paths": 0}])
def test_settings_that_cannot_be_simulated_are_refused(settings):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        Tier1Settings(**settings)
