"""Without an estimate, the haircut is never below the floor of the class or what the series' own quotes show."""

import numpy as np
import pytest

from valuation.haircuts.models.own_history import floor_of_series, own_history_loss
from valuation.haircuts.models.pooled import class_floor
from valuation.haircuts.models.price_haircut import HaircutModel, haircut

DAYS = np.busday_offset("2018-01-01", np.arange(700), roll="forward").astype("datetime64[D]")


def walk(daily, count=700):
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, daily, count)))


def broken(daily, quotes_after, factor=4.0):
    """Returns a series whose level breaks so late that it has no estimate."""
    prices = walk(daily)
    prices[-quotes_after:] *= factor
    return prices


@pytest.mark.parametrize("factor", [4.0, 0.2, 1000.0])
@pytest.mark.parametrize("quotes_after", [3, 30, 59])
def test_after_a_level_break_the_haircut_is_that_of_the_history_before_it(factor, quotes_after):
    prices = broken(0.045, quotes_after, factor)
    before = haircut(prices[:-quotes_after], DAYS[:-quotes_after], 20)
    found = haircut(prices, DAYS, 20)
    assert not found.has_opinion
    assert found.class_floor >= before.loss > class_floor(20, 0.99)


def test_a_calm_history_never_lowers_the_floor_of_the_class():
    assert haircut(broken(0.005, 10), DAYS, 20).class_floor == class_floor(20, 0.99)


def test_a_spike_between_two_breaks_leaves_the_history_before_both():
    prices = walk(0.045)
    prices[-30:-20] *= 5.0
    before = haircut(prices[:-30], DAYS[:-30], 20)
    assert haircut(prices, DAYS, 20).class_floor >= before.loss


def test_a_wild_short_series_is_not_lent_on_at_the_floor_of_the_class():
    found = haircut(walk(0.10, 40), DAYS[:40], 20)
    assert not found.has_opinion
    assert found.class_floor > 0.45


def test_a_feed_that_stopped_keeps_its_earlier_haircut():
    prices = walk(0.045)
    prices[-100:] = prices[-100]
    assert haircut(prices, DAYS, 20).class_floor >= haircut(prices[:-99], DAYS[:-99], 20).loss


@pytest.mark.parametrize("model", list(HaircutModel)[:3])
def test_every_model_uses_the_own_history(model):
    assert haircut(walk(0.10, 40), DAYS[:40], 20, model=model).class_floor > 0.45


@pytest.mark.parametrize("count", [0, 1, 15])
def test_too_few_moves_leave_the_floor_of_the_class(count):
    losses = own_history_loss(DAYS[:count], walk(0.05)[:count], max_horizon_days=20, confidence=0.99)
    assert np.isnan(losses).all()
    assert floor_of_series(float("nan"), DAYS[:count], walk(0.05)[:count], 20, 0.99) == class_floor(20, 0.99)
