"""Closed forms beside the simulation: other models, and oracles for tests."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr

JUMP_TERMS = 60


def garch_variance(
    constant: float, alpha: float, beta: float, next_variance: float, days: int, autoregression: float = 0.0
) -> float:
    """Variance of the sum of returns over days under GARCH(1,1), with AR(1) returns where asked.

    V_h = sum over i of ((1 - phi^(h-i+1)) / (1 - phi))^2 s2_i, where s2_i reverts at the rate alpha + beta.
    """
    persistence = alpha + beta
    mean = constant / (1.0 - persistence)
    step = np.arange(1, days + 1)
    variance = mean + (next_variance - mean) * persistence ** (step - 1)
    weight = (1.0 - autoregression ** (days - step + 1)) / (1.0 - autoregression)
    return float(np.sum(weight**2 * variance))


def gpd_value_at_risk(shape: float, scale: float, threshold: float, total: int, above: int, level: float) -> float:
    """Quantile of losses by peaks over threshold: u + beta / xi ((n / N_u (1 - p))^-xi - 1)."""
    return threshold + scale / shape * ((total / above * (1.0 - level)) ** -shape - 1.0)


def gpd_expected_shortfall(shape: float, scale: float, threshold: float, total: int, above: int, level: float) -> float:
    """Mean loss beyond that quantile: VaR / (1 - xi) + (beta - xi u) / (1 - xi), for xi < 1."""
    quantile = gpd_value_at_risk(shape, scale, threshold, total, above, level)
    return quantile / (1.0 - shape) + (scale - shape * threshold) / (1.0 - shape)


def merton_quantile(
    level: float, years: float, volatility: float, *, jumps_per_year: float, jump_mean: float, jump_sd: float
) -> float:
    """Quantile of log returns under Merton's jump diffusion (doi 10.1016/0304-405X(76)90022-2), without drift."""
    counts = np.arange(JUMP_TERMS)
    log_weight = counts * math.log(jumps_per_year * years) - jumps_per_year * years - gammaln(counts + 1.0)
    spread = np.sqrt(volatility**2 * years + counts * jump_sd**2)

    def excess(value: float) -> float:
        return float(np.sum(np.exp(log_weight) * ndtr((value - counts * jump_mean) / spread))) - level

    return float(brentq(excess, -5.0, 5.0, xtol=1e-12))


def linear_liquidation_factor(days: int) -> float:
    """sqrt((n + 1)(2n + 1) / (6n)): volatility of a position sold in equal parts over n days."""
    return math.sqrt((days + 1.0) * (2.0 * days + 1.0) / (6.0 * days))


def crps_normal(outcome: float, mean: float, sd: float) -> float:
    """Ranked probability score of a normal forecast (Gneiting and Raftery, doi 10.1198/016214506000001437)."""
    z = (outcome - mean) / sd
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return sd * (z * (2.0 * float(ndtr(z)) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))


def population_stability_index(expected: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Sum of (found - expected) ln(found / expected) over bins of shares."""
    return float(np.sum((found - expected) * np.log(found / expected)))
