"""Tier 2: the mean of the quantiles of three unlike models, where history allows and the fit may be believed.

AR-GJR-GARCH skew-t filtered historical simulation, and two of EWMA variance: a long window as it is, and a short one
whose variance is floored (Tier 1). Where it may not, the pooled scale speaks, and it is said why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.prices import pooled
from valuation.prices.ewma import ewma_variance
from valuation.prices.gjr import PERCENT, Gjr, Rejected, fit_gjr, require_arch
from valuation.prices.pooled import pooled_scale
from valuation.prices.returns import Returns, log_returns
from valuation.prices.simulate import Start, Tails, filtered, path_tail, simulated_tails
from valuation.prices.tier1 import DEFAULT, HaircutCurve, tier1

Float = NDArray[np.float64]

MODEL = "tier2-mean-of-three"
VERSION = "1"

LEAST_RETURNS = 500
"""Below it a GARCH fit converges and means nothing; 1,500 are better and the most that are used."""

WINDOW = 1_500


@dataclass(frozen=True)
class Tier2:
    """A curve, the model and version that made it, and why that is not the mean of three (empty where it is)."""

    curve: HaircutCurve
    model: str
    why: str


def tier2(
    dates: NDArray[np.datetime64], prices: Float, *, max_horizon_days: int, confidence: float, seed: int
) -> Tier2:
    """The haircut curve of a series of dated prices [n], in order of dates.

    The log quantiles and log expected shortfalls of the three are averaged with equal weights, ``standard_error`` is
    that of the average. A fallback carries FALLEN_BACK. Raises InvalidInput as ``tier1`` does, and MissingExtra where
    arch is not installed.
    """
    if not 0.5 < confidence < 1.0 or max_horizon_days < 1:
        raise InvalidInput("confidence, max_horizon_days", (confidence, max_horizon_days), "0.5 to 1, and 1 or more")
    require_arch()
    returns = log_returns(dates, prices, WINDOW)
    short = tier1(dates, prices, max_horizon_days=max_horizon_days, confidence=confidence, seed=seed)
    start = _unfloored(returns) if len(returns.values) >= LEAST_RETURNS else None
    if start is None or np.isnan(short.loss).any():
        fit: Gjr | Rejected = Rejected("SHORT_HISTORY" if len(returns.values) < LEAST_RETURNS else "STALE_SERIES")
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
    members = [_at(fitted, step), _at(long, step), Tails(short.loss, short.expected_shortfall, short.standard_error)]
    mean = mean_of_tails(members)
    curve = replace(
        short,
        loss=mean.loss,
        expected_shortfall=mean.expected_shortfall,
        standard_error=mean.standard_error,
        observations=returns.observations,
        flags=short.flags | returns.flags,
    )
    return Tier2(curve, f"{MODEL}/{VERSION}", "")


def mean_of_tails(members: list[Tails]) -> Tails:
    """One minus the geometric mean of what is left by each member, horizon by horizon, with the error of that mean."""
    count = len(members)
    loss = -np.expm1(np.mean([np.log1p(-one.loss) for one in members], axis=0))
    beyond = -np.expm1(np.mean([np.log1p(-one.expected_shortfall) for one in members], axis=0))
    errors = np.sqrt(np.sum([(one.standard_error / (1.0 - one.loss)) ** 2 for one in members], axis=0)) / count
    return Tails(loss, beyond, (1.0 - loss) * errors)


def gjr_tails(fit: Gjr, *, steps: int, confidence: float, paths: int, seed: int) -> Tails:
    """Tails of the price after 1..steps steps: residuals of the fit drawn anew, the variance following each path.

    The autoregression carries drawn returns on, which widens or narrows the tail, but not the last return that was: no
    drift is in the haircut. Losses never fall as the horizon grows.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    residuals = fit.residuals.astype(np.float32)
    variance = np.full(paths, fit.variance, dtype=np.float32)
    move, total = np.zeros(paths, dtype=np.float32), np.zeros(paths, dtype=np.float32)
    tails = np.empty((3, steps))
    for step in range(steps):
        shock = residuals[generator.integers(0, len(residuals), paths, dtype=np.int32)] * np.sqrt(variance)
        move = np.float32(fit.autoregression) * move + shock
        total += move
        share = np.where(shock < 0.0, np.float32(fit.arch + fit.leverage), np.float32(fit.arch))
        variance = np.float32(fit.constant) + share * np.square(shock) + np.float32(fit.garch) * variance
        tails[:, step] = path_tail(total / np.float32(PERCENT), 1.0 - confidence)
    worst: Float = np.maximum.accumulate(np.maximum(tails[:2], 0.0), axis=1)
    return Tails(worst[0], worst[1], tails[2])


def _unfloored(returns: Returns) -> Start | None:
    """Residuals of the long window, with its variance as it is."""
    start = filtered(returns.values, DEFAULT.decay)
    return start and Start(start.residuals, float(ewma_variance(returns.values, DEFAULT.decay)[-1]), floor_binds=False)


def _at(tails: Tails, step: NDArray[np.int64]) -> Tails:
    return Tails(tails.loss[step], tails.expected_shortfall[step], tails.standard_error[step])
