"""Tests of the model confidence set against another program's p-values and against known sets."""

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.statistics.confidence_set import model_confidence_set


def simulated(means, count=400, seed=1):
    """Returns losses that share most of their noise, as losses of models on the same windows do."""
    draw = np.random.default_rng(seed)
    common = draw.normal(size=(count, 1))
    return np.array(means) + common + 0.5 * draw.normal(size=(count, len(means)))


def test_another_program_removes_the_models_with_the_same_p_values():
    from arch.bootstrap import MCS

    losses = simulated([1.0, 1.03, 1.06, 1.15])
    theirs = MCS(losses, 0.10, reps=2000, block_size=5, method="max", bootstrap="cbb", seed=3)
    theirs.compute()

    found = model_confidence_set(losses, 5)

    expected = theirs.pvalues["Pvalue"].sort_index().to_numpy()
    assert found.p_values == pytest.approx(expected, abs=0.03)
    assert set(np.flatnonzero(found.included)) == set(theirs.included)


def test_models_that_are_clearly_worse_are_not_in_the_set():
    found = model_confidence_set(simulated([2.0, 1.0, 1.0, 1.5]), 3)

    assert found.included.tolist() == [False, True, True, False]
    assert found.p_values[0] <= found.p_values[3] < 0.01


def test_the_best_model_is_in_the_set_about_as_often_as_promised():
    kept = [model_confidence_set(simulated([1.0] * 4, 100, seed), 1, bootstraps=400).included for seed in range(300)]

    assert np.mean([all(one) for one in kept]) == pytest.approx(0.90, abs=0.05)


def test_the_same_losses_give_the_same_set_in_any_order_of_models():
    losses = simulated([1.0, 1.1, 1.05])

    first, turned = model_confidence_set(losses, 4), model_confidence_set(losses[:, ::-1], 4)

    assert turned.p_values[::-1] == pytest.approx(first.p_values)


def test_autocorrelated_losses_are_weaker_evidence_than_independent_ones():
    losses = np.repeat(simulated([1.0, 1.08], 60), 10, axis=0)

    assert model_confidence_set(losses, 10).p_values[1] > model_confidence_set(losses, 1).p_values[1]


def test_equal_models_stay_together():
    losses = np.repeat(simulated([1.0]), 3, axis=1)

    assert model_confidence_set(losses, 2).included.all()


@pytest.mark.parametrize(("shape", "block"), [((1, 3), 1), ((9, 1), 1), ((9, 2), 10), ((9, 2), 0)])
def test_too_few_models_or_rows_are_refused(shape, block):
    with pytest.raises(InvalidInput, match="losses"):
        model_confidence_set(np.ones(shape), block)
