"""Tier 2: mean of the quantiles of three different models, for series with a long history and an acceptable fit.

All three are filtered historical simulations: AR-GJR-GARCH with skewed t errors, EWMA variance on a long window without
a floor, and EWMA variance on a short window with a floor (Tier 1). If the fit is not possible or is rejected, the
pooled scale is used and the reason is returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from valuation._typing import Dates, Float, Int
from valuation.extras import check_installed
from valuation.flags import QualityFlag
from valuation.haircuts.models import pooled
from valuation.haircuts.models.gjr import PERCENT, Gjr, Rejected, fit_gjr
from valuation.haircuts.models.pooled import pooled_scale
from valuation.haircuts.models.tier1 import DEFAULT, HaircutCurve, require_valid_request, tier1
from valuation.prices.returns import Returns, log_returns
from valuation.statistics.ewma import ewma_variance
from valuation.statistics.simulation import Float32, Start, Tails, filtered, log_loss, simulated_tails, tails_of

MODEL = "tier2-mean-of-three"
VERSION = "1"

MIN_RETURNS = 500
"""Fewest returns for a meaningful GARCH fit."""

WINDOW = 1_500
"""Number of newest returns used."""


@dataclass(frozen=True)
class Tier2:
    """A curve, its model and version, and the reason for a fallback (empty without one)."""

    curve: HaircutCurve
    model: str
    why: str


def tier2(dates: Dates, prices: Float, *, max_horizon_days: int, confidence: float, seed: int) -> Tier2:
    """Computes the haircut curve of a series of dated prices [n], in date order.

    The log quantiles and log shortfalls of the three members are averaged with equal weights, both for the last day and
    for the worst day of the path. The simulation errors are the errors of these averages. A fallback has the flag
    FALLEN_BACK. Raises InvalidInput as ``tier1`` does, and MissingExtra if arch is not installed.
    """
    require_valid_request(max_horizon_days, confidence)
    check_installed("tier2")
    returns = log_returns(dates, prices, WINDOW)
    short = tier1(dates, prices, max_horizon_days=max_horizon_days, confidence=confidence, seed=seed)
    start = _unfloored(returns) if len(returns.values) >= MIN_RETURNS else None
    if start is None or np.isnan(short.loss).any():
        fit: Gjr | Rejected = Rejected("SHORT_HISTORY" if len(returns.values) < MIN_RETURNS else "STALE_SERIES")
    else:
        fit = fit_gjr(returns.values)
    if start is None or isinstance(fit, Rejected):
        curve = pooled_scale(dates, prices, max_horizon_days=max_horizon_days, confidence=confidence)
        why = fit.why if isinstance(fit, Rejected) else "STALE_SERIES"
        fallen = replace(curve, flags=curve.flags | QualityFlag.FALLEN_BACK)
        return Tier2(fallen, f"{pooled.MODEL}/{pooled.VERSION}", why)
    step = -(-short.horizon_days // returns.step_days) - 1
    steps, paths = int(step[-1]) + 1, DEFAULT.paths
    long = simulated_tails(start, decay=DEFAULT.decay, steps=steps, confidence=confidence, paths=paths, seed=seed + 1)
    fitted = gjr_tails(fit, steps=steps, confidence=confidence, paths=paths, seed=seed + 2)
    mean = mean_of_tails([_at(fitted, step), _at(long, step), _tails(short)])
    curve = replace(
        short,
        **vars(mean),
        hidden_gap=returns.hidden_gap,
        observations=returns.observations,
        flags=short.flags | returns.flags,
    )
    return Tier2(curve, f"{MODEL}/{VERSION}", "")


def mean_of_tails(members: list[Tails]) -> Tails:
    """Returns the tails averaged over the members, with the simulation errors of the averages.

    A mean loss is 1 minus the geometric mean of (1 - loss), at each horizon.
    """
    loss = _mean_loss([one.loss for one in members])
    beyond = _mean_loss([one.expected_shortfall for one in members])
    return Tails(
        loss=loss,
        expected_shortfall=beyond,
        standard_error=_mean_error(loss, [one.standard_error / (1.0 - one.loss) for one in members]),
        shortfall_error=_mean_error(beyond, [one.shortfall_error / (1.0 - one.expected_shortfall) for one in members]),
        path_minimum=_mean_loss([one.path_minimum for one in members]),
        path_shortfall=_mean_loss([one.path_shortfall for one in members]),
    )


def _mean_loss(losses: list[Float]) -> Float:
    return np.asarray(-np.expm1(np.mean(np.log1p(-np.stack(losses)), axis=0)), dtype=np.float64)


def _mean_error(loss: Float, log_errors: list[Float]) -> Float:
    """Computes the error of the mean loss from the independent log errors of its members."""
    return np.asarray((1.0 - loss) * np.sqrt(np.sum(np.square(log_errors), axis=0)) / len(log_errors), dtype=np.float64)


def gjr_tails(fit: Gjr, *, steps: int, confidence: float, paths: int, seed: int) -> Tails:
    """Simulates the tails of the price after 1..steps steps from a fit; losses never decrease with the horizon."""
    return tails_of(gjr_sums(fit, paths=paths, seed=seed), steps, 1.0 - confidence, log_loss)


def gjr_sums(fit: Gjr, *, paths: int, seed: int) -> Iterator[Float32]:
    """Yields sums of log returns [paths] after 1, 2, ... steps; each path draws residuals and updates its variance.

    The autoregression applies to simulated returns and thereby widens or narrows the tail. It does not apply to the
    last observed return, because haircuts contain no drift.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    residuals = fit.residuals.astype(np.float32)
    variance = np.full(paths, fit.variance, dtype=np.float32)
    move, total = np.zeros(paths, dtype=np.float32), np.zeros(paths, dtype=np.float32)
    while True:
        shock = residuals[generator.integers(0, len(residuals), paths, dtype=np.int32)] * np.sqrt(variance)
        move = np.float32(fit.autoregression) * move + shock
        total += move
        share = np.where(shock < 0.0, np.float32(fit.arch + fit.leverage), np.float32(fit.arch))
        variance = np.float32(fit.constant) + share * np.square(shock) + np.float32(fit.garch) * variance
        yield total / np.float32(PERCENT)


def _unfloored(returns: Returns) -> Start | None:
    """Returns the start of a simulation on the long window, without the floor on the variance."""
    start = filtered(returns.values, DEFAULT.decay)
    return start and Start(start.residuals, float(ewma_variance(returns.values, DEFAULT.decay)[-1]), floor_binds=False)


def _at(tails: Tails, step: Int) -> Tails:
    return Tails(*(getattr(tails, field.name)[step] for field in fields(Tails)))


def _tails(curve: HaircutCurve) -> Tails:
    return Tails(*(getattr(curve, field.name) for field in fields(Tails)))
