"""Closed forms beside the simulation: other models of a price, and scores of a forecast.

Oracles for tests and screens for reports; no valuation rests on them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr, xlogy

from valuation._typing import Float
from valuation.errors import InvalidInput

JUMP_TAIL_SDS = 12.0
"""Poisson counts beyond mean + 12 sd + JUMP_TERMS_ADDED have less probability than rounding."""

JUMP_TERMS_ADDED = 20


def garch_variance(
    constant: float, alpha: float, beta: float, next_variance: float, days: int, autoregression: float = 0.0
) -> float:
    """Variance of the sum of returns over days under GARCH(1,1), with AR(1) returns where asked.

    V_h = sum over i of ((1 - phi^(h-i+1)) / (1 - phi))^2 s2_i, where s2_i = m + (s2_1 - m)(alpha + beta)^(i-1) and
    m = constant / (1 - alpha - beta) (Bollerslev 1986, doi 10.1016/0304-4076(86)90063-1). Raises InvalidInput where
    the variance has no mean to revert to, |phi| is 1 or more, or days is under 1.
    """
    persistence = alpha + beta
    if min(constant, next_variance) <= 0.0 or min(alpha, beta) < 0.0 or persistence >= 1.0:
        raise InvalidInput(
            "constant, alpha, beta, next_variance",
            (constant, alpha, beta, next_variance),
            "variances above 0, alpha and beta 0 or more with a sum below 1",
        )
    if abs(autoregression) >= 1.0 or days < 1:
        raise InvalidInput("autoregression, days", (autoregression, days), "between -1 and 1, and 1 or more")
    mean = constant / (1.0 - persistence)
    step = np.arange(1, days + 1)
    variance = mean + (next_variance - mean) * persistence ** (step - 1)
    weight = (1.0 - autoregression ** (days - step + 1)) / (1.0 - autoregression)
    return float(np.sum(weight**2 * variance))


def autoregressive_drift(last_return: float, autoregression: float, days: int) -> float:
    """Expected sum of the next returns of a mean-zero AR(1): r_0 phi (1 - phi^h) / (1 - phi)."""
    return last_return * autoregression * (1.0 - autoregression**days) / (1.0 - autoregression)


def gpd_value_at_risk(shape: float, scale: float, threshold: float, total: int, above: int, level: float) -> float:
    """Quantile of losses by peaks over threshold: u + beta / xi ((n / N_u (1 - p))^-xi - 1).

    McNeil, Frey and Embrechts, Quantitative Risk Management, section 5.2.3; the limit of shape 0 is an exponential
    tail. Raises InvalidInput for a scale of 0 or less, or a level that the threshold already exceeds.
    """
    beyond = total / above * (1.0 - level)
    if scale <= 0.0 or not 0.0 < beyond <= 1.0:
        raise InvalidInput("scale, level", (scale, level), f"more than 0, and {1.0 - above / total:.6g} up to below 1")
    if shape == 0.0:
        return threshold - scale * math.log(beyond)
    return threshold + scale / shape * math.expm1(-shape * math.log(beyond))


def gpd_expected_shortfall(shape: float, scale: float, threshold: float, total: int, above: int, level: float) -> float:
    """Mean loss beyond that quantile: VaR / (1 - xi) + (beta - xi u) / (1 - xi), for xi < 1."""
    if shape >= 1.0:
        raise InvalidInput("shape", shape, "less than 1: the mean loss is infinite")
    quantile = gpd_value_at_risk(shape, scale, threshold, total, above, level)
    return quantile / (1.0 - shape) + (scale - shape * threshold) / (1.0 - shape)


def merton_quantile(
    level: float, years: float, volatility: float, *, jumps_per_year: float, jump_mean: float, jump_sd: float
) -> float:
    """Quantile of log returns under Merton's jump diffusion (doi 10.1016/0304-405X(76)90022-2), without drift.

    P(X <= x) = sum over k of Pois(k; lambda T) Phi((x - k mu_J) / sqrt(sigma^2 T + k s_J^2)). Raises InvalidInput for
    a level outside (0, 1), or a volatility or time of 0 or less.
    """
    if not 0.0 < level < 1.0 or min(years, volatility) <= 0.0 or min(jumps_per_year, jump_sd) < 0.0:
        raise InvalidInput(
            "level, years, volatility", (level, years, volatility), "between 0 and 1, more than 0, more than 0"
        )
    expected = jumps_per_year * years
    counts = np.arange(math.ceil(expected + JUMP_TAIL_SDS * math.sqrt(expected)) + JUMP_TERMS_ADDED)
    weight = np.exp(xlogy(counts, expected) - expected - gammaln(counts + 1.0))
    spread = np.sqrt(volatility**2 * years + counts * jump_sd**2)
    reach = float(np.max(np.abs(counts * jump_mean) + JUMP_TAIL_SDS * spread))

    def excess(value: float) -> float:
        return float(np.sum(weight * ndtr((value - counts * jump_mean) / spread))) - level

    return float(brentq(excess, -reach, reach, xtol=1e-12))


def linear_liquidation_factor(days: ArrayLike) -> Float:
    """sqrt((n + 1)(2n + 1) / (6n)): daily volatilities of a position sold in equal parts over n days.

    Of the variance of the last unit, the k-th part bears k days: sum over k of (k/n)^2. Raises InvalidInput for n
    below 1.
    """
    n = np.asarray(days, dtype=np.float64)
    if (n < 1.0).any():
        raise InvalidInput("days", days, "1 or more")
    return np.sqrt((n + 1.0) * (2.0 * n + 1.0) / (6.0 * n))


def crps_normal(outcome: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Float:
    """Ranked probability score of a normal forecast (Gneiting and Raftery, doi 10.1198/016214506000001437)."""
    spread = np.asarray(sd, dtype=np.float64)
    if not (spread > 0.0).all():
        raise InvalidInput("sd", sd, "more than 0")
    z = (np.asarray(outcome, dtype=np.float64) - np.asarray(mean, dtype=np.float64)) / spread
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    score: Float = spread * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return score


def population_stability_index(expected: Float, found: Float) -> float:
    """Sum of (found - expected) ln(found / expected) over bins of shares; 0.10 to 0.25 watch, from 0.25 refit.

    Raises InvalidInput for an empty bin, whose index is infinite: join it with its neighbour.
    """
    if expected.shape != found.shape or (np.minimum(expected, found) <= 0.0).any():
        raise InvalidInput("expected, found", (expected.tolist(), found.tolist()), "shares above 0, bin for bin")
    return float(np.sum((found - expected) * np.log(found / expected)))
