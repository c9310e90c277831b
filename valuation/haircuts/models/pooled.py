"""Pooled scale: the tail of any price series from a few running means and numbers learned from many series.

    q(h, a) = - sqrt(h) exp(long-run log volatility + weights(h) . terms + multiple(h, a) + own(h))

No optimiser and no simulation. What one series is too short to tell (how volatility falls back, how fat a 1 % tail of
sixty days is) many series tell together; what a series tells of itself comes in by ``own``, from its outcomes that
have matured (docs/models/pooled-scale.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.monitored_curve import raised
from valuation.haircuts.models.pooled_table import log_multiples, shortfall_tails, term_weights
from valuation.haircuts.models.tier1 import HaircutCurve, no_opinion, require_question
from valuation.haircuts.monitoring.daily_record import DAYS, NO_RECORD, DailyRecord, surprises
from valuation.haircuts.monitoring.model_monitor import WATCHED_TAIL, watch
from valuation.prices.returns import Returns, log_returns
from valuation.prices.stale_quotes import fresh
from valuation.statistics.running_moments import RECENT_DAYS, USUAL_DAILY_VOLATILITY, Terms, running_means, terms

MODEL = "pooled-scale"
VERSION = "1"

LEAST_OBSERVATIONS = 60
FULL_OBSERVATIONS = 250
"""Prices below which there is no opinion, and below which the long-run variance leans on that of the class."""

LEAST_MOVES = 20
"""Quotes that differ from the one before, below which a series has shown too little of itself for an opinion."""

CLASS_DAILY_VOLATILITY = 0.02
"""Of a series too short to know its own: above that of three in four of the commodities looked at."""

FLOOR_DAILY_VOLATILITY = 0.03
"""Of a series without an opinion: that of the wildest liquid commodities, such as natural gas."""

STEPWISE_SHARE = 0.10
STEPWISE_LOG_MARGIN = float(np.log(1.3))
STEPWISE_PRIOR_WINDOWS = 30.0
"""Unchanged quotes beyond which prices move in steps that few returns show; the margin for it; and how many windows the
pool, which holds no such series, weighs there."""

OWN_TAIL = 0.05
OWN_HORIZONS = (5, 10, 20, 40, 60, 120)
"""The tail by which a series corrects the pool, and the horizons at which it does."""

RAISING_LIGHTS = ("red",)
"""Lights that deepen the curve. In amber ``own`` has learned what there is to learn: deepened as well, the pinball loss
was 0.6 and 0.9 % larger at 10 and 20 days and 0.7 % smaller at 60 (docs/models/model-watch.md)."""

OWN_HALF_LIFE_DAYS = 4000.0
PRIOR_WINDOWS = 100.0
OWN_POWER = 0.3
OWN_LIMITS = (0.8, 2.5)
MEMORY_BLOCK = 1024
"""Memory of the correction; windows that the pool weighs; the tail's slope in log-log; least and largest correction; by
how many outcomes the table of the memory grows."""

SURPRISE_WINDOW = 500
"""Residuals among which a surprise is ranked."""

SURPRISE_DECAY = float(0.5 ** (1.0 / RECENT_DAYS))
"""Of the variance that follows the returns after an estimate: five days on it is within 14 % of the model's own, one in
three times not; at 0.97 it was 18 % (docs/models/model-watch.md)."""

NOTHING_COMMON: Float = np.zeros(len(OWN_HORIZONS))
"""Log corrections of a class that has learned nothing."""

CLOSES_ONLY = 0.5826
"""-zeta(1/2) / sqrt(2 pi): by how many volatilities a daily look finds a path beyond a barrier."""


@dataclass(frozen=True)
class PooledScale:
    """The state of a series after its last price: its terms, and log corrections at ``OWN_HORIZONS`` [6].

    ``own`` are those that it tells of itself, ``common`` those of its class; ``path`` holds the terms after each
    return, none for a state that has no past.
    """

    terms: Terms
    own: Float
    common: Float
    path: Terms | None = None

    def log_quantiles(self, horizons: Float, tails: Float) -> Float:
        """Log returns [A, H] that are undershot with each tail probability [A] at horizons [H] in business days."""
        return self._ends(self._daily(horizons), horizons, tails)

    def path_log_quantiles(self, horizons: Float, tails: Float) -> Float:
        """Log returns [A, H] that the worst day on the way undershoots with each tail probability [A].

        A path that has been below a level ends below it half the time, so the quantile is that of half the tail
        (reflection), moved by 0.5826 daily volatilities because only closing prices count (Broadie, Glasserman and
        Kou 1997, doi 10.1111/1467-9965.00035); never above that of the last day.
        """
        daily = self._daily(horizons)
        halved = self._ends(daily, horizons, tails / 2.0) + CLOSES_ONLY * daily
        return np.asarray(np.minimum(halved, self._ends(daily, horizons, tails)), dtype=np.float64)

    @staticmethod
    def _ends(daily: Float, horizons: Float, tails: Float) -> Float:
        return np.asarray(-daily * np.sqrt(horizons) * np.exp(log_multiples(horizons, tails)))

    def _daily(self, horizons: Float) -> Float:
        """Volatility a day over each horizon [H]."""
        scale = self.terms.log_volatility + term_weights(horizons).T @ self.terms.values[:, -1]
        correction = np.interp(np.log(horizons), np.log(OWN_HORIZONS), self.own + self.common)
        return np.asarray(np.exp(scale + correction), dtype=np.float64)


def pooled_scale(
    dates: NDArray[np.datetime64],
    prices: Float,
    *,
    max_horizon_days: int,
    confidence: float,
    common: Float = NOTHING_COMMON,
) -> HaircutCurve:
    """The haircut curve of a series of dated prices [n], in order of dates; costs about a millisecond.

    ``common`` [6] is what its class has learned (valuation/haircuts/models/class_memory.py), nothing unless given.

    Raises InvalidInput for a confidence outside (0.5, 1), a horizon under 1 day, prices that are not positive, or
    dates that do not increase. Too short a history, and a series that hardly moves or has long stood still, give no
    opinion, with the flag that says why; one that stands still for less is looked at from the day on which it last
    moved. ``standard_error`` is 0: nothing is simulated.
    """
    require_question(max_horizon_days, confidence)
    told = fresh(dates, prices)
    returns = log_returns(dates[told.places], prices[told.places], max(len(told.places), 2))
    short = returns.observations < FULL_OBSERVATIONS
    flags = returns.flags | (QualityFlag.SHORT_HISTORY if short else QualityFlag.NONE)
    enough = returns.observations >= LEAST_OBSERVATIONS
    if told.repetitions or (enough and returns.moves < LEAST_MOVES):
        flags |= QualityFlag.STALE_SERIES
    if not enough or returns.moves < LEAST_MOVES or told.repetitions >= LEAST_OBSERVATIONS:
        return no_opinion(max_horizon_days, returns.observations, flags)
    days = np.arange(1, max_horizon_days + 1, dtype=np.int64)
    state = pooled_state(returns, common)
    horizons = np.maximum(days + told.age_days, returns.step_days).astype(np.float64)
    tails = np.concatenate([[1.0 - confidence], shortfall_tails(1.0 - confidence)])
    last_day = -np.expm1(state.log_quantiles(horizons, tails))
    worst_day = -np.expm1(state.path_log_quantiles(horizons, tails))
    losses = [last_day[0], last_day[1:].mean(axis=0), worst_day[0], worst_day[1:].mean(axis=0)]
    losses[1], losses[3] = np.maximum(losses[1], losses[0]), np.maximum(losses[3], losses[2])
    worst = np.maximum.accumulate(np.stack(losses), axis=1)
    exact = np.zeros(max_horizon_days)
    curve = HaircutCurve(
        horizon_days=days,
        loss=worst[0],
        expected_shortfall=worst[1],
        standard_error=exact,
        shortfall_error=exact,
        path_minimum=worst[2],
        path_shortfall=worst[3],
        daily_volatility=float(np.sqrt(np.mean(returns.values**2) / returns.step_days)),
        hidden_gap=returns.hidden_gap,
        observations=returns.observations,
        flags=flags,
    )
    return raised(curve, watch(_record(state, returns), RAISING_LIGHTS))


def _record(state: PooledScale, returns: Returns) -> DailyRecord:
    """Promises of the last year, a step ahead, with the correction that the series has by now taught the pool.

    Without that of its class: it would turn lights back, and what widens would narrow.
    """
    values, path = returns.values, state.path
    if path is None or len(values) < FULL_OBSERVATIONS + DAYS:
        return NO_RECORD
    step = np.array([float(returns.step_days)])
    scale = path.log_volatility + term_weights(step)[:, 0] @ path.values + 0.5 * np.log(step[0])
    deepest = state.own[0] + log_multiples(step, np.array([WATCHED_TAIL]))[0, 0]
    exceeded = values[-DAYS:] < -np.exp(scale[-DAYS - 1 : -1] + deepest)
    residuals = (values[1:] * np.exp(-scale[:-1]))[LEAST_OBSERVATIONS - 1 :]
    scores, spread = surprises(residuals[-SURPRISE_WINDOW - DAYS :])
    return DailyRecord(exceeded, scores, float(np.exp(2.0 * scale[-1])) * spread**2)


def terms_path(returns: Returns) -> Terms:
    """The terms after each of the returns [n], with a long-run variance that leans on the class while it is short."""
    return terms(_leaning(running_means(returns.values, returns.step_days), returns), returns.step_days)


def pooled_state(returns: Returns, common: Float = NOTHING_COMMON) -> PooledScale:
    """The state after the last of the returns, with log corrections [6] at ``OWN_HORIZONS`` that its class shares."""
    path = terms_path(returns)
    last = Terms(path.values[:, -1:], path.log_volatility[-1:])
    stepwise = returns.unchanged_share > STEPWISE_SHARE
    prior, margin = (STEPWISE_PRIOR_WINDOWS, STEPWISE_LOG_MARGIN) if stepwise else (PRIOR_WINDOWS, 0.0)
    own = np.array([margin + _own(path, returns, horizon, prior) for horizon in OWN_HORIZONS])
    return PooledScale(last, own, common, path)


def _leaning(means: Float, returns: Returns) -> Float:
    """Means whose long-run variance leans on the class while the history is short."""
    counts = np.arange(1, means.shape[1] + 1)
    weight = np.where(counts < FULL_OBSERVATIONS, counts / (counts + FULL_OBSERVATIONS), 1.0)
    leaning = means.copy()
    leaning[1] = weight * means[1] + (1.0 - weight) * CLASS_DAILY_VOLATILITY**2 * returns.step_days
    return leaning


def undershot(path: Terms, returns: Returns, ahead: int) -> NDArray[np.bool_]:
    """Whether outcomes that have matured fell below the pool's 5 % quantile ``ahead`` steps before, in order of time.

    The first is of the step after ``FULL_OBSERVATIONS`` returns; each counts 1 / ahead, since they overlap.
    """
    begin, matured = FULL_OBSERVATIONS, len(returns.values) - ahead
    if matured <= begin:
        return np.zeros(0, dtype=np.bool_)
    days = np.array([float(ahead * returns.step_days)])
    scale = path.log_volatility[begin:matured] + term_weights(days)[:, 0] @ path.values[:, begin:matured]
    quantile = -np.exp(scale + 0.5 * np.log(days[0]) + log_multiples(days, np.array([OWN_TAIL]))[0, 0])
    level = np.cumsum(returns.values)
    return np.asarray(level[begin + ahead :] - level[begin:matured] < quantile, dtype=np.bool_)


def steps_ahead(horizon: int, step_days: int) -> int:
    """Steps of a series in a horizon of business days, at least one."""
    return max(round(horizon / step_days), 1)


def _own(path: Terms, returns: Returns, horizon: int, prior: float) -> float:
    """Log correction at a horizon from the outcomes that have matured."""
    ahead = steps_ahead(horizon, returns.step_days)
    return own_correction(undershot(path, returns, ahead), ahead, returns.step_days, prior)


def own_correction(hits: NDArray[np.bool_], ahead: int, step_days: int, prior: float) -> float:
    """Log correction by how often outcomes [n], oldest first, undershot the pool's 5 % quantile; 0 without any.

    They overlap by ``ahead`` steps of days; the pool weighs ``prior`` windows.
    """
    if not len(hits):
        return 0.0
    weight = _memory(step_days, -(-len(hits) // MEMORY_BLOCK) * MEMORY_BLOCK)[-len(hits) :] / ahead
    found = float(weight @ hits) + prior * OWN_TAIL
    ratio = (found / (float(weight.sum()) * OWN_TAIL + prior * OWN_TAIL)) ** OWN_POWER
    return float(np.log(np.clip(ratio, *OWN_LIMITS)))


@lru_cache
def _memory(step_days: int, count: int) -> Float:
    """What outcomes [count], oldest first, still count each."""
    kept = 0.5 ** (np.arange(count - 1, -1, -1) * step_days / OWN_HALF_LIFE_DAYS)
    kept.setflags(write=False)
    return np.asarray(kept, dtype=np.float64)


def class_floor(horizon_days: int, confidence: float) -> float:
    """The loss of a wild series of the class, for one too short or too stale to have an opinion of its own.

    It is a floor to lend by, not an estimate: it rests on no price of the series.
    """
    return float(-np.expm1(volatility_log_quantile(FLOOR_DAILY_VOLATILITY, horizon_days, 1.0 - confidence, trend=0.0)))


def volatility_log_quantile(daily_volatility: float, horizon_days: float, tail: float, *, trend: float) -> float:
    """Log return undershot with the tail probability by a series of which only the daily volatility is known.

    It is as volatile as ever, falls as much as it rises, and has had a ``trend`` of a month and of a year, as the terms
    have it: ln(1 + |t|). Raises InvalidInput for a volatility of 0 or less.
    """
    if not daily_volatility > 0.0:
        raise InvalidInput("daily_volatility", daily_volatility, "more than 0")
    volatility = np.log(daily_volatility)
    values = np.array([[0.0], [volatility - np.log(USUAL_DAILY_VOLATILITY)], [0.0], [trend], [trend]])
    state = PooledScale(Terms(values, np.array([volatility])), np.zeros(len(OWN_HORIZONS)), NOTHING_COMMON)
    return float(state.log_quantiles(np.array([float(horizon_days)]), np.array([tail]))[0, 0])
