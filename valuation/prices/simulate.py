"""Paths of a price by filtered historical simulation, and the tail of their losses at each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput
from valuation.prices.ewma import ewma_variance

Float = NDArray[np.float64]

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
    """Loss at the quantile, mean loss beyond it, simulation error of the first; each [steps]."""

    loss: Float
    expected_shortfall: Float
    standard_error: Float


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


def simulated_tails(start: Start, *, decay: float, steps: int, confidence: float, paths: int, seed: int) -> Tails:
    """Tails of the price after 1..steps steps, without drift: draws residuals, EWMA variance follows each path.

    Losses are 1 - exp(log return), a gain counts as no loss, and loss never falls as the horizon grows: a position
    that may be sold later can still lose what it could have lost before. Raises InvalidInput for too few paths.
    """
    alpha = 1.0 - confidence
    if alpha * paths < LEAST_PATHS_BEYOND:
        raise InvalidInput("paths", paths, f"{LEAST_PATHS_BEYOND / alpha:.0f} or more at confidence {confidence}")
    generator = np.random.Generator(np.random.PCG64(seed))
    residuals = start.residuals.astype(np.float32)
    decay_32, rest_32 = np.float32(decay), np.float32(1.0 - decay)
    variance = np.full(paths, start.variance, dtype=np.float32)
    log_return = np.zeros(paths, dtype=np.float32)
    tails = np.empty((3, steps))
    for step in range(steps):
        drawn = residuals[generator.integers(0, len(residuals), paths, dtype=np.int32)]
        move = drawn * np.sqrt(variance)
        log_return += move
        variance *= decay_32
        variance += rest_32 * np.square(move)
        tails[:, step] = path_tail(log_return, alpha)
    worst: Float = np.maximum.accumulate(np.maximum(tails[:2], 0.0), axis=1)
    return Tails(worst[0], worst[1], tails[2])


def path_tail(log_return: NDArray[np.float32], alpha: float) -> tuple[float, float, float]:
    """Loss at the quantile, mean loss beyond, and half the spread of the order statistics one binomial sd either side.

    The rank of the true quantile among n draws is binomial with variance n alpha (1 - alpha) (David and Nagaraja,
    Order Statistics, 2003, section 7.1), so those two bracket the quantile by one standard error each way.
    """
    count = len(log_return)
    rank = int(np.ceil(round(alpha * count, 6))) - 1
    width = round(float(np.sqrt(count * alpha * (1.0 - alpha))))
    low, high = rank - width, rank + width
    losses = -np.expm1(np.partition(log_return, (low, rank, high))[: high + 1].astype(np.float64))
    return float(losses[rank]), float(losses[: rank + 1].mean()), float(losses[low] - losses[high]) / 2.0
