"""Tests of inputs that are known to distort haircuts: each one is handled and flagged."""

import numpy as np
import pytest
from scipy.special import ndtri

from tests.support.price_series import DAYS, noise, smoothed, walk
from valuation.flags import QualityFlag
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.tier1 import DEFAULT
from valuation.prices.cleaning import Defect, clean
from valuation.prices.closed_days import easter, exchange_holidays, is_exchange_holiday

PRICES = walk(noise(1200, sd=0.012))
DATES = DAYS[:1201]


def found(prices, dates=DATES, horizon_days=20, model=HaircutModel.POOLED, seed=0):
    return haircut(prices, dates, horizon_days, model=model, seed=seed)


def rows(one, defect):
    return one.cleaned.defects.get(defect, np.array([], dtype=np.int64)).tolist()


def exceeded(true, quotes, dates, horizon_days, spacing):
    """Returns the share of windows in which the true price falls further than the haircut of the known quotes."""
    starts = np.arange(600, len(true) - horizon_days, spacing)
    losses = [found(quotes[: row + 1], dates[: row + 1], horizon_days).loss for row in starts]
    return float(np.mean(1.0 - true[starts + horizon_days] / true[starts] > losses))


@pytest.mark.parametrize("factor", [100.0, 0.01, 1000.0, 0.001, 2.20462262, 22.0462262])
def test_a_price_that_continues_in_another_unit_starts_a_new_series(factor):
    changed = PRICES.copy()
    changed[800:] *= factor

    one = found(changed)

    assert rows(one, Defect.LEVEL_BREAK) == rows(one, Defect.UNIT_FACTOR) == [800]
    assert QualityFlag.LEVEL_BREAK in one.flags
    assert one.loss == pytest.approx(found(PRICES[800:], DATES[800:]).loss, rel=1e-9)


@pytest.mark.parametrize("factor", [100.0, 0.01, 1000.0])
def test_a_single_quote_in_another_unit_is_left_out_with_its_defect(factor):
    wrong = PRICES.copy()
    wrong[800] *= factor

    one = found(wrong)

    assert rows(one, Defect.SPIKE) == rows(one, Defect.UNIT_FACTOR) == [800]
    assert one.loss == pytest.approx(found(PRICES).loss, rel=0.03)


def test_a_feed_in_another_unit_for_a_week_gives_no_opinion_rather_than_a_large_haircut():
    wrong = PRICES.copy()
    wrong[1190:1195] *= 100.0

    one = found(wrong)

    assert rows(one, Defect.LEVEL_BREAK) == [1190, 1195]
    assert not one.has_opinion
    assert QualityFlag.SHORT_HISTORY | QualityFlag.LEVEL_BREAK in one.flags


@pytest.mark.parametrize("rate", [0.88, 1.14, 1.32])
def test_a_currency_switch_below_the_level_break_limit_is_marked_and_stays_in_the_risk(rate):
    switched = PRICES.copy()
    switched[800:] *= rate

    one = found(switched)

    assert rows(one, Defect.SUDDEN_STEP) == [800]
    assert len(one.cleaned.prices) == len(PRICES)
    assert one.loss > 0.95 * found(PRICES).loss


def test_only_steps_on_the_same_days_of_the_month_are_contract_rolls():
    of_month = (DATES - DATES.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1
    month = DATES.astype("datetime64[M]").astype(int) % 12 + 1
    expiry = np.flatnonzero(np.isin(month, [7, 12]) & (of_month >= 15) & (of_month <= 17))
    expiry = expiry[np.diff(expiry, prepend=-9) > 3]
    anywhere = np.array([100, 215, 341, 466, 598, 703, 822, 941, 1066])[: len(expiry)]

    for places, defect in ((expiry, Defect.CONTRACT_ROLL), (anywhere, Defect.SUDDEN_STEP)):
        moves = noise(1200, sd=0.01)
        moves[places - 1] = -0.14
        one = clean(DATES, walk(moves))
        assert one.defects[defect].tolist() == places.tolist()


def test_a_step_that_reverts_the_next_day_is_marked_and_kept():
    wrong = PRICES.copy()
    wrong[800] *= 0.80

    one = found(wrong)

    assert rows(one, Defect.STEP_AND_BACK) == [800, 801]
    assert rows(one, Defect.SPIKE) == []


def test_prices_repeated_on_exchange_holidays_are_marked_and_not_stale():
    closed = np.flatnonzero(is_exchange_holiday(DATES))
    repeated = PRICES.copy()
    for row in closed:
        repeated[row] = repeated[row - 1]

    one = found(repeated)

    assert rows(one, Defect.HOLIDAY_REPEAT) == closed.tolist()
    assert len(closed) == 40
    assert QualityFlag.SMOOTHED not in one.flags
    assert one.loss == pytest.approx(found(PRICES).loss, rel=0.05)


def test_the_holidays_are_those_of_the_exchange_calendar():
    """Compares with the 2024 calendar of the New York Stock Exchange and with published Easter Sundays."""
    published = ["01-01", "01-15", "02-19", "03-29", "05-27", "06-19", "07-04", "09-02", "11-28", "12-25"]

    assert sorted(day.isoformat()[5:] for day in exchange_holidays(2024)) == published
    assert [easter(year).isoformat() for year in (1961, 2000, 2019, 2038)] == [
        "1961-04-02",
        "2000-04-23",
        "2019-04-21",
        "2038-04-25",
    ]


def test_weekend_quotes_that_repeat_friday_are_left_out():
    every = np.arange(DATES[0], DATES[-1] + 1)
    held = PRICES[np.searchsorted(DATES, every, side="right") - 1]

    one = found(held, every)

    assert one.loss == found(PRICES).loss
    assert len(rows(one, Defect.WEEKEND_REPEAT)) == len(every) - len(DATES)
    assert QualityFlag.SMOOTHED not in one.flags


def test_weekend_quotes_are_kept_if_the_market_trades_on_weekends():
    every = np.arange(DATES[0], DATES[0] + 1201)

    assert len(found(PRICES, every).cleaned.prices) == 1201


def test_smoothed_quotes_are_covered_where_the_square_root_of_time_fails():
    """The quote reports a fifth of each move a day, so the naive haircut is exceeded in about one window of eleven."""
    moves = noise(3900, sd=0.012, seed=8)
    true, quotes = walk(moves), walk(smoothed(moves, 0.8))
    starts = np.arange(600, 3880, 10)
    naive = [
        -np.expm1(ndtri(0.01) * np.diff(np.log(quotes[row - 499 : row + 1])).std() * np.sqrt(20)) for row in starts
    ]

    assert np.mean(1.0 - true[starts + 20] / true[starts] > naive) > 0.05
    assert exceeded(true, quotes, DAYS[:3901], 20, 10) < 0.015


def test_weekly_assessments_repeated_through_the_week_are_covered():
    moves = noise(3900, sd=0.012, seed=9)
    true = walk(moves)
    quotes = true[np.arange(3901) // 5 * 5]

    assert exceeded(true, quotes, DAYS[:3901], 20, 7) < 0.02


def test_random_missing_days_change_little():
    kept = np.sort(np.random.default_rng(3).choice(1201, 800, replace=False))

    assert found(PRICES[kept], DATES[kept]).loss == pytest.approx(found(PRICES).loss, rel=0.20)


def test_four_unchanged_quotes_in_five_are_flagged_and_covered():
    moves = noise(1200, sd=0.012, seed=4)
    held = walk(moves)[np.arange(1201) // 5 * 5]

    one = found(held)

    assert QualityFlag.SMOOTHED in one.flags
    assert one.loss > 0.9 * found(walk(moves)).loss


@pytest.mark.parametrize("count", [0, 1, 5, 30])
@pytest.mark.parametrize("model", list(HaircutModel))
def test_a_few_prices_never_give_an_estimate(count, model):
    assert not found(PRICES[:count], DATES[:count], model=model).has_opinion


@pytest.mark.slow
def test_every_model_has_an_estimate_of_its_own():
    """A model without a branch of its own would return the estimate of another model under its name."""
    losses = {model: found(PRICES, model=model).loss for model in HaircutModel}

    assert all(0.0 < loss < 1.0 for loss in losses.values()), losses
    assert len(set(losses.values())) == len(losses), losses


@pytest.mark.parametrize(
    "last",
    [[PRICES[1000]] * 200, [-5.0], [0.0], [np.nan] * 5, [PRICES[-1] * 100.0] * 3],
    ids=["stale", "negative", "zero", "not a number", "other unit"],
)
@pytest.mark.parametrize("model", list(HaircutModel))
def test_a_broken_end_gives_no_estimate_or_one_within_the_price(last, model):
    broken = np.concatenate([PRICES[: -len(last)], last])

    one = found(broken, model=model)

    assert not one.has_opinion or 0.0 < one.loss <= 1.0


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_missing_numbers_are_reported_and_the_rest_is_used(hole):
    wrong = PRICES.copy()
    wrong[600] = hole

    one = found(wrong)

    assert rows(one, Defect.NOT_FINITE) == [600]
    assert one.loss == pytest.approx(found(PRICES).loss, rel=0.02)


def test_a_rising_history_does_not_lower_the_haircut():
    """Residuals that are not centred would add the past drift to every path."""
    risen = walk(noise(1200, sd=0.012) + 0.004)
    model = HaircutModel.EWMA_FHS

    assert found(risen, horizon_days=60, model=model).loss > 0.95 * found(PRICES, horizon_days=60, model=model).loss


def test_the_seed_changes_a_sixty_day_haircut_within_its_standard_error():
    one, other = (found(PRICES, horizon_days=60, model=HaircutModel.EWMA_FHS, seed=seed) for seed in (1, 2))

    assert DEFAULT.paths >= 20_000
    assert 0.0 < abs(one.loss - other.loss) < 4.0 * one.standard_error
    assert one.standard_error < 0.01


def test_a_smoothed_quote_is_corrected_downwards_only():
    """Compared with the true price, the corrected quote is nearer after a fall and never raised after a rise."""
    moves = noise(3000, sd=0.012, seed=10)
    true, quotes = walk(moves), walk(smoothed(moves, 0.8))
    rows_at = np.arange(1000, 3000, 20)
    corrections = np.array([found(quotes[: row + 1], DAYS[: row + 1]).value_correction for row in rows_at])
    fallen = quotes[rows_at] < quotes[rows_at - 1]

    before = np.log(quotes[rows_at] / true[rows_at])
    after = before + np.log(corrections)
    assert (corrections[fallen] < 1.0).all()
    assert (corrections[~fallen] == 1.0).all()
    assert np.abs(after[fallen]).mean() < 0.3 * np.abs(before[fallen]).mean()
