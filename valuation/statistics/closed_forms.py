"""Closed-form price models and forecast scores.

They are used as test oracles. In addition, the horizon of a sale depends on ``linear_liquidation_factor``, and risk
weights and the default loss of a pool on ``conditional_default_probability``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr, ndtri, xlogy

from valuation._typing import Float
from valuation.errors import InvalidInput

JUMP_TAIL_SDS = 12.0
JUMP_TERMS_ADDED = 20
"""Poisson counts above mean + 12 sd + 20 are omitted: their probability is below rounding error."""


def garch_variance(
    constant: float, alpha: float, beta: float, next_variance: float, days: int, autoregression: float = 0.0
) -> float:
    """Returns the variance of the sum of ``days`` returns under GARCH(1,1), optionally with AR(1) returns.

    V_h = sum over i of ((1 - phi^(h-i+1)) / (1 - phi))^2 s2_i, where s2_i = m + (s2_1 - m)(alpha + beta)^(i-1) and
    m = constant / (1 - alpha - beta) (Bollerslev 1986, doi 10.1016/0304-4076(86)90063-1). Raises InvalidInput if the
    variance is not mean-reverting, |phi| is 1 or more, or days is below 1.
    """
    persistence = alpha + beta
    if min(constant, next_variance) <= 0.0 or min(alpha, beta) < 0.0 or persistence >= 1.0:
        raise InvalidInput(
            "constant, alpha, beta, next_variance",
            (constant, alpha, beta, next_variance),
            "variances above 0, alpha and beta 0 or more with a sum below 1",
        )
    if abs(autoregression) >= 1.0 or days < 1:
        raise InvalidInput("autoregression, days", (autoregression, days), "between -1 and 1, and 1 or more days")
    mean = constant / (1.0 - persistence)
    step = np.arange(1, days + 1)
    variance = mean + (next_variance - mean) * persistence ** (step - 1)
    weight = (1.0 - autoregression ** (days - step + 1)) / (1.0 - autoregression)
    return float(np.sum(weight**2 * variance))


def autoregressive_drift(last_return: float, autoregression: float, days: int) -> float:
    """Returns the expected sum of the next h = ``days`` returns of an AR(1) with mean 0.

    The sum is r_0 phi (1 - phi^h) / (1 - phi).
    """
    return last_return * autoregression * (1.0 - autoregression**days) / (1.0 - autoregression)


def gpd_value_at_risk(shape: float, scale: float, threshold: float, total: int, above: int, level: float) -> float:
    """Returns the loss quantile by peaks over threshold: u + beta / xi ((n / N_u (1 - p))^-xi - 1).

    Source: McNeil, Frey and Embrechts, Quantitative Risk Management, section 5.2.3. A shape of 0 gives the limiting
    exponential tail. Raises InvalidInput for a scale of 0 or less, or a quantile that lies below the threshold.
    """
    beyond = total / above * (1.0 - level)
    if scale <= 0.0 or not 0.0 < beyond <= 1.0:
        least = 1.0 - above / total
        raise InvalidInput("scale, level", (scale, level), f"a scale above 0, and a level from {least:.6g} to below 1")
    if shape == 0.0:
        return threshold - scale * math.log(beyond)
    return threshold + scale / shape * math.expm1(-shape * math.log(beyond))


def gpd_expected_shortfall(shape: float, scale: float, threshold: float, total: int, above: int, level: float) -> float:
    """Returns the mean loss beyond ``gpd_value_at_risk``: VaR / (1 - xi) + (beta - xi u) / (1 - xi).

    Raises InvalidInput for a shape of 1 or more, and as ``gpd_value_at_risk`` does.
    """
    if shape >= 1.0:
        raise InvalidInput("shape", shape, "less than 1: the mean loss is infinite")
    quantile = gpd_value_at_risk(shape, scale, threshold, total, above, level)
    return quantile / (1.0 - shape) + (scale - shape * threshold) / (1.0 - shape)


def merton_quantile(
    level: float, years: float, volatility: float, *, jumps_per_year: float, jump_mean: float, jump_sd: float
) -> float:
    """Returns a quantile of log returns under Merton's jump diffusion without drift (doi 10.1016/0304-405X(76)90022-2).

    P(X <= x) = sum over k of Pois(k; lambda T) Phi((x - k mu_J) / sqrt(sigma^2 T + k s_J^2)). Raises InvalidInput for
    a level outside (0, 1), for years or a volatility of 0 or less, and for a negative jump rate or jump deviation.
    """
    if not 0.0 < level < 1.0 or min(years, volatility) <= 0.0 or min(jumps_per_year, jump_sd) < 0.0:
        raise InvalidInput(
            "level, years, volatility", (level, years, volatility), "a level between 0 and 1, the others above 0"
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
    """Returns sqrt((n + 1)(2n + 1) / (6n)), the risk in daily volatilities of selling in equal parts over n days.

    On day k the unsold share is (n - k + 1) / n, so the variance is the sum over k of (k/n)^2 daily variances. Raises
    InvalidInput for n below 1.
    """
    n = np.asarray(days, dtype=np.float64)
    if (n < 1.0).any():
        raise InvalidInput("days", days, "1 or more")
    return np.sqrt((n + 1.0) * (2.0 * n + 1.0) / (6.0 * n))


def conditional_default_probability(pd: ArrayLike, correlation: ArrayLike, factor: ArrayLike) -> Float:
    """Returns the probability of default given a standard normal factor, of which low values are bad.

    It is N[(N^-1(PD) - sqrt(R) factor) / sqrt(1 - R)] (Vasicek, Loan portfolio value, Risk, December 2002). A large
    pool of small equal debtors loses this share, so at the factor N^-1(1 - q) it is the q-quantile of its default rate.
    Arguments broadcast. Raises InvalidInput for a PD outside 0 to 1, or a correlation outside 0 to below 1.
    """
    chance, shared = np.asarray(pd, dtype=np.float64), np.asarray(correlation, dtype=np.float64)
    if not ((chance >= 0.0) & (chance <= 1.0)).all() or not ((shared >= 0.0) & (shared < 1.0)).all():
        raise InvalidInput("pd, correlation", (pd, correlation), "0 to 1, and 0 to below 1")
    conditional: Float = ndtr((ndtri(chance) - np.sqrt(shared) * np.asarray(factor)) / np.sqrt(1.0 - shared))
    return conditional


def crps_normal(outcome: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Float:
    """Returns the continuous ranked probability score of a normal forecast.

    Source: Gneiting and Raftery 2007, doi 10.1198/016214506000001437. Arguments broadcast. Raises InvalidInput for an
    sd of 0 or less.
    """
    spread = np.asarray(sd, dtype=np.float64)
    if not (spread > 0.0).all():
        raise InvalidInput("sd", sd, "more than 0")
    z = (np.asarray(outcome, dtype=np.float64) - np.asarray(mean, dtype=np.float64)) / spread
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    score: Float = spread * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return score


def population_stability_index(expected: Float, observed: Float) -> float:
    """Returns the sum of (observed - expected) ln(observed / expected) over bins of shares [n].

    Usually a model is monitored from an index of 0.10 and refitted from 0.25. Raises InvalidInput for an empty bin,
    which makes the index infinite; merge such a bin with its neighbour.
    """
    if expected.shape != observed.shape or (np.minimum(expected, observed) <= 0.0).any():
        raise InvalidInput("expected, observed", (expected.tolist(), observed.tolist()), "shares above 0, same bins")
    return float(np.sum((observed - expected) * np.log(observed / expected)))
