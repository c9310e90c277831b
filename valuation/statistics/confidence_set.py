"""The models among which the best cannot be told apart: Hansen's model confidence set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.errors import InvalidInput

BOOTSTRAPS = 2_000
"""Resamples: the standard error of a p-value near 10 % is then under 0.7 percentage points."""

SEED = 20_110_301
"""Fixed, so that the same losses give the same set."""


@dataclass(frozen=True)
class ConfidenceSet:
    """The p-value of each model [m], in the order of the losses, and whether it is in the set."""

    p_values: Float
    included: NDArray[np.bool_]


def model_confidence_set(
    losses: Float, block: int, *, size: float = 0.10, bootstraps: int = BOOTSTRAPS, seed: int = SEED
) -> ConfidenceSet:
    """The set that holds the model of least expected loss with a chance of 1 - size, from losses [n, m] in time order.

    The worst model is taken out again and again, by the largest of the t-statistics of its loss over the mean of those
    that are left (T-max); its p-value is the largest seen so far. Spreads and critical values come from a moving-block
    bootstrap with blocks of ``block`` rows, wrapped around (Hansen, Lunde and Nason, Econometrica 79 (2011), doi
    10.3982/ECTA5771, sections 2 and 3.1.2; Politis and Romano 1992, circular blocks). Raises InvalidInput for fewer
    than two models or rows, a block outside 1 to n, or a size outside (0, 1).
    """
    count, models = losses.shape
    if count < 2 or models < 2 or not 1 <= block <= count or not 0.0 < size < 1.0:
        raise InvalidInput("losses, block, size", (losses.shape, block, size), "2 rows and models, a block, a share")
    means = losses.mean(axis=0)
    resampled = _block_means(losses, block, bootstraps, seed) - means
    p_values, left, so_far = np.ones(models), list(range(models)), 0.0
    while len(left) > 1:
        worst, p_value = _worst(means[left], resampled[:, left])
        so_far = max(so_far, p_value)
        p_values[left.pop(worst)] = so_far
    return ConfidenceSet(p_values, p_values > size)


def _worst(means: Float, resampled: Float) -> tuple[int, float]:
    """Place of the worst of the models that are left, and the chance of so large a statistic if all are equal."""
    over = means - means.mean()
    drawn = resampled - resampled.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.mean(drawn**2, axis=0))
    if not spread.all():
        return int(np.argmax(over)), 1.0
    worst = int(np.argmax(over / spread))
    largest = (drawn / spread).max(axis=1)
    return worst, float(np.mean(largest >= over[worst] / spread[worst]))


def _block_means(losses: Float, block: int, bootstraps: int, seed: int) -> Float:
    """Means [bootstraps, m] of rows drawn in blocks; whole blocks only, so that each row is drawn as often."""
    generator = np.random.Generator(np.random.PCG64(seed))
    count = len(losses)
    blocks = -(-count // block)
    wrapped = np.concatenate([losses, losses[: block - 1]]).cumsum(axis=0)
    before = np.concatenate([np.zeros((1, losses.shape[1])), wrapped])
    sums = before[block:][:count] - before[:count]
    starts = generator.integers(0, count, (bootstraps, blocks))
    return np.asarray(sums[starts].sum(axis=1) / (blocks * block))
