"""Tier 2: the mean of the quantiles of three unlike models, where history allows and the fit may be believed.

AR-GJR-GARCH skew-t filtered historical simulation, and two of EWMA variance: a long window as it is, and a short one
whose variance is floored (Tier 1). Where it may not, the pooled scale speaks, and it is said why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.flags import QualityFlag
from valuation.haircuts.models import pooled
from valuation.haircuts.models.gjr import PERCENT, Gjr, Rejected, fit_gjr, require_arch
from valuation.haircuts.models.pooled import pooled_scale
from valuation.haircuts.models.tier1 import DEFAULT, HaircutCurve, require_question, tier1
from valuation.prices.returns import Returns, log_returns
from valuation.statistics.ewma import ewma_variance
from valuation.statistics.simulation import Float32, Start, Tails, filtered, log_loss, simulated_tails, tails_of

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

    The log quantiles and log shortfalls of the three, of the last day and of the worst on the way, are averaged with
    equal weights; the simulation errors are those of the averages. A fallback carries FALLEN_BACK. Raises InvalidInput
    as ``tier1`` does, and MissingExtra where arch is not installed.
    """
    require_question(max_horizon_days, confidence)
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
    mean = mean_of_tails([_at(fitted, step), _at(long, step), _tails(short)])
    curve = replace(
        short,
        loss=mean.loss,
        expected_shortfall=mean.expected_shortfall,
        standard_error=mean.standard_error,
        shortfall_error=mean.shortfall_error,
        path_minimum=mean.path_minimum,
        path_shortfall=mean.path_shortfall,
        hidden_gap=returns.hidden_gap,
        observations=returns.observations,
        flags=short.flags | returns.flags,
    )
    return Tier2(curve, f"{MODEL}/{VERSION}", "")


def mean_of_tails(members: list[Tails]) -> Tails:
    """One minus the geometric mean of what is left by each member, horizon by horizon, with the errors of that mean."""
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
    """Error of a mean loss from the errors of its members in logs, which are drawn apart."""
    return np.asarray((1.0 - loss) * np.sqrt(np.sum(np.square(log_errors), axis=0)) / len(log_errors), dtype=np.float64)


def gjr_tails(fit: Gjr, *, steps: int, confidence: float, paths: int, seed: int) -> Tails:
    """Tails of the price after 1..steps steps of the fit; losses never fall as the horizon grows."""
    return tails_of(gjr_sums(fit, paths=paths, seed=seed), steps, 1.0 - confidence, log_loss)


def gjr_sums(fit: Gjr, *, paths: int, seed: int) -> Iterator[Float32]:
    """Sums of log returns [paths] after one step, after two, and on: residuals drawn anew, variance follows each path.

    The autoregression carries drawn returns on, which widens or narrows the tail, but not the last return that was: no
    drift is in the haircut.
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
    """Residuals of the long window, with its variance as it is."""
    start = filtered(returns.values, DEFAULT.decay)
    return start and Start(start.residuals, float(ewma_variance(returns.values, DEFAULT.decay)[-1]), floor_binds=False)


def _at(tails: Tails, step: NDArray[np.int64]) -> Tails:
    return Tails(*(getattr(tails, field.name)[step] for field in fields(Tails)))


def _tails(curve: HaircutCurve) -> Tails:
    return Tails(*(getattr(curve, field.name) for field in fields(Tails)))
