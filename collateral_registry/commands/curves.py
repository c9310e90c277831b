"""Haircut curves: reused while they are fresh, made anew from the price history when they are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.facts import CurveNeed, Estimate, FxQuote, Int, MarketFacts
from collateral_registry.domain.judge import NO_DAY
from collateral_registry.domain.policy import WEEKMASK, Policy
from collateral_registry.store.bulk import Source
from collateral_registry.store.estimates import NewCurve, estimate_of, insert_estimates, latest_estimates
from collateral_registry.store.prices import history
from valuation.money import PPM
from valuation.prices.tier1 import MODEL, VERSION, HaircutCurve, seed_for, tier1

MODEL_NAME = f"{MODEL}/{VERSION}"


def curves_for(
    connection: Source, needs: Sequence[CurveNeed], market: MarketFacts, policy: Policy, made: list[NewCurve]
) -> dict[CurveNeed, Estimate]:
    """The curve of every need that has any price; those that had to be made anew are added to ``made``."""
    known = latest_estimates(connection, needs)
    curves = {}
    for need in needs:
        day, log_return = _newest(need, market)
        if day == NO_DAY:
            continue
        estimate = known.get(need)
        if estimate is None or _expired(estimate, day, log_return, policy):
            curve = _make(connection, need, market, day, policy)
            estimate = estimate_of(need, day, MODEL_NAME, curve)
            made.append((need, day, curve))
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


def _expired(estimate: Estimate, day: int, log_return: float, policy: Policy) -> bool:
    """Whether newer prices ask for a new curve: after some business days, or at once after a shock."""
    if day <= estimate.day:
        return False
    age = np.busday_count(np.datetime64(estimate.day, "D"), np.datetime64(day, "D"), weekmask=WEEKMASK)
    shock = float(policy.rules["estimate_shock_sigmas"].value) * estimate.daily_volatility
    return bool(age >= policy.rule_days("estimate_refresh_days") or (shock > 0 and abs(log_return) > shock))


def _make(connection: Source, need: CurveNeed, market: MarketFacts, day: int, policy: Policy) -> HaircutCurve:
    days, prices = _converted_history(connection, need, market)
    return tier1(
        days.astype("datetime64[D]"),
        prices,
        max_horizon_days=policy.rule_days("simulated_horizon_days"),
        confidence=need.confidence_ppm / PPM,
        seed=seed_for(f"{need.series_key}:{need.base_currency}:{need.currency}", np.datetime64(day, "D"), MODEL_NAME),
    )


def _converted_history(connection: Source, need: CurveNeed, market: MarketFacts) -> tuple[Int, NDArray[np.float64]]:
    """Prices of a series in another currency by dated rates; the rates alone when there is no series."""
    quote = market.fx.get((need.base_currency, need.currency))
    if not need.series_key:
        return _rate_history(connection, quote) if quote else (np.zeros(0, dtype=np.int64), np.zeros(0))
    prices = history(connection, need.series_key)
    if need.base_currency == need.currency:
        return prices.day, prices.price
    if quote is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    return at_dated_rates(prices.day, prices.price, *_rate_history(connection, quote))


def _rate_history(connection: Source, quote: FxQuote) -> tuple[Int, NDArray[np.float64]]:
    """The rates of a pair on the days of its first leg, the other legs as known on those days."""
    first, *others = quote.legs
    leg = history(connection, first[0])
    days, rates = leg.day, leg.price ** first[1]
    for key, sign in others:
        other = history(connection, key)
        days, rates = at_dated_rates(days, rates, other.day, other.price**sign)
    return days, rates


def at_dated_rates(
    days: Int, prices: NDArray[np.float64], rate_days: Int, rates: NDArray[np.float64]
) -> tuple[Int, NDArray[np.float64]]:
    """Prices times the rate of their day or the last one before; days before the first rate are left out."""
    row = np.searchsorted(rate_days, days, side="right") - 1
    known = row >= 0
    return days[known], prices[known] * rates[row[known]]
