"""Haircut curves: reused while they are fresh, made anew from the price history when they are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.facts import CurveNeed, Estimate, EstimateCause, FxQuote, Int, MarketFacts
from collateral_registry.domain.judge import NO_DAY
from collateral_registry.domain.policy import WEEKMASK, Policy
from collateral_registry.store.bulk import Source
from collateral_registry.store.estimates import NewCurve, estimate_of, insert_estimates, latest_estimates
from collateral_registry.store.prices import history
from valuation.money import PPM
from valuation.prices.drift import drift, may_alarm, scores_since
from valuation.prices.pooled import MODEL, SURPRISE_DECAY, VERSION, pooled_scale
from valuation.prices.tier1 import HaircutCurve

MODEL_NAME = f"{MODEL}/{VERSION}"

LOOK_BACK_DAYS = 31
"""Days before an estimate in which its own price and the rate of that day are looked for."""


def curves_for(
    connection: Source, needs: Sequence[CurveNeed], market: MarketFacts, policy: Policy, made: list[NewCurve]
) -> dict[CurveNeed, Estimate]:
    """The curve of every need that has any price; those that had to be made anew are added to ``made``."""
    known = latest_estimates(connection, needs, MODEL_NAME)
    curves = {}
    for need in needs:
        day, _ = _newest(need, market)
        if day == NO_DAY:
            continue
        estimate = known.get(need)
        cause = _cause(connection, need, market, estimate, policy)
        if estimate is None or cause:
            new = NewCurve(need, day, _make(connection, need, market, policy), cause)
            estimate = estimate_of(new, MODEL_NAME)
            made.append(new)
        curves[need] = estimate
    return curves


def keep_curves(connection: Source, seq: int, made: Sequence[NewCurve]) -> None:
    """Stores new curves as known from a commit on."""
    insert_estimates(connection, seq, made, MODEL_NAME)


def _newest(need: CurveNeed, market: MarketFacts) -> tuple[int, float]:
    """Day of the newest observation behind a need, NO_DAY for none, and its log return."""
    if need.series_key:
        row = int(market.series.rows_of(np.array([need.series_key], dtype=np.int64))[0])
        return int(market.series.day[row]), float(market.series.latest_return[row])
    quote = market.fx.get((need.base_currency, need.currency))
    return (quote.day, np.nan) if quote else (NO_DAY, np.nan)


def _cause(connection: Source, need: CurveNeed, market: MarketFacts, estimate: Estimate | None, policy: Policy) -> str:
    """Why newer prices ask for a new curve, empty while they do not.

    After some business days, at once after a shock, and between the two when moves drift away from what it says.
    """
    if estimate is None:
        return EstimateCause.FIRST
    day, log_return = _newest(need, market)
    if day <= estimate.day:
        return ""
    age = np.busday_count(np.datetime64(estimate.day, "D"), np.datetime64(day, "D"), weekmask=WEEKMASK)
    if age >= policy.rule_days("estimate_refresh_days"):
        return EstimateCause.SCHEDULE
    shock = float(policy.rules["estimate_shock_sigmas"].value) * estimate.daily_volatility
    if shock > 0 and abs(log_return) > shock:
        return EstimateCause.SHOCK
    if not may_alarm(estimate.watch.drift, day - estimate.day):
        return ""
    return EstimateCause.DRIFT if _drifted(connection, need, market, estimate) else ""


def _drifted(connection: Source, need: CurveNeed, market: MarketFacts, estimate: Estimate) -> bool:
    """Whether the moves since an estimate, on top of those before, are too large for its model."""
    if not estimate.watch.variance > 0.0:
        return False
    days, prices = _converted_history(connection, need, market, estimate.day - LOOK_BACK_DAYS)
    known = np.searchsorted(days, estimate.day, side="right")
    returns = np.diff(np.log(prices[max(int(known) - 1, 0) :]))
    scores = scores_since(returns, estimate.watch.variance, SURPRISE_DECAY)
    return bool(drift(scores, estimate.watch.drift).alarms)


def _make(connection: Source, need: CurveNeed, market: MarketFacts, policy: Policy) -> HaircutCurve:
    days, prices = _converted_history(connection, need, market)
    return pooled_scale(
        days.astype("datetime64[D]"),
        prices,
        max_horizon_days=policy.rule_days("simulated_horizon_days"),
        confidence=need.confidence_ppm / PPM,
    )


def _converted_history(
    connection: Source, need: CurveNeed, market: MarketFacts, since: int | None = None
) -> tuple[Int, NDArray[np.float64]]:
    """Prices of a series in another currency by dated rates, from a day on; the rates alone when there is no series."""
    quote = market.fx.get((need.base_currency, need.currency))
    if not need.series_key:
        return _rate_history(connection, quote, since) if quote else (np.zeros(0, dtype=np.int64), np.zeros(0))
    prices = history(connection, need.series_key, since)
    if need.base_currency == need.currency:
        return prices.day, prices.price
    if quote is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    return at_dated_rates(prices.day, prices.price, *_rate_history(connection, quote, since))


def _rate_history(connection: Source, quote: FxQuote, since: int | None = None) -> tuple[Int, NDArray[np.float64]]:
    """The rates of a pair on the days of its first leg, the other legs as known on those days."""
    first, *others = quote.legs
    leg = history(connection, first[0], since)
    days, rates = leg.day, leg.price ** first[1]
    for key, sign in others:
        other = history(connection, key, since)
        days, rates = at_dated_rates(days, rates, other.day, other.price**sign)
    return days, rates


def at_dated_rates(
    days: Int, prices: NDArray[np.float64], rate_days: Int, rates: NDArray[np.float64]
) -> tuple[Int, NDArray[np.float64]]:
    """Prices times the rate of their day or the last one before; days before the first rate are left out."""
    row = np.searchsorted(rate_days, days, side="right") - 1
    known = row >= 0
    return days[known], prices[known] * rates[row[known]]
