"""The price side of the library against published and recomputed figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.volatility import volatility_haircut
from valuation.prices.admit import RefusalReason, Verdict, admit
from valuation.prices.backtest import (
    christoffersen_independence,
    kupiec,
    pinball,
    traffic_light,
)
from valuation.prices.closed_forms import (
    crps_normal,
    garch_variance,
    gpd_expected_shortfall,
    gpd_value_at_risk,
    linear_liquidation_factor,
    merton_quantile,
    population_stability_index,
)
from valuation.prices.returns import hidden_gap, log_returns, unsmoothed
from valuation.prices.tier1 import Tier1Settings, seed_for, tier1

DAYS = np.busday_offset("2015-01-01", np.arange(3000), roll="forward").astype("datetime64[D]")


def walk(returns, start=100.0):
    return start * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))


def curve(prices, horizon=60, confidence=0.99, seed=7):
    return tier1(DAYS[: len(prices)], prices, max_horizon_days=horizon, confidence=confidence, seed=seed)


def test_kupiec_agrees_with_the_published_example():
    found = kupiec(57, 1043, 0.05)

    assert found.statistic == pytest.approx(0.46147, abs=5e-6)
    assert found.p_value == pytest.approx(0.49694, abs=5e-6)


@pytest.mark.parametrize(
    ("exceedances", "observations", "level", "statistic", "p_value"),
    [(3, 250, 0.05, 10.8123, 0.00101), (3, 250, 0.01, 0.09494, 0.75799), (7, 250, 0.01, 5.4970, 0.01905)],
)
def test_kupiec_agrees_with_recomputed_figures(exceedances, observations, level, statistic, p_value):
    found = kupiec(exceedances, observations, level)

    assert found.statistic == pytest.approx(statistic, abs=1e-4)
    assert found.p_value == pytest.approx(p_value, abs=1e-5)


def test_kupiec_of_no_exceedance_rejects_because_the_haircut_is_too_safe():
    assert kupiec(0, 250, 0.01).p_value == pytest.approx(0.025, abs=1e-3)


def test_christoffersen_agrees_with_the_published_example():
    found = christoffersen_independence(932, 53, 53, 4)

    assert found.statistic == pytest.approx(0.25866, abs=1e-5)
    assert found.p_value == pytest.approx(0.61104, abs=1e-5)


def test_the_traffic_light_turns_amber_at_five_and_red_at_ten_of_250():
    lights = [traffic_light(count, 250, 0.01).colour for count in range(12)]

    assert lights == ["green"] * 5 + ["amber"] * 5 + ["red"] * 2
    assert traffic_light(57, 1043, 0.05).cumulative == pytest.approx(0.77913, abs=1e-5)


def test_pinball_weighs_a_fall_below_the_quantile_by_its_complement():
    assert pinball(np.array([-0.2]), np.array([-0.1]), 0.01)[0] == pytest.approx(0.099)


def test_garch_variance_over_twenty_days_reverts_to_its_mean():
    assert garch_variance(0.02, 0.08, 0.90, 3.0, 20) == pytest.approx(53.2392, abs=1e-4)
    assert garch_variance(0.02, 0.08, 0.90, 3.0, 20, autoregression=0.3) == pytest.approx(104.9752, abs=1e-4)


def test_extreme_value_quantile_of_the_danish_fires():
    assert gpd_value_at_risk(0.4968, 6.975, 10.0, 2167, 109, 0.99) == pytest.approx(27.286, abs=2e-3)
    assert gpd_expected_shortfall(0.4968, 6.975, 10.0, 2167, 109, 0.99) == pytest.approx(58.21, abs=2e-2)


def test_jumps_deepen_the_quantile():
    quantile = merton_quantile(0.01, 20 / 250, 0.25, jumps_per_year=2.0, jump_mean=-0.05, jump_sd=0.08)

    assert quantile == pytest.approx(-0.222988, abs=1e-6)
    assert 1 - np.exp(quantile) == pytest.approx(0.199876, abs=1e-6)


def test_selling_in_equal_parts_is_less_risky_than_selling_at_the_end():
    assert linear_liquidation_factor(10) == pytest.approx(1.96214, abs=1e-5)


def test_scores_agree_with_closed_forms():
    assert crps_normal(0.0, 0.0, 1.0) == pytest.approx(0.233695, abs=1e-6)
    assert population_stability_index(np.array([0.5, 0.5]), np.array([0.6, 0.4])) == pytest.approx(0.04055, abs=1e-5)


def test_volatility_haircut_of_sixty_days():
    assert volatility_haircut(0.015, 60, 0.99) == pytest.approx(0.236847, abs=1e-6)


def test_unsmoothing_restores_the_variance_that_smoothing_took():
    """sd*/sd = sqrt(1 - a^2) / (1 - a): 3 for a = 0.8."""
    true = np.random.default_rng(3).normal(0, 0.01, 200_000)
    smoothed = np.zeros_like(true)
    for day in range(1, len(true)):
        smoothed[day] = 0.2 * true[day] + 0.8 * smoothed[day - 1]

    restored = unsmoothed(smoothed, 0.8)

    assert restored[1:] == pytest.approx(true[1:])
    assert restored.std() / smoothed.std() == pytest.approx(3.0, rel=0.02)
    assert hidden_gap(0.01, 0.8) == pytest.approx(0.04)


def test_normal_returns_give_the_normal_haircut():
    returns = np.random.default_rng(5).normal(0, 0.015, 2999)
    found = tier1(
        DAYS,
        walk(returns),
        max_horizon_days=10,
        confidence=0.99,
        seed=1,
        settings=Tier1Settings(window=2999, decay=0.999),
    )

    assert found.loss[9] == pytest.approx(1 - np.exp(-2.3263 * 0.015 * np.sqrt(10)), rel=0.05)


def test_the_same_inputs_give_the_same_bytes():
    prices = walk(np.random.default_rng(2).normal(0, 0.01, 700))

    assert curve(prices).loss.tobytes() == curve(prices).loss.tobytes()
    assert seed_for("copper", DAYS[0], "1") != seed_for("copper", DAYS[1], "1")


def test_the_haircut_does_not_depend_on_the_unit_of_the_price():
    prices = walk(np.random.default_rng(2).normal(0, 0.01, 700))

    assert curve(prices * 1024.0).loss == pytest.approx(curve(prices).loss, rel=1e-5)


def test_a_longer_horizon_and_a_higher_confidence_never_lower_the_haircut():
    prices = walk(np.random.default_rng(9).standard_t(4, 900) * 0.01)
    low, high = curve(prices, confidence=0.95), curve(prices, confidence=0.99)

    assert (np.diff(low.loss) >= 0).all()
    assert (high.loss >= low.loss).all()
    assert (high.expected_shortfall >= high.loss).all()


def test_a_price_that_never_moves_is_stale_not_safe():
    found = curve(np.full(400, 50.0))

    assert np.isnan(found.loss).all()
    assert QualityFlag.STALE_SERIES in found.flags


def test_a_short_history_has_no_opinion():
    found = curve(walk(np.random.default_rng(1).normal(0, 0.01, 40)))

    assert np.isnan(found.loss).all()
    assert QualityFlag.SHORT_HISTORY in found.flags


def test_a_calm_end_of_the_window_does_not_lower_the_haircut_below_its_mean():
    wild, calm = np.random.default_rng(4).normal(0, 0.03, 300), np.random.default_rng(4).normal(0, 0.002, 200)
    found = curve(walk(np.concatenate([wild, calm])))

    assert QualityFlag.VARIANCE_FLOOR in found.flags


def test_monthly_prices_are_simulated_in_months():
    months = np.arange("2005-01", "2020-01", dtype="datetime64[M]").astype("datetime64[D]")
    found = tier1(
        months, walk(np.random.default_rng(8).normal(0, 0.05, 179)), max_horizon_days=42, confidence=0.99, seed=1
    )

    assert QualityFlag.IRREGULAR_DATES in found.flags
    assert found.loss[0] == found.loss[20]
    assert found.loss[41] > found.loss[20]


@pytest.mark.parametrize("bad", [[100.0, -1.0], [100.0, np.nan], [100.0, np.inf]])
def test_prices_without_a_logarithm_are_refused(bad):
    with pytest.raises(InvalidInput, match="price: got"):
        log_returns(DAYS[:2], np.array(bad), 500)


def known(count=60):
    return DAYS[:count], walk(np.random.default_rng(6).normal(0, 0.01, count - 1))


def offer(dates, prices, pending=((), ()), today=DAYS[-1], history=None):
    days, values = history or known()
    return admit(
        days,
        values,
        np.array(pending[0], dtype="datetime64[D]"),
        np.array(pending[1], dtype=float),
        np.array(dates, dtype="datetime64[D]"),
        np.array(prices, dtype=float),
        today,
    )


def test_an_ordinary_price_is_accepted_and_its_repetition_is_harmless():
    days, values = known()
    found = offer([DAYS[60], days[10]], [values[-1] * 1.01, values[10]])

    assert found.verdict.tolist() == [Verdict.ACCEPTED, Verdict.DUPLICATE]


@pytest.mark.parametrize(
    ("price", "day", "reason"),
    [
        (0.0, DAYS[60], RefusalReason.NOT_POSITIVE),
        (-36.98, DAYS[60], RefusalReason.NOT_POSITIVE),
        (np.nan, DAYS[60], RefusalReason.NOT_FINITE),
        (np.inf, DAYS[60], RefusalReason.NOT_FINITE),
        (100.0, DAYS[-1] + 1, RefusalReason.FUTURE_DATE),
    ],
)
def test_an_impossible_price_is_refused_and_the_rest_goes_in(price, day, reason):
    found = offer([day, DAYS[61]], [price, known()[1][-1]])

    assert found.verdict.tolist() == [Verdict.REFUSED, Verdict.ACCEPTED]
    assert found.reason[0] == reason


def test_a_hundredfold_price_is_quarantined():
    found = offer([DAYS[60], DAYS[61]], [known()[1][-1] * 100, known()[1][-1]])

    assert found.verdict.tolist() == [Verdict.QUARANTINED, Verdict.ACCEPTED]
    assert found.reason[0] == RefusalReason.JUMP


def test_three_quotes_that_confirm_each_other_are_a_new_level():
    level = known()[1][-1] * 3
    found = offer([DAYS[62]], [level * 1.01], pending=([DAYS[60], DAYS[61]], [level, level * 0.99]))

    assert found.verdict.tolist() == [Verdict.ACCEPTED]
    assert found.released.tolist() == [True, True]
    assert found.level_break


def test_two_prices_for_one_day_in_one_message_are_both_refused():
    found = offer([DAYS[60], DAYS[60]], [100.0, 101.0])

    assert found.reason.tolist() == [RefusalReason.CONFLICTING_DUPLICATE] * 2


@given(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=30))
def test_moves_within_the_limit_are_always_accepted(moves):
    days, values = known()
    prices = values[-1] * np.exp(np.cumsum(moves) - moves[0])
    found = offer(DAYS[60 : 60 + len(moves)], prices, history=(days, values))

    assert (found.verdict == Verdict.ACCEPTED).all()
