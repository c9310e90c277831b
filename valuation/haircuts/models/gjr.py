"""Fits AR(1) returns with GJR-GARCH(1,1) variance and skewed t errors, and checks the fit.

arch takes seconds to import and belongs to the extra ``tier2``, so it is imported only when a model is fitted, and only
in this module.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc

from valuation._typing import Float
from valuation.extras import check_installed

PERCENT = 100.0
"""Returns are fitted in percent, because the optimiser stops too early on very small variances."""

LARGEST_AUTOREGRESSION = 0.5
LARGEST_PERSISTENCE = 0.999
MIN_DEGREES = 2.1
"""Limits of an accepted fit; beyond them it has a trend, a variance without mean reversion, or infinite variance."""

TESTED_LAGS = 10
MIN_P_VALUE = 0.01
"""Number of lags and smallest p-value of the Ljung-Box test on the residuals and on their squares."""

BURN_IN = 50
"""Number of first residuals to drop, because their variance depends on the assumed start value."""

FLAG_CONVERGED = 0


@dataclass(frozen=True)
class Gjr:
    """Parameters of r = p r' + e, v = w + (a + g 1[e < 0]) e^2 + b v', in percent, and the state after the last return.

    A prime marks the previous value. ``residuals`` [m] are centred and exclude the first ``BURN_IN``. ``variance`` is
    the variance of the next return.
    """

    autoregression: float
    constant: float
    arch: float
    leverage: float
    garch: float
    residuals: Float
    variance: float

    @property
    def persistence(self) -> float:
        """Share of a variance shock that remains one step later; below 1 if the variance is mean-reverting."""
        return self.arch + self.leverage / 2.0 + self.garch


@dataclass(frozen=True)
class Rejected:
    """Reason why a fit is rejected."""

    why: str


def fit_gjr(returns: Float) -> Gjr | Rejected:
    """Fits log returns [n] by maximum likelihood and checks the fit.

    Sources: Glosten, Jagannathan and Runkle 1993, doi 10.1111/j.1540-6261.1993.tb05128.x, for the variance; Hansen
    1994, doi 10.2307/2527081, for the errors; Ljung and Box 1978, doi 10.1093/biomet/65.2.297, for the test of the
    residuals. Raises MissingExtra if arch is not installed.
    """
    check_installed("tier2")
    from arch.univariate import ARX, GARCH, SkewStudent  # noqa: PLC0415 - slow to import, and optional

    scaled = PERCENT * returns
    variance = GARCH(1, 1, 1)
    model = ARX(scaled, lags=1, constant=False, volatility=variance, distribution=SkewStudent(), rescale=False)
    fit = model.fit(disp="off", show_warning=False)
    numbers = np.asarray(fit.params, dtype=np.float64)
    if fit.convergence_flag != FLAG_CONVERGED or not np.isfinite(numbers).all():
        return Rejected("NOT_CONVERGED")
    return _checked(filtered_by(scaled, *numbers[:5].tolist()), degrees=float(numbers[5]))


def filtered_by(
    scaled: Float, autoregression: float, constant: float, arch: float, leverage: float, garch: float
) -> Gjr:
    """Filters returns [n], in percent, with given parameters; the variance starts at the mean square of the errors."""
    shocks = scaled[1:] - autoregression * scaled[:-1]
    before = np.empty(len(shocks))
    now = float(np.mean(shocks**2))
    for row, shock in enumerate(shocks.tolist()):
        before[row] = now
        now = constant + (arch + leverage * (shock < 0.0)) * shock * shock + garch * now
    residuals = (shocks / np.sqrt(before))[BURN_IN:]
    centred = residuals - residuals.mean()
    return Gjr(autoregression, constant, arch, leverage, garch, centred, now)


def ljung_box_p(values: Float, lags: int = TESTED_LAGS) -> float:
    """Returns the p-value of the Ljung-Box test that all autocorrelations up to ``lags`` are 0.

    The statistic n (n + 2) sum r_k^2 / (n - k) has a chi-square distribution.
    """
    centred = values - values.mean()
    count, power = len(centred), float(centred @ centred)
    correlations = [float(centred[lag:] @ centred[:-lag]) / power for lag in range(1, lags + 1)]
    statistic = count * (count + 2.0) * sum(r * r / (count - lag) for lag, r in enumerate(correlations, start=1))
    return float(gammaincc(lags / 2.0, statistic / 2.0))


def _checked(fit: Gjr, degrees: float) -> Gjr | Rejected:
    checks = {
        "NOT_STATIONARY": fit.persistence < LARGEST_PERSISTENCE and fit.variance > 0.0,
        "AUTOREGRESSION": abs(fit.autoregression) < LARGEST_AUTOREGRESSION,
        "NO_VARIANCE": degrees > MIN_DEGREES,
        "RESIDUALS": min(ljung_box_p(fit.residuals), ljung_box_p(fit.residuals**2)) >= MIN_P_VALUE,
    }
    failed = [why for why, passed in checks.items() if not passed]
    return Rejected(failed[0]) if failed else fit
