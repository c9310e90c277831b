"""Model confidence set: the models that cannot be distinguished from the best one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float
from valuation.errors import InvalidInput

BOOTSTRAPS = 2_000
"""Number of resamples, which gives a p-value near 10 % a standard error below 0.7 percentage points."""

SEED = 20_110_301
"""Fixed seed, so that the same losses give the same set."""


@dataclass(frozen=True)
class ConfidenceSet:
    """The p-value of each model [m], in the order of the loss columns, and whether it is in the set."""

    p_values: Float
    included: Bool


def model_confidence_set(
    losses: Float, block: int, *, size: float = 0.10, bootstraps: int = BOOTSTRAPS, seed: int = SEED
) -> ConfidenceSet:
    """Returns the set that contains the model of least expected loss with probability 1 - size.

    ``losses`` [n, m] are in time order, one column for each model. The procedure repeatedly removes the worst model,
    which is the model whose excess loss over the mean of the remaining models has the largest t-statistic (T-max). The
    p-value of a removed model is the largest p-value of any step so far. Standard deviations and critical values come
    from a circular block bootstrap with blocks of ``block`` rows (Hansen, Lunde and Nason, Econometrica 79 (2011), doi
    10.3982/ECTA5771, sections 2 and 3.1.2; Politis and Romano 1992). Raises InvalidInput for fewer than two models or
    rows, a block outside 1 to n, or a size outside (0, 1).
    """
    count, models = losses.shape
    if count < 2 or models < 2 or not 1 <= block <= count or not 0.0 < size < 1.0:
        want = "2 or more rows and models, a block of 1 to n rows, and a size between 0 and 1"
        raise InvalidInput("losses, block, size", (losses.shape, block, size), want)
    means = losses.mean(axis=0)
    resampled = _block_means(losses, block, bootstraps, seed) - means
    p_values, remaining, largest_p = np.ones(models), list(range(models)), 0.0
    while len(remaining) > 1:
        worst, p_value = _worst(means[remaining], resampled[:, remaining])
        largest_p = max(largest_p, p_value)
        p_values[remaining.pop(worst)] = largest_p
    return ConfidenceSet(p_values, p_values > size)


def _worst(means: Float, resampled: Float) -> tuple[int, float]:
    """Returns the index of the worst remaining model, and the p-value of its statistic if all models are equal."""
    over = means - means.mean()
    drawn = resampled - resampled.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.mean(drawn**2, axis=0))
    if not spread.all():
        return int(np.argmax(over)), 1.0
    worst = int(np.argmax(over / spread))
    largest = (drawn / spread).max(axis=1)
    return worst, float(np.mean(largest >= over[worst] / spread[worst]))


def _block_means(losses: Float, block: int, bootstraps: int, seed: int) -> Float:
    """Returns bootstrap means [bootstraps, m] of the losses.

    Each sample consists of whole blocks that wrap around, so that all rows are equally likely. Block sums come from one
    cumulative sum.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    count = len(losses)
    blocks = -(-count // block)
    wrapped = np.concatenate([losses, losses[: block - 1]]).cumsum(axis=0)
    before = np.concatenate([np.zeros((1, losses.shape[1])), wrapped])
    sums = before[block:][:count] - before[:count]
    starts = generator.integers(0, count, (bootstraps, blocks))
    return np.asarray(sums[starts].sum(axis=1) / (blocks * block))
