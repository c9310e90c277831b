"""Simulates price paths by filtered historical simulation, and computes the tail of their losses at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.statistics.ewma import ewma_variance

Float32 = NDArray[np.float32]

LossOf = Callable[[Float], Float]
"""Maps sums of moves since the start to the share of the price lost; a larger sum never gives a larger loss."""

MIN_PATHS_BEYOND = 10
"""Fewest paths beyond the quantile; with fewer, its error has no order statistics on both sides."""

MIN_RESIDUAL_SPREAD = 1e-6
"""Standard deviation of residuals below which the returns are constant and the residuals are rounding errors."""


@dataclass(frozen=True)
class Start:
    """Start of simulated paths: standardised residuals [m], variance of the first step, and whether its floor binds."""

    residuals: Float
    variance: float
    floor_binds: bool


@dataclass(frozen=True)
class Tails:
    """Loss at the quantile and mean loss beyond it for each step [steps], with their simulation errors.

    ``path_minimum`` and ``path_shortfall`` are the quantile and the tail mean of the worst loss along each path. That
    is the loss of a sale at the worst step instead of the last step.
    """

    loss: Float
    expected_shortfall: Float
    standard_error: Float
    shortfall_error: Float
    path_minimum: Float
    path_shortfall: Float


LOSSES = tuple(field.name for field in fields(Tails))
"""Names of the columns of tails, which haircut curves and haircuts share."""


def last_losses(curve: object) -> dict[str, Any]:
    """Returns the losses and errors at the last step of tails or of a haircut curve."""
    return {name: float(getattr(curve, name)[-1]) for name in LOSSES}


def log_loss(sums: Float) -> Float:
    """Returns the loss after a sum of log returns: 1 - exp(sum)."""
    return np.asarray(-np.expm1(sums), dtype=np.float64)


def filtered(returns: Float, decay: float) -> Start | None:
    """Divides returns [m] by their EWMA volatility, then centres and scales them to unit standard deviation.

    The result is None for constant returns. The start variance is at least the mean square of the returns, so that a
    few calm days do not lower the estimate.
    """
    variance = ewma_variance(returns, decay)
    if not variance[:-1].all():
        return None
    residuals = returns / np.sqrt(variance[:-1])
    residuals -= residuals.mean()
    spread = float(residuals.std())
    if spread < MIN_RESIDUAL_SPREAD:
        return None
    mean_square = float(variance[0])
    return Start(residuals / spread, max(float(variance[-1]), mean_square), float(variance[-1]) < mean_square)


def simulated_sums(starts: Sequence[Start], *, decay: float, paths: int, seed: int) -> Iterator[Float32]:
    """Yields sums of simulated moves [paths] after 1, 2, ... steps, without drift; each path updates its EWMA variance.

    Residuals are drawn with replacement. If there are several starts [k], they draw the same dates, which preserves
    their dependence, and their moves are added. The residuals of all starts must have equal length. The yielded array
    is updated in place.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    residuals = [start.residuals.astype(np.float32) for start in starts]
    decay_32, rest_32 = np.float32(decay), np.float32(1.0 - decay)
    variances = [np.full(paths, start.variance, dtype=np.float32) for start in starts]
    sums = np.zeros(paths, dtype=np.float32)
    while True:
        dates = generator.integers(0, len(residuals[0]), paths, dtype=np.int32)
        for residual, variance in zip(residuals, variances, strict=True):
            move = residual[dates] * np.sqrt(variance)
            sums += move
            np.multiply(variance, decay_32, out=variance)
            np.add(variance, rest_32 * np.square(move), out=variance)
        yield sums


def simulated_tails(
    start: Start, *, decay: float, steps: int, confidence: float, paths: int, seed: int, loss_of: LossOf = log_loss
) -> Tails:
    """Simulates the tails of the price after 1..steps steps.

    A gain counts as a loss of 0, and losses never decrease with the horizon: a later sale can lose at least as much as
    an earlier one. Raises InvalidInput for too few paths.
    """
    require_paths(paths, confidence)
    return tails_of(simulated_sums([start], decay=decay, paths=paths, seed=seed), steps, 1.0 - confidence, loss_of)


def tails_of(walk: Iterator[Float32], steps: int, alpha: float, loss_of: LossOf) -> Tails:
    """Returns the tails at each of the first ``steps`` sums [paths] of the walk."""
    tails = np.empty((6, steps))
    lowest: Float32 | None = None
    bound = np.float32(np.inf)
    for step, sums in zip(range(steps), walk, strict=False):
        lowest = sums.copy() if lowest is None else np.minimum(lowest, sums, out=lowest)
        tails[:4, step] = _tail(sums, alpha, loss_of)
        # Only paths at or below the previous step's quantile can be in the tail of the worst sums.
        deepest = _deepest(lowest[lowest <= bound], _rank(len(lowest), alpha))
        bound = deepest[-1]
        losses = loss_of(deepest.astype(np.float64))
        tails[4:, step] = losses[-1], losses.mean()
    worst: Float = np.maximum.accumulate(np.maximum(tails[[0, 1, 4, 5]], 0.0), axis=1)
    on_the_way, beyond = np.maximum(worst[2], worst[0]), np.maximum(worst[3], worst[1])
    return Tails(worst[0], worst[1], tails[2], tails[3], on_the_way, beyond)


def require_paths(paths: int, confidence: float) -> None:
    """Raises InvalidInput if fewer than ``MIN_PATHS_BEYOND`` paths lie beyond the quantile."""
    alpha = 1.0 - confidence
    if alpha * paths < MIN_PATHS_BEYOND:
        raise InvalidInput("paths", paths, f"{MIN_PATHS_BEYOND / alpha:.0f} or more at confidence {confidence}")


def _rank(count: int, alpha: float) -> int:
    """Returns the zero-based rank of the quantile among sorted sums."""
    return int(np.ceil(round(alpha * count, 6))) - 1


def _deepest(sums: Float32, rank: int) -> Float32:
    """Returns the lowest sums up to the given rank; the last element is the sum at that rank.

    The worst sum of a path never rises from step to step, and neither does the quantile of the worst sums.
    """
    return np.partition(sums, rank)[: rank + 1]


def _tail(sums: Float32, alpha: float, loss_of: LossOf) -> tuple[float, float, float, float]:
    """Returns the loss at the quantile, the mean loss beyond it, and the standard errors of both.

    The rank of the true quantile among n draws is binomial with variance n alpha (1 - alpha) (David and Nagaraja, Order
    Statistics, 2003, section 7.1). Therefore the order statistics whose ranks are one standard deviation away lie one
    standard error from the quantile. Let q be the quantile and k the number of losses beyond it. The standard error of
    the mean of these losses is the root of (their variance + (1 - alpha) (mean - q)^2) / k (Manistre and Hancock,
    Variance of the CTE Estimator, North American Actuarial Journal 9, 2005).
    """
    rank = _rank(len(sums), alpha)
    width = round(float(np.sqrt(len(sums) * alpha * (1.0 - alpha))))
    low, high = rank - width, rank + width
    losses = loss_of(np.partition(sums, (low, rank, high))[: high + 1].astype(np.float64))
    loss, beyond = float(losses[rank]), losses[: rank + 1]
    shortfall = float(beyond.mean())
    error = np.sqrt((float(beyond.var()) + (1.0 - alpha) * (shortfall - loss) ** 2) / len(beyond))
    return loss, shortfall, float(losses[low] - losses[high]) / 2.0, float(error)
