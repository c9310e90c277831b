"""Paths of a price by filtered historical simulation, and the tail of their losses at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.statistics.ewma import ewma_variance

Float32 = NDArray[np.float32]

LossOf = Callable[[Float], Float]
"""Share of the price lost, of the sum of moves since the start; never growing with it."""

LEAST_PATHS_BEYOND = 10
"""Fewer paths beyond the quantile leave it to chance, and its error without order statistics on both sides."""

LEAST_RESIDUAL_SPREAD = 1e-6
"""Residuals have a spread near 1; this little is rounding of returns that do not vary around their mean."""


@dataclass(frozen=True)
class Start:
    """Where paths start: standardised residuals [m], the variance of the first step, and whether its floor binds."""

    residuals: Float
    variance: float
    floor_binds: bool


@dataclass(frozen=True)
class Tails:
    """Loss at the quantile and mean loss beyond it, with the simulation error of each; all [steps].

    ``path_minimum`` and ``path_shortfall`` are quantile and mean of the worst loss on the way: of a sale at the worst
    step, not at the last.
    """

    loss: Float
    expected_shortfall: Float
    standard_error: Float
    shortfall_error: Float
    path_minimum: Float
    path_shortfall: Float


def log_loss(sums: Float) -> Float:
    """Loss after a sum of log returns: 1 - exp(sum)."""
    return np.asarray(-np.expm1(sums), dtype=np.float64)


def filtered(returns: Float, decay: float) -> Start | None:
    """Returns [m] over their EWMA volatility, centred and scaled to unit spread; None where they do not vary.

    The first variance is at least the mean square of the returns: a calm week does not make a calm market.
    """
    variance = ewma_variance(returns, decay)
    if not variance[:-1].all():
        return None
    residuals = returns / np.sqrt(variance[:-1])
    residuals -= residuals.mean()
    spread = float(residuals.std())
    if spread < LEAST_RESIDUAL_SPREAD:
        return None
    mean_square = float(variance[0])
    return Start(residuals / spread, max(float(variance[-1]), mean_square), float(variance[-1]) < mean_square)


def simulated_sums(starts: Sequence[Start], *, decay: float, paths: int, seed: int) -> Iterator[Float32]:
    """Sums of simulated moves [paths] after one step, after two, and on: no drift, EWMA variance follows each path.

    Residuals are drawn with replacement, those of several starts [k] on the same dates, so that what fell together
    falls together; their moves are added. It is the same array each time. The starts need residuals of one length.
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
    """Tails of the price after 1..steps steps.

    A gain counts as no loss, and loss never falls as the horizon grows: a position that may be sold later can still
    lose what it could have lost before. Raises InvalidInput for too few paths.
    """
    require_paths(paths, confidence)
    return tails_of(simulated_sums([start], decay=decay, paths=paths, seed=seed), steps, 1.0 - confidence, loss_of)


def tails_of(walk: Iterator[Float32], steps: int, alpha: float, loss_of: LossOf) -> Tails:
    """The tails at each of the first steps of sums [paths]."""
    tails = np.empty((6, steps))
    lowest: Float32 | None = None
    bound = np.float32(np.inf)
    for step, sums in zip(range(steps), walk, strict=False):
        lowest = sums.copy() if lowest is None else np.minimum(lowest, sums, out=lowest)
        tails[:4, step] = _tail(sums, alpha, loss_of)
        deepest = _deepest(lowest[lowest <= bound], _rank(len(lowest), alpha))
        bound = deepest[-1]
        losses = loss_of(deepest.astype(np.float64))
        tails[4:, step] = losses[-1], losses.mean()
    worst: Float = np.maximum.accumulate(np.maximum(tails[[0, 1, 4, 5]], 0.0), axis=1)
    on_the_way, beyond = np.maximum(worst[2], worst[0]), np.maximum(worst[3], worst[1])
    return Tails(worst[0], worst[1], tails[2], tails[3], on_the_way, beyond)


def require_paths(paths: int, confidence: float) -> None:
    """Raises InvalidInput where too few paths lie beyond the quantile."""
    alpha = 1.0 - confidence
    if alpha * paths < LEAST_PATHS_BEYOND:
        raise InvalidInput("paths", paths, f"{LEAST_PATHS_BEYOND / alpha:.0f} or more at confidence {confidence}")


def _rank(count: int, alpha: float) -> int:
    """Place of the quantile among sums in order, from 0."""
    return int(np.ceil(round(alpha * count, 6))) - 1


def _deepest(sums: Float32, rank: int) -> Float32:
    """The lowest sums up to that of a rank, which is the last.

    A worst sum only falls, so those above the quantile of one step are above that of the next: they need not be sorted.
    """
    return np.partition(sums, rank)[: rank + 1]


def _tail(sums: Float32, alpha: float, loss_of: LossOf) -> tuple[float, float, float, float]:
    """Loss at the quantile, mean loss beyond, and the standard error of both.

    The rank of the true quantile among n draws is binomial with variance n alpha (1 - alpha) (David and Nagaraja,
    Order Statistics, 2003, section 7.1), so the order statistics one standard deviation either side bracket it by one
    standard error each way. That of the mean of the k losses beyond q is the root of
    (their variance + (1 - alpha) (mean - q)^2) / k (Manistre and Hancock, Variance of the CTE Estimator, North American
    Actuarial Journal 9, 2005).
    """
    rank = _rank(len(sums), alpha)
    width = round(float(np.sqrt(len(sums) * alpha * (1.0 - alpha))))
    low, high = rank - width, rank + width
    losses = loss_of(np.partition(sums, (low, rank, high))[: high + 1].astype(np.float64))
    loss, beyond = float(losses[rank]), losses[: rank + 1]
    shortfall = float(beyond.mean())
    error = np.sqrt((float(beyond.var()) + (1.0 - alpha) * (shortfall - loss) ** 2) / len(beyond))
    return loss, shortfall, float(losses[low] - losses[high]) / 2.0, float(error)
