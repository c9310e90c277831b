"""Tests of haircuts of monthly and weekly series: memory, averages, dates, and horizons shorter than a step."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import full_observations, pooled_scale
from valuation.haircuts.models.pooled_table import log_multiples
from valuation.haircuts.models.price_haircut import haircut
from valuation.prices.cleaning import Defect, clean
from valuation.prices.returns import Carry, log_returns
from valuation.statistics.running_moments import running_means

MONTHS = np.arange("1980-01", "2024-01", dtype="datetime64[M]")
LAST_DAYS = (MONTHS + 1).astype("datetime64[D]") - 1
FIRST_DAYS = MONTHS.astype("datetime64[D]")
LAST_BUSINESS_DAYS = np.busday_offset(LAST_DAYS, 0, roll="backward").astype("datetime64[D]")
SD = 0.06
CALENDARS = [LAST_DAYS, FIRST_DAYS, LAST_BUSINESS_DAYS]


def month_loss(returns, dates=LAST_DAYS):
    """Returns the haircut at a month."""
    curve = pooled_scale(dates[: len(returns) + 1], walk(returns), max_horizon_days=22, confidence=0.99)
    return float(curve.loss[-1])


def test_the_recent_memory_of_a_step_grows_with_its_root():
    """A daily half-life of 11 is 11 days at a step of one day, 22 at four days and 55 at twenty-five days."""
    returns = noise(200)
    for step, steps in ((1, 11.0), (4, 5.5), (25, 2.2)):
        weights = 0.5 ** (np.arange(199, -1, -1) / steps)
        assert running_means(returns, step)[0, -1] == pytest.approx(weights @ returns**2 / weights.sum())


def test_one_quiet_month_does_not_halve_the_haircut_of_a_known_volatility():
    """The 1 % quantile of a normal month of 6 % is 13 %; a single month says little about the next one."""
    truth = -np.expm1(-2.3263 * SD)
    ordinary = noise(400, SD)
    quiet, wild = (month_loss(np.append(ordinary, move)) for move in (0.0, -2.5 * SD))

    assert 0.8 * truth < quiet < wild < 1.8 * truth
    assert wild < 2.0 * quiet


@pytest.mark.parametrize("seed", range(4))
def test_the_haircut_of_calm_and_wild_states_is_exceeded_about_as_often(seed):
    """Simulates log variances that revert within a year, and compares the haircut with the true next month."""
    random = np.random.default_rng(seed)
    state, returns, states = 0.0, [], []
    for _ in range(460):
        state = 0.85 * state + 0.25 * random.normal()
        states.append(SD * np.exp(state))
        returns.append(states[-1] * random.normal())
    rows = range(150, 459, 3)
    losses = np.array([month_loss(np.array(returns[:row])) for row in rows])
    normal = np.log1p(-losses) / np.array([states[row] for row in rows])
    size = np.abs(np.array([returns[row - 1] for row in rows]))
    quiet, wild = (normal[part].mean() for part in (size < np.quantile(size, 1 / 3), size > np.quantile(size, 2 / 3)))

    assert quiet == pytest.approx(wild, rel=0.25)


def test_sums_of_averages_of_a_random_walk_have_the_variance_of_theory():
    """Working (1960): averages over a step have 2/3 of its variance and over n steps n - 1/3, in true variances."""
    steps = np.array([1.0, 2.0, 6.0, 12.0])

    assert Carry(0.25, 0.0).variance(steps) == pytest.approx((steps - 1.0 / 3.0) / (2.0 / 3.0))


def test_the_variance_of_sums_follows_from_the_autocorrelations():
    lags = 0.4 * 0.2 ** np.arange(5)
    matrix = np.array([[1.0 if i == j else lags[abs(i - j) - 1] for i in range(6)] for j in range(6)])

    assert Carry(0.4, 0.2).variance(np.array([6.0])) == pytest.approx(matrix.sum())


def test_monthly_averages_have_the_haircut_of_the_prices_that_they_average():
    """At six months the averages hide little of the variance, at one month a third."""
    days = np.busday_offset("1980-01-01", np.arange(22 * 528 + 1), roll="forward").astype("datetime64[D]")
    prices = walk(noise(len(days) - 1, 0.013, seed=3))
    point, average = prices[22::22][:528], prices[1:].reshape(-1, 22).mean(axis=1)
    sampled, averaged = (
        pooled_scale(days[22::22][:528], series, max_horizon_days=132, confidence=0.99) for series in (point, average)
    )

    assert averaged.loss[131] == pytest.approx(sampled.loss[131], rel=0.12)
    assert averaged.loss[21] < 0.92 * sampled.loss[21]


@pytest.mark.parametrize("dates", CALENDARS)
def test_monthly_dates_are_regular_whatever_the_day_of_the_week(dates):
    """A third of the months end on a weekend or repeat the previous price."""
    returns = noise(len(dates) - 1, SD, seed=2)
    returns[::4] = 0.0
    cleaned = clean(dates, walk(returns))

    found = haircut(walk(noise(len(dates) - 1, SD, seed=2)), dates, 20)

    assert set(cleaned.defects) == {Defect.UNCHANGED}
    assert len(cleaned.prices) == len(dates)
    assert found.flags == QualityFlag.COARSE_QUOTES


def test_sudden_steps_of_monthly_quotes_are_no_contract_rolls():
    """Every month-end quote lies in the same five days of the month, so that this proves nothing."""
    returns = noise(len(LAST_DAYS) - 1, 0.01, seed=4)
    returns[20::40] = 0.2

    defects = clean(LAST_DAYS, walk(returns)).defects

    assert Defect.CONTRACT_ROLL not in defects
    assert len(defects[Defect.SUDDEN_STEP]) > 10


def test_independent_monthly_returns_are_rarely_taken_for_smoothed_ones():
    flagged = [
        QualityFlag.SMOOTHED in log_returns(LAST_DAYS[:91], walk(noise(90, SD, seed)), 500).flags for seed in range(300)
    ]

    assert sum(flagged) <= 3


def test_dates_without_a_usual_step_are_irregular():
    apart = np.random.default_rng(1).integers(1, 60, 300)
    days = np.busday_offset("2000-01-03", np.cumsum(apart), roll="forward").astype("datetime64[D]")

    assert QualityFlag.IRREGULAR_DATES in log_returns(days, walk(noise(299)), 500).flags


@pytest.mark.parametrize("dates", CALENDARS)
def test_a_horizon_within_a_step_includes_the_whole_step(dates):
    """A monthly series says nothing about what happens within a month."""
    step = log_returns(dates, walk(noise(len(dates) - 1, SD)), 500).step_days
    losses = pooled_scale(dates, walk(noise(len(dates) - 1, SD)), max_horizon_days=3 * step, confidence=0.99).loss

    assert step in (21, 22)
    assert (losses[:step] == losses[0]).all()
    assert losses[0] < losses[step] < losses[2 * step]


def test_ten_years_of_months_are_not_a_short_history():
    """The long-run variance remembers about a hundred months; more of them do not make it more certain."""
    assert (full_observations(1), full_observations(5)) == (250, 250)
    assert 90 <= full_observations(22) < full_observations(21) <= 100


def test_the_tails_of_monthly_series_do_not_deepen_beyond_ten_weeks():
    horizons, tails = np.array([20.0, 50.0, 60.0, 120.0]), np.array([0.01, 0.05])
    daily, monthly = (np.diff(log_multiples(horizons, tails, days), axis=0)[0] for days in (120.0, 50.0))

    assert monthly[1:] == pytest.approx(daily[1])
    assert (np.diff(daily) < 0.0).all()


def test_a_month_without_a_change_has_no_margin_for_rare_steps():
    still = noise(400, SD)
    still[::6] = 0.0

    assert month_loss(still) == pytest.approx(month_loss(still[still != 0.0]), rel=0.15)


def test_weekly_quotes_have_about_the_haircut_of_daily_ones():
    prices = walk(noise(3500, 0.012, seed=6))
    daily = pooled_scale(DAYS[:3501], prices, max_horizon_days=20, confidence=0.99)
    weekly = pooled_scale(DAYS[:3501:5], prices[::5], max_horizon_days=20, confidence=0.99)

    assert weekly.loss[-1] == pytest.approx(daily.loss[-1], rel=0.15)
