"""Distribution of the default loss of a pool over its debtors, and the loss beyond the expected one.

Given one common factor, debtors default independently of each other (Vasicek 2002). The value of a pool is reduced by
its expected loss alone; a large debtor, or a bad value of the factor, costs more. The difference is reported as the
concentration risk and replaces nothing in the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft

from valuation._typing import Float, Int
from valuation.checks import require
from valuation.errors import InvalidInput
from valuation.statistics.closed_forms import conditional_default_probability

BANDS = 2048
"""Bands of the loss if every debtor defaults. A pool of few debtors has fewer different losses."""

FACTOR_LIMIT = 5.0
FACTOR_STEPS = 20
"""The factor is integrated at 21 points from -5 to 5, or more for a pool of many small debtors."""

DEBTORS_AT_ONCE = 128


@dataclass(frozen=True)
class DefaultLoss:
    """Probability of each whole number of bands of loss [m]; ``limit_minor`` is the loss if every debtor defaults."""

    band_minor: float
    share: Float
    expected_minor: float
    limit_minor: float

    def quantile_minor(self, level: float) -> int:
        """Returns the loss that is not exceeded with the probability ``level``, rounded up to the band.

        Raises InvalidInput for a level that is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise InvalidInput("level", level, "between 0 and 1")
        bands = int(np.searchsorted(np.cumsum(self.share), level))
        return ceil(min(bands * self.band_minor, self.limit_minor))

    def concentration_risk_minor(self, level: float) -> int:
        """Returns what the quantile exceeds the expected loss by, at least 0."""
        return max(ceil(self.quantile_minor(level) - self.expected_minor), 0)


def default_loss(exposure_minor: Int, pd: Float, lgd: Float, correlation: float) -> DefaultLoss:
    """Returns the distribution of the default loss of debtors [d] with their exposure, PD and LGD until payment.

    ``correlation`` is the share of the variance of a debtor's fortune that is due to the common factor.

    Debtors that fall together, such as those of one group, are one debtor. The distribution of each point of the factor
    is the product of the debtors' characteristic functions. A loss between two bands is divided between them so that
    its mean is kept. Raises InvalidInput for a negative exposure, a share outside 0 to 1, or a correlation outside 0 to
    below 1.
    """
    require("exposure_minor", exposure_minor, exposure_minor >= 0, "0 or more")
    for name, share in (("pd", pd), ("lgd", lgd)):
        require(name, share, (share >= 0.0) & (share <= 1.0), "0 to 1")
    if not 0.0 <= correlation < 1.0:
        raise InvalidInput("correlation", correlation, "0 to below 1")
    losses = exposure_minor * lgd
    counts = losses > 0.0
    losses, chances = losses[counts], pd[counts]
    limit = float(losses.sum())
    if not limit:
        return DefaultLoss(1.0, np.ones(1), 0.0, 0.0)
    factor = _factor(limit**2 / float((losses**2).sum()), correlation)
    weight = np.exp(-0.5 * factor**2)
    conditional = conditional_default_probability(chances[:, None], correlation, factor)
    band = limit / BANDS
    shares = irfft(_characteristic(losses / band, conditional), 2 * BANDS, axis=1)
    share = np.clip(weight / weight.sum() @ shares, 0.0, None)
    return DefaultLoss(band, share / share.sum(), float(losses @ chances), limit)


def _factor(effective_debtors: float, correlation: float) -> Float:
    """Returns equally spaced points of the factor, close enough for the number of equal debtors.

    The loss of n equal debtors, given the factor, varies as much as if the factor moved by at least
    ``1.25 sqrt((1 - correlation) / (correlation n))``. A sum over points that are at most twice as far apart is as
    accurate as an integral.
    """
    steps = ceil(2.0 * FACTOR_LIMIT / 2.5 * sqrt(effective_debtors * correlation / (1.0 - correlation)))
    return np.linspace(-FACTOR_LIMIT, FACTOR_LIMIT, max(steps, FACTOR_STEPS) + 1)


def _characteristic(bands: Float, conditional: Float) -> NDArray[np.complex128]:
    """Returns the characteristic function of the loss at each point of the factor [x, frequency].

    The transform has twice as many bands as the largest loss, so that no loss returns to the first band.
    """
    turn = np.exp(-1j * np.pi * np.arange(BANDS + 1) / BANDS)
    whole = np.floor(bands)
    product = np.ones((conditional.shape[1], BANDS + 1), dtype=np.complex128)
    for start in range(0, len(bands), DEBTORS_AT_ONCE):
        rows = slice(start, start + DEBTORS_AT_ONCE)
        part = (bands - whole)[rows, None]
        moved = turn ** whole[rows, None] * (1.0 - part + part * turn) - 1.0
        for point, chance in enumerate(conditional[rows].T):
            product[point] *= np.multiply.reduce(1.0 + chance[:, None] * moved, axis=0)
    return product
