"""Tests of track records: past prices only, windows without overlap, and tests that detect wrong predictions."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.track_record import pooled_record, track_record, verdict
from valuation.haircuts.models.price_haircut import haircut

PRICES = walk(noise(2500, sd=0.015))
RECORD = track_record(DAYS[:2501], PRICES, horizon_days=20, confidence=0.99)


def test_windows_begin_at_the_501st_price_and_do_not_overlap():
    assert RECORD.origins[0] == DAYS[500]
    assert (RECORD.origins[1:] == RECORD.ends[:-1]).all()
    assert len(RECORD.origins) == 100


def test_a_prediction_is_the_haircut_of_the_known_quotes():
    known = haircut(PRICES[:521], DAYS[:521], 20).loss

    assert -np.expm1(RECORD.quantile[1]) == pytest.approx(known, rel=1e-12)
    assert RECORD.log_return[1] == pytest.approx(np.log(PRICES[540] / PRICES[520]))


def test_a_calm_market_has_status_green():
    found = verdict(RECORD, 0.99)

    assert (found.windows, found.light, found.verdict) == (100, "green", "green")
    assert found.exceedances <= 3
    assert found.expected == pytest.approx(1.0)


def test_predictions_that_are_too_small_are_red_and_score_worse():
    thin = replace(RECORD, quantile=RECORD.quantile / 3, shortfall=RECORD.shortfall / 3)

    found = verdict(thin, 0.99)

    assert found.light == "red"
    assert found.kupiec_p < 0.001
    assert found.shortfall_z2 < -1.0
    assert found.pinball > verdict(RECORD, 0.99).pinball
    assert found.better_than_normal_p > 0.5


def test_few_windows_can_reject_a_model_and_not_confirm_it():
    names = ("origins", "ends", "log_return", "quantile", "shortfall", "normal", "historical")
    few = replace(RECORD, **{name: getattr(RECORD, name)[:60] for name in names})
    thin = replace(few, quantile=few.quantile / 3, shortfall=few.shortfall / 3)

    kept, rejected = verdict(few, 0.99), verdict(thin, 0.99)
    assert (kept.light, kept.verdict, kept.shortfall_verdict) == ("green", *["not enough history"] * 2)
    assert (rejected.light, rejected.verdict) == ("red", "red")
    assert (kept.windows_needed, verdict(few, 0.98).windows_needed, verdict(few, 0.98).verdict) == (100, 50, "green")


def test_pooling_adds_windows_and_exceedances():
    other = track_record(DAYS[:2501], walk(noise(2500, seed=7)), horizon_days=20, confidence=0.99)

    together = verdict(pooled_record([RECORD, other]), 0.99)

    assert together.windows == 200
    assert together.exceedances == verdict(RECORD, 0.99).exceedances + verdict(other, 0.99).exceedances


def test_a_history_without_windows_has_no_results():
    found = verdict(track_record(DAYS[:300], PRICES[:300], horizon_days=20, confidence=0.99), 0.99)

    assert (found.windows, found.light, found.verdict) == (0, "none", "not enough history")
    assert np.isnan(found.kupiec_p)


def test_a_series_that_never_moves_has_no_opinion_at_any_origin():
    record = track_record(DAYS[:701], np.full(701, 3.0), horizon_days=20, confidence=0.99)

    assert (len(record.origins), record.without_opinion) == (0, 10)


def test_a_horizon_of_no_days_is_refused():
    with pytest.raises(InvalidInput, match="horizon_days"):
        track_record(DAYS[:701], PRICES[:701], horizon_days=0, confidence=0.99)


@pytest.mark.parametrize(("step", "count", "horizon", "ahead"), [(5, 1300, 10, 2), (5, 1300, 12, 3), (21, 400, 20, 1)])
def test_a_window_of_a_rarely_quoted_series_is_as_long_as_its_prediction(step, count, horizon, ahead):
    days = np.busday_offset(DAYS[0], step * np.arange(count + 1), roll="forward")
    prices = walk(noise(count, sd=0.01 * np.sqrt(step)))

    record = track_record(days, prices, horizon_days=horizon, confidence=0.99)
    found = verdict(record, 0.99)

    assert (np.busday_count(record.origins, record.ends) == ahead * step).all()
    assert found.light == "green"
    assert found.exceedances <= 2.0 * found.expected


def test_a_change_of_unit_is_not_a_loss():
    changed = np.where(np.arange(2501) < 1503, 1000.0 * PRICES, PRICES)

    record = track_record(DAYS[:2501], changed, horizon_days=20, confidence=0.99)

    assert record.across_breaks == 1
    assert record.log_return.min() > -1.0
    assert len(record.origins) + record.without_opinion == 99
