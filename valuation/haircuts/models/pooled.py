"""Pooled scale: estimates the tail of a price series from a few running means, with parameters fitted to many series.

    q(h, a) = - sqrt(h) exp(long-run log volatility + weights(h) . terms + multiple(h, a) + own(h))

The model needs no optimiser and no simulation. Properties that a single series is too short to show, such as the mean
reversion of volatility or the 1 % tail at sixty days, are estimated from many series together. The correction ``own``
adapts the estimate to the series, based on the matured outcomes of that series (docs/models/pooled-scale.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from valuation._typing import Bool, Dates, Float
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.monitored_curve import RAISED, raised
from valuation.haircuts.models.pooled_table import (
    LONGEST_FITTED_DAYS,
    PIVOT_TAIL,
    log_multiples,
    shortfall_tails,
    term_weights,
)
from valuation.haircuts.models.tier1 import HaircutCurve, no_opinion, require_valid_request
from valuation.haircuts.monitoring.daily_record import DAYS, NO_RECORD, DailyRecord, surprises
from valuation.haircuts.monitoring.model_monitor import WATCHED_TAIL, watch
from valuation.prices.returns import NO_CARRY, Carry, Returns, log_returns
from valuation.prices.stale_quotes import fresh
from valuation.statistics.running_moments import (
    LONG_RUN_DAYS,
    RECENT_DAYS,
    USUAL_DAILY_VOLATILITY,
    Terms,
    running_means,
    terms,
    trend_decays,
)

MODEL = "pooled-scale"
VERSION = "2"

MIN_OBSERVATIONS = 60
FULL_OBSERVATIONS = 250
"""Fewest prices for an estimate, and fewest daily prices for a long-run variance that is not blended with that of the
class; ``full_observations`` gives the number for longer steps."""

MIN_MOVES = 20
"""Fewest quotes that differ from the previous one for an estimate."""

CLASS_DAILY_VOLATILITY = 0.02
"""Daily volatility assumed for a short series: the upper quartile of commodities."""

FLOOR_DAILY_VOLATILITY = 0.03
"""Daily volatility assumed for a series without an estimate: that of the most volatile liquid commodities, such as
natural gas."""

STEPWISE_SHARE = 0.10
STEPWISE_LOG_MARGIN = float(np.log(1.3))
STEPWISE_PRIOR_WINDOWS = 30.0
"""Share of unchanged quotes above which daily or weekly prices move in rare steps; log margin added for such series,
because their returns show few steps; and weight of the pool in windows for such series, which is smaller because the
pool contains none of them. Within a month a price has enough days to move, so monthly series have no margin."""

MONTHLY_STEP_DAYS = 15
MONTHLY_DEEPENING_DAYS = 50.0
"""Step from which a series counts as monthly, and the horizon beyond which its tails do not deepen. Daily series
have few independent windows of that length, and monthly series of 66 years show no further deepening
(docs/models/pooled-scale.md)."""

OWN_TAIL = PIVOT_TAIL
OWN_HORIZONS = (5, 10, 20, 40, 60, 120)
"""Tail probability and horizons in business days at which a series corrects the pooled estimate by its own outcomes."""

RAISING_STATUSES = ("red",)
"""Traffic-light statuses that raise the curve. In amber the correction ``own`` has already adapted the curve, and
raising it as well brings no improvement (docs/models/model-watch.md)."""

OWN_HALF_LIFE_DAYS = 4000.0
PRIOR_WINDOWS = 100.0
OWN_POWER = 0.3
OWN_LIMITS = (0.8, 2.5)
MEMORY_BLOCK = 1024
"""Half-life of outcomes in the correction; weight of the pool in windows; log-log slope of the tail; smallest and
largest correction; and step in which the cached table of decay weights grows."""

SURPRISE_WINDOW = 500
"""Number of earlier residuals among which a surprise is ranked."""

SURPRISE_DECAY = float(0.5 ** (1.0 / RECENT_DAYS))
"""Decay of the variance that is updated with the returns after an estimate. It follows the model's own variance closely
until the next estimate (docs/models/model-watch.md)."""

NOTHING_COMMON: Float = np.zeros(len(OWN_HORIZONS))
"""Log corrections of a class without outcomes: zeros."""

CLOSES_ONLY = 0.5826
"""-zeta(1/2) / sqrt(2 pi): expected overshoot, in daily volatilities, of a barrier observed only at daily closes."""


@dataclass(frozen=True)
class PooledScale:
    """State of a series after its last price: its terms, and log corrections at ``OWN_HORIZONS`` [6].

    ``own`` are the corrections from the series itself, and ``common`` are the corrections from its class. Quotes are
    ``step_days`` business days apart and have the autocorrelations ``carry``. ``path`` holds the terms after each
    return; None for a state without a history.
    """

    terms: Terms
    own: Float
    common: Float
    step_days: int = 1
    carry: Carry = NO_CARRY
    path: Terms | None = None

    def log_quantiles(self, horizons: Float, tails: Float) -> Float:
        """Returns the log-return quantiles [A, H] at tail probabilities [A] and horizons [H] in business days."""
        return self._ends(self._daily(horizons), horizons, tails)

    def path_log_quantiles(self, horizons: Float, tails: Float) -> Float:
        """Returns the log-return quantiles [A, H] of the worst day of the path at tail probabilities [A].

        A path that falls below a level ends below it with probability one half (reflection principle), so the quantile
        at half the tail probability is used. It is shifted by 0.5826 daily volatilities, because only closing prices
        count (Broadie, Glasserman and Kou 1997, doi 10.1111/1467-9965.00035). The result is never above the quantile of
        the last day.
        """
        daily = self._daily(horizons)
        halved = self._ends(daily, horizons, tails / 2.0) + CLOSES_ONLY * daily
        return np.asarray(np.minimum(halved, self._ends(daily, horizons, tails)), dtype=np.float64)

    def _ends(self, daily: Float, horizons: Float, tails: Float) -> Float:
        spread = np.sqrt(self.step_days * self.carry.variance(horizons / self.step_days))
        return np.asarray(-daily * spread * np.exp(log_multiples(horizons, tails, deepening_days(self.step_days))))

    def _daily(self, horizons: Float) -> Float:
        """Returns the daily volatility for each horizon [H]."""
        scale = self.terms.log_volatility + term_weights(horizons).T @ self.terms.values[:, -1]
        correction = np.interp(np.log(horizons), np.log(OWN_HORIZONS), self.own + self.common)
        return np.asarray(np.exp(scale + correction), dtype=np.float64)


def pooled_scale(
    dates: Dates, prices: Float, *, max_horizon_days: int, confidence: float, common: Float = NOTHING_COMMON
) -> HaircutCurve:
    """Computes the haircut curve of a series of dated prices [n], in date order.

    ``common`` [6] are the log corrections of its class (valuation/haircuts/models/class_memory.py), zeros by default.
    The curve is NaN for a short history, too few moves, or a price that has been stale for long; a flag states the
    reason. If the price has been stale only for a short time, the horizons start at its last move. ``standard_error``
    is 0, because nothing is simulated. Raises InvalidInput for a confidence outside (0.5, 1), a horizon below 1 day,
    prices that are not positive, or dates that do not increase.
    """
    require_valid_request(max_horizon_days, confidence)
    used = fresh(dates, prices)
    returns = log_returns(dates[used.places], prices[used.places], max(len(used.places), 2))
    short = returns.observations < full_observations(returns.step_days)
    flags = returns.flags | (QualityFlag.SHORT_HISTORY if short else QualityFlag.NONE)
    enough = returns.observations >= MIN_OBSERVATIONS
    if used.repetitions or (enough and returns.moves < MIN_MOVES):
        flags |= QualityFlag.STALE_SERIES
    if not enough or returns.moves < MIN_MOVES or used.repetitions >= MIN_OBSERVATIONS:
        return no_opinion(max_horizon_days, returns.observations, flags)
    days = np.arange(1, max_horizon_days + 1, dtype=np.int64)
    state = pooled_state(returns, common)
    horizons = np.maximum(days + used.age_days, returns.step_days).astype(np.float64)
    tails = np.concatenate([[1.0 - confidence], shortfall_tails(1.0 - confidence)])
    last_day = -np.expm1(state.log_quantiles(horizons, tails))
    worst_day = -np.expm1(state.path_log_quantiles(horizons, tails))
    losses = [last_day[0], last_day[1:].mean(axis=0), worst_day[0], worst_day[1:].mean(axis=0)]
    losses[1], losses[3] = np.maximum(losses[1], losses[0]), np.maximum(losses[3], losses[2])
    worst = np.maximum.accumulate(np.stack(losses), axis=1)
    losses_by_name: dict[str, Any] = dict(zip(RAISED, worst, strict=True))
    no_error = np.zeros(max_horizon_days)
    curve = HaircutCurve(
        horizon_days=days,
        **losses_by_name,
        standard_error=no_error,
        shortfall_error=no_error,
        daily_volatility=float(np.sqrt(np.mean(returns.values**2) / returns.step_days)),
        hidden_gap=returns.hidden_gap,
        observations=returns.observations,
        flags=flags,
    )
    return raised(curve, watch(_record(state, returns), RAISING_STATUSES))


def _record(state: PooledScale, returns: Returns) -> DailyRecord:
    """Returns the record of one-step predictions in the last year; all use the newest correction ``own``.

    The correction of the class is left out. It would reduce the number of exceedances and could thereby remove a
    multiplier. A larger correction could then give a smaller haircut.
    """
    values, path = returns.paced, state.path
    if path is None or len(values) < FULL_OBSERVATIONS + DAYS:
        return NO_RECORD
    step = np.array([float(returns.step_days)])
    scale = path.log_volatility + term_weights(step)[:, 0] @ path.values + 0.5 * np.log(step[0])
    deepest = state.own[0] + log_multiples(step, np.array([WATCHED_TAIL]))[0, 0]
    exceeded = values[-DAYS:] < -np.exp(scale[-DAYS - 1 : -1] + deepest)
    residuals = (values[1:] * np.exp(-scale[:-1]))[MIN_OBSERVATIONS - 1 :]
    scores, spread = surprises(residuals[-SURPRISE_WINDOW - DAYS :])
    return DailyRecord(exceeded, scores, float(np.exp(2.0 * scale[-1])) * spread**2)


def full_observations(step_days: int) -> int:
    """Returns the number of prices from which a history is not short.

    It is the number of independent observations that the long-run variance remembers, at most FULL_OBSERVATIONS: more
    prices do not make that variance more certain.
    """
    remembered = 2.0 * LONG_RUN_DAYS / (step_days * math.log(2.0))
    return int(min(max(remembered, MIN_OBSERVATIONS), FULL_OBSERVATIONS))


def deepening_days(step_days: int) -> float:
    """Returns the horizon in business days beyond which the tails of a series with this step do not deepen."""
    return MONTHLY_DEEPENING_DAYS if step_days >= MONTHLY_STEP_DAYS else LONGEST_FITTED_DAYS


def terms_path(returns: Returns) -> Terms:
    """Returns the terms after each return [n].

    While the history is short, the long-run variance is blended with the variance of the class.
    """
    step = returns.step_days
    means = _blended(running_means(returns.paced, step), returns)
    return terms(means, step, returns.carry.inflation(trend_decays(step)))


def pooled_state(returns: Returns, common: Float = NOTHING_COMMON) -> PooledScale:
    """Returns the state after the last return; ``common`` [6] are the class log corrections at ``OWN_HORIZONS``."""
    path = terms_path(returns)
    last = Terms(path.values[:, -1:], path.log_volatility[-1:])
    stepwise = returns.unchanged_share > STEPWISE_SHARE and returns.step_days < MONTHLY_STEP_DAYS
    prior, margin = (STEPWISE_PRIOR_WINDOWS, STEPWISE_LOG_MARGIN) if stepwise else (PRIOR_WINDOWS, 0.0)
    own = np.array([margin + _own(path, returns, horizon, prior) for horizon in OWN_HORIZONS])
    return PooledScale(last, own, common, returns.step_days, returns.carry, path)


def _blended(means: Float, returns: Returns) -> Float:
    """Returns the means.

    While the history is short, the long-run variance is blended with the variance of the class.
    """
    counts, full = np.arange(1, means.shape[1] + 1), full_observations(returns.step_days)
    weight = np.where(counts < full, counts / (counts + full), 1.0)
    blended = means.copy()
    blended[1] = weight * means[1] + (1.0 - weight) * CLASS_DAILY_VOLATILITY**2 * returns.step_days
    return blended


def undershot(path: Terms, returns: Returns, ahead: int) -> Bool:
    """Returns, oldest first, whether each matured outcome fell below the pool's 5 % quantile.

    The quantile was predicted ``ahead`` steps before the outcome.

    The first prediction follows ``full_observations`` returns. Outcomes overlap, so each has a weight of 1 / ahead.
    """
    begin, matured = full_observations(returns.step_days), len(returns.paced) - ahead
    if matured <= begin:
        return np.zeros(0, dtype=np.bool_)
    days = np.array([float(ahead * returns.step_days)])
    scale = path.log_volatility[begin:matured] + term_weights(days)[:, 0] @ path.values[:, begin:matured]
    spread = 0.5 * np.log(returns.step_days * returns.carry.variance(np.array([float(ahead)]))[0])
    quantile = -np.exp(scale + spread + log_multiples(days, np.array([OWN_TAIL]))[0, 0])
    level = np.cumsum(returns.paced)
    return np.asarray(level[begin + ahead :] - level[begin:matured] < quantile, dtype=np.bool_)


def steps_ahead(horizon: int, step_days: int) -> int:
    """Returns the number of steps in a horizon of business days, rounded to the nearest integer and at least 1."""
    return max(round(horizon / step_days), 1)


def _own(path: Terms, returns: Returns, horizon: int, prior: float) -> float:
    """Returns the log correction at a horizon from the matured outcomes."""
    ahead = steps_ahead(horizon, returns.step_days)
    return own_correction(undershot(path, returns, ahead), ahead, returns.step_days, prior)


def own_correction(hits: Bool, ahead: int, step_days: int, prior: float) -> float:
    """Returns the log correction from how often outcomes [n], oldest first, fell below the pool's 5 % quantile.

    ``ahead`` is the number of steps by which outcomes overlap, and ``prior`` is the weight of the pool in windows. The
    correction is 0 without outcomes.
    """
    if not len(hits):
        return 0.0
    weight = _memory(step_days, -(-len(hits) // MEMORY_BLOCK) * MEMORY_BLOCK)[-len(hits) :] / ahead
    observed = float(weight @ hits) + prior * OWN_TAIL
    ratio = (observed / (float(weight.sum()) * OWN_TAIL + prior * OWN_TAIL)) ** OWN_POWER
    return float(np.log(np.clip(ratio, *OWN_LIMITS)))


@lru_cache
def _memory(step_days: int, count: int) -> Float:
    """Returns the decay weights of outcomes [count], oldest first."""
    kept = 0.5 ** (np.arange(count - 1, -1, -1) * step_days / OWN_HALF_LIFE_DAYS)
    kept.setflags(write=False)
    return np.asarray(kept, dtype=np.float64)


def class_floor(horizon_days: int, confidence: float) -> float:
    """Returns the loss of a highly volatile series, for series whose history gives no estimate.

    It is a floor for lending, not an estimate: it uses no price of the series.
    """
    return float(-np.expm1(volatility_log_quantile(FLOOR_DAILY_VOLATILITY, horizon_days, 1.0 - confidence, trend=0.0)))


def volatility_log_quantile(daily_volatility: float, horizon_days: float, tail: float, *, trend: float) -> float:
    """Returns the log-return quantile at a tail probability for a series whose daily volatility alone is known.

    Raises InvalidInput as ``of_volatility`` does.
    """
    state = of_volatility(daily_volatility, trend=trend)
    return float(state.log_quantiles(np.array([float(horizon_days)]), np.array([tail]))[0, 0])


def of_volatility(daily_volatility: float, *, trend: float) -> PooledScale:
    """Returns the state of a series whose daily volatility alone is known.

    It is assumed that the recent volatility equals the long-run volatility, and that falls are as large as rises.
    ``trend`` is the value ln(1 + |t|) that is used for both trend terms (month and year). Raises InvalidInput for a
    volatility of 0 or less.
    """
    if not daily_volatility > 0.0:
        raise InvalidInput("daily_volatility", daily_volatility, "more than 0")
    volatility = np.log(daily_volatility)
    values = np.array([[0.0], [volatility - np.log(USUAL_DAILY_VOLATILITY)], [0.0], [trend], [trend]])
    return PooledScale(Terms(values, np.array([volatility])), np.zeros(len(OWN_HORIZONS)), NOTHING_COMMON)
