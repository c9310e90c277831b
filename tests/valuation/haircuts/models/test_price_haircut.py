"""Tests of the haircut of raw quotes."""

import numpy as np
import pytest

import valuation
from tests.support.price_series import DAYS, noise, walk
from valuation.flags import QualityFlag
from valuation.haircuts.models.price_haircut import HaircutModel, haircut, haircut_batch
from valuation.haircuts.models.tier1 import tier1
from valuation.prices.cleaning import Defect

PRICES = walk(noise(400))


def test_it_is_the_end_of_the_curve():
    curve = tier1(DAYS[:401], PRICES, max_horizon_days=20, confidence=0.95, seed=3)

    found = haircut(PRICES, DAYS[:401], 20, 0.95, model=HaircutModel.EWMA_FHS, seed=3)

    assert (found.loss, found.expected_shortfall) == (curve.loss[-1], curve.expected_shortfall[-1])
    assert (found.standard_error, found.observations) == (curve.standard_error[-1], 401)
    assert (found.model, found.seed, found.horizon_days) == ("tier1-ewma-fhs/1", 3, 20)


def test_lists_and_iso_dates_are_accepted():
    assert haircut(PRICES.tolist(), [str(day) for day in DAYS[:401]], 10).loss == haircut(PRICES, DAYS[:401], 10).loss


def test_a_unit_error_is_reported_and_removing_it_changes_the_haircut_little():
    wrong = PRICES.copy()
    wrong[200] *= 100

    found = haircut(wrong, DAYS[:401], 20)

    assert found.cleaned.defects[Defect.SPIKE].tolist() == [200]
    assert found.loss == pytest.approx(haircut(PRICES, DAYS[:401], 20).loss, rel=0.05)


def test_a_lasting_break_of_level_is_flagged():
    broken = PRICES.copy()
    broken[200:] *= 1.7

    assert QualityFlag.LEVEL_BREAK in haircut(broken, DAYS[:401], 20).flags


def test_no_quotes_give_no_opinion():
    found = haircut([], [], 20)

    assert np.isnan(found.loss)
    assert QualityFlag.SHORT_HISTORY in found.flags
    assert found.class_floor > 0.2
    assert not found.has_opinion


def test_a_batch_in_any_order_gives_the_same_haircuts_as_single_calls():
    series = [(walk(noise(count, seed=count)), DAYS[: count + 1]) for count in (300, 900, 40)]

    together = haircut_batch(series, 20)

    assert [found.loss for found in together[:2]] == [haircut(*one, 20).loss for one in series[:2]]
    assert [found.loss for found in haircut_batch(series[1::-1], 20)] == [found.loss for found in together[1::-1]]
    assert not together[2].has_opinion


@pytest.mark.parametrize("model", [HaircutModel.POOLED, HaircutModel.EWMA_FHS])
def test_a_newest_quote_that_is_not_positive_gives_no_opinion(model):
    prices = np.append(walk(noise(600)), -37.0)

    found = haircut(prices, DAYS[:602], 20, model=model)

    assert not found.has_opinion
    assert Defect.NOT_POSITIVE in found.cleaned.defects
    assert haircut(np.append(prices, 70.0), DAYS[:603], 20, model=model).has_opinion


def test_stale_quotes_give_simulated_models_no_opinion():
    prices = np.append(walk(noise(600)), np.full(30, 100.0))

    found = haircut(prices, DAYS[:631], 20, model=HaircutModel.EWMA_FHS)

    assert not found.has_opinion
    assert QualityFlag.STALE_SERIES in found.flags


def test_the_package_provides_its_entry_points_by_name():
    one, many = valuation.haircut(PRICES, DAYS[:401], 20), valuation.haircut_batch([(PRICES, DAYS[:401])], 20)

    assert one.loss == many[0].loss == haircut(PRICES, DAYS[:401], 20).loss
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        _ = valuation.guess
