"""Tests of stale quotes: a feed that repeats its last price is not a calm market."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation.flags import QualityFlag
from valuation.haircuts.models.price_haircut import haircut
from valuation.prices.stale_quotes import fresh

MOVING = walk(noise(999, sd=0.015))


def stopped(repetitions, prices=MOVING):
    return np.append(prices, np.full(repetitions, prices[-1]))


def stepwise(run, count=40, seed=4):
    """Returns prices that stay equal for ``run`` quotes and then move."""
    return np.repeat(walk(noise(count, sd=0.03, seed=seed)), run)


@pytest.mark.parametrize("repetitions", [0, 5])
def test_a_week_of_holidays_quoted_with_the_last_price_is_kept(repetitions):
    prices = stopped(repetitions)

    found = fresh(DAYS[: len(prices)], prices)

    assert len(found.places) == len(prices)
    assert found.age_days == found.repetitions == 0


def test_a_longer_run_makes_the_feed_stale_since_it_last_moved():
    found = fresh(DAYS[:1020], stopped(20))

    assert found.places[-1] == 999
    assert found.age_days == found.repetitions == 20


def test_a_run_of_a_length_usual_for_the_series_is_not_stale():
    usual, longer = stepwise(12), stopped(25, stepwise(12))

    assert len(fresh(DAYS[: len(usual)], usual).places) == len(usual)
    assert fresh(DAYS[: len(longer)], longer).repetitions == 11 + 25


def test_a_stale_run_that_ended_is_one_quote_and_a_gap():
    prices = np.concatenate([stopped(100), walk(noise(50, seed=8), MOVING[-1] * 1.02)])

    found = fresh(DAYS[: len(prices)], prices)

    assert len(found.places) == len(prices) - 100
    assert found.repetitions == 0


@pytest.mark.parametrize("count", [0, 1])
def test_no_quotes_and_one_quote_are_fresh(count):
    assert len(fresh(DAYS[:count], np.full(count, 5.0)).places) == count


def test_the_haircut_of_a_stopped_feed_grows_daily_until_there_is_no_opinion():
    found = {count: haircut(stopped(count), DAYS[: 1000 + count], 20) for count in (0, 20, 40, 59, 60, 500)}

    assert found[0].loss < found[20].loss < found[40].loss < found[59].loss
    assert found[20].loss == haircut(MOVING, DAYS[:1000], 40).loss
    assert QualityFlag.STALE_SERIES in found[20].flags
    assert not found[60].has_opinion
    assert not found[500].has_opinion
    assert QualityFlag.STALE_SERIES in found[500].flags


def test_a_series_with_few_moves_has_no_opinion():
    prices = np.where(np.arange(600) < 300, 100.0, 101.0)

    found = haircut(prices, DAYS[:600], 20)

    assert not found.has_opinion
    assert QualityFlag.STALE_SERIES in found.flags
