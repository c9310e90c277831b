"""Tests of the comparison of models on the same windows, pooled by periods, with known results."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.price_series import DAYS
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.model_evidence import WindowLosses, model_evidence, period_losses, window_losses
from valuation.haircuts.backtesting.track_record import TrackRecord
from valuation.statistics.coverage_tests import pinball

LEVEL = 0.05


def record(moves, factor=1.0, days=DAYS[500:4000:10]):
    """Returns unit-variance outcomes with their true quantile times a factor, and benchmarks that are far too low."""
    count = len(moves)
    quantile = np.full(count, -1.645 * factor)
    return TrackRecord(days[:count], days[:count], moves, quantile, 1.2 * quantile, 2.0 * quantile, 3.0 * quantile, 0)


def tables(seeds, factors):
    found = []
    for seed in seeds:
        moves = np.random.default_rng(seed).normal(size=350)
        found.append(window_losses({f"x{factor}": record(moves, factor) for factor in factors}, LEVEL))
    return found


def test_losses_are_computed_on_the_common_windows_of_all_models():
    moves = np.random.default_rng(1).normal(size=100)
    whole = record(moves)
    part = replace(record(moves, 2.0), origins=whole.origins[10:], log_return=moves[10:], quantile=-np.ones(90))

    found = window_losses({"one": whole, "two": part}, LEVEL)

    assert found.models == ("one", "two", "ewma-normal", "historical")
    assert (found.origins == whole.origins[10:]).all()
    assert found.losses[:, 0] == pytest.approx(pinball(moves[10:], whole.quantile[10:], LEVEL))
    assert found.losses[:, 1] == pytest.approx(pinball(moves[10:], -np.ones(90), LEVEL))


def test_the_true_quantile_beats_wrong_ones_which_are_not_in_the_set():
    found = {one.model: one for one in model_evidence(tables(range(8), (1.0, 0.5, 1.9)), 10)}

    assert found["x1.0"].in_set
    assert not found["x0.5"].in_set
    assert not found["x1.9"].in_set
    assert found["x0.5"].first_better_p < 0.01
    assert (found["x1.0"].windows, found["x1.0"].periods) == (2800, 350)
    assert found["x1.0"].exceedances / 2800 == pytest.approx(LEVEL, abs=0.013)
    assert found["x0.5"].exceedances > 3 * found["x1.0"].exceedances > 9 * found["x1.9"].exceedances


def test_an_equally_good_model_stays_in_the_set():
    found = {one.model: one for one in model_evidence(tables(range(8), (1.0, 1.01)), 10)}

    assert found["x1.0"].in_set
    assert found["x1.01"].in_set


def test_the_mean_over_periods_is_the_mean_over_windows():
    draw = np.random.default_rng(1)
    losses, origins = draw.normal(size=(200, 3)), DAYS[draw.integers(0, 900, 200)]

    periods = period_losses(origins, losses, 20)

    assert periods.mean(axis=0) == pytest.approx(losses.mean(axis=0))
    assert len(periods) == 45


def test_identical_series_are_no_more_evidence_than_one():
    one = tables([1], (1.0, 1.3))[0]

    alone, copied = model_evidence([one], 10)[1], model_evidence([one] * 20, 10)[1]

    assert copied.first_better_p == pytest.approx(alone.first_better_p)
    assert copied.set_p == pytest.approx(alone.set_p, abs=1e-9)


def test_too_few_periods_are_not_tested():
    few = WindowLosses(("one", "two"), DAYS[:5], np.ones((5, 2)), np.ones((5, 2), dtype=bool))

    found = model_evidence([few], 10)

    assert [one.in_set for one in found] == [True, True]
    assert np.isnan([one.set_p for one in found]).all()


def test_tables_of_different_models_are_refused():
    with pytest.raises(InvalidInput, match="tables"):
        model_evidence(tables([1], (1.0,)) + tables([1], (2.0,)), 10)
