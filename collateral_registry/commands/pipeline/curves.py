"""Provides haircut curves: reuses those that are still current and computes the others from the price history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from collateral_registry.domain.book.policy import WEEKMASK, Policy
from collateral_registry.domain.prices.exchange_rates import DatedRates, both_directions, rates_in_use
from collateral_registry.domain.prices.market_data import CurveNeed, Estimate, EstimateCause, FxQuote
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.valuations.valuation_inputs import MarketFacts
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.prices.haircut_curves import (
    NewCurve,
    Newest,
    estimate_of,
    insert_estimates,
    latest_estimates,
)
from collateral_registry.store.prices.series import history
from valuation.flags import QualityFlag
from valuation.haircuts.models.own_history import own_history_loss
from valuation.haircuts.models.pooled import MODEL, SURPRISE_DECAY, VERSION, pooled_scale
from valuation.haircuts.monitoring.drift import drift, may_alarm, scores_since
from valuation.money import PPM
from valuation.prices.price_adjustment import supported_price
from valuation.prices.returns import log_returns

MODEL_NAME = f"{MODEL}/{VERSION}"

NO_RETURN = 0.0
"""Newest return that is used for an exchange rate. The rate may combine several series, so its moves are judged by its
price."""

SAME_RETURN_SIGMAS = 0.25
"""If the newest return of smoothed quotes changes by no more than this many daily volatilities, the curve is kept."""

LOOK_BACK_DAYS = 31
"""Fewest days before an estimate in which the last price and the last exchange rate up to that day are searched."""


def curves_for(
    connection: Source, needs: Sequence[CurveNeed], market: MarketFacts, policy: Policy, made: list[NewCurve]
) -> dict[CurveNeed, Estimate]:
    """Returns the curve of every need that has a price; newly computed curves are appended to ``made``."""
    known = latest_estimates(connection, needs, MODEL_NAME)
    histories = Histories(connection, market, policy)
    curves = {}
    for need in needs:
        newest = _newest(need, market)
        if newest is None:
            continue
        estimate = known.get(need)
        cause: str = EstimateCause.FIRST
        if estimate is not None:
            cause = _cause(newest, estimate, policy) or _drift_cause(histories, need, newest, estimate)
        if estimate is None or cause:
            replaced = estimate.estimate_key if estimate else 0
            new = _make(histories, need, newest, policy, cause, replaced)
            estimate = estimate_of(new, MODEL_NAME)
            made.append(new)
        curves[need] = estimate
    return curves


def store_curves(connection: Source, seq: int, made: Sequence[NewCurve], of_run: int = 0) -> Columns:
    """Stores new curves, which are known from a commit on, and returns the rows that were not stored before."""
    return insert_estimates(connection, seq, made, MODEL_NAME, of_run)


def _newest(need: CurveNeed, market: MarketFacts) -> Newest | None:
    """Returns the newest price of a needed curve at the newest exchange rate; None if the price or rate is missing."""
    quote = market.fx.get((need.base_currency, need.currency))
    if quote is None and need.base_currency != need.currency:
        return None
    rate, changed = (quote.rate, quote.history_seq) if quote else (1.0, 0)
    if not need.series_key:
        return Newest(quote.day, rate, NO_RETURN, changed) if quote else None
    row = int(market.series.rows_of(np.array([need.series_key], dtype=np.int64))[0])
    day, price = int(market.series.day[row]), float(market.series.price[row]) * rate
    changed = max(changed, int(market.series.history_seq[row]))
    return Newest(day, price, float(market.series.latest_return[row]), changed) if day != NO_DAY else None


def _cause(newest: Newest, estimate: Estimate, policy: Policy) -> str:
    """Returns why prices require a new curve, or an empty string.

    A curve is replaced at once if its history was rewritten, if a newer price is above its supported price, or after a
    shock: a large move caused by a new price, a correction or the exchange rate. Otherwise it is replaced after some
    business days. If the quotes are smoothed, it is replaced with every newer price and after a large correction of the
    newest return. If the model's traffic-light status is not green, it is replaced with every newer price.
    """
    if newest.history_seq > estimate.history_seq or np.isnan(estimate.price) or np.isnan(estimate.supported_price):
        return EstimateCause.HISTORY
    age = int(np.busday_count(np.datetime64(estimate.day, "D"), np.datetime64(newest.day, "D"), weekmask=WEEKMASK))
    is_newer = newest.day > estimate.day
    if is_newer and age >= policy.rule_days("estimate_refresh_days"):
        return EstimateCause.SCHEDULE
    if is_newer and newest.price > estimate.supported_price:
        return EstimateCause.RISE
    if _is_shock(newest, estimate, age, float(policy.rules["estimate_shock_sigmas"].value)):
        return EstimateCause.SHOCK
    corrected = abs(newest.log_return - estimate.log_return) > SAME_RETURN_SIGMAS * estimate.daily_volatility
    if (is_newer or corrected) and estimate.flags & int(QualityFlag.SMOOTHED):
        return EstimateCause.SMOOTHED
    return EstimateCause.LIGHT if is_newer and estimate.watch.flags else ""


def _is_shock(newest: Newest, estimate: Estimate, age_days: int, sigmas: float) -> bool:
    """Returns whether the newest move, or the move since the curve's price, exceeds a multiple of the volatility."""
    limit = sigmas * estimate.daily_volatility
    if not limit > 0.0:
        return False
    since = abs(np.log(newest.price / estimate.price)) > limit * np.sqrt(max(age_days, 1))
    return bool(since or (newest.day > estimate.day and abs(newest.log_return) > limit))


def _drift_cause(histories: Histories, need: CurveNeed, newest: Newest, estimate: Estimate) -> str:
    """Returns DRIFT if the accumulated moves are too large for the model, otherwise an empty string."""
    days_since = newest.day - estimate.day
    if days_since <= 0 or not may_alarm(estimate.watch.drift, days_since) or not estimate.watch.variance > 0.0:
        return ""
    # Rounded down, so that curves of nearby days share what is read.
    since = (estimate.day // LOOK_BACK_DAYS - 1) * LOOK_BACK_DAYS
    days, prices = histories.converted(histories.of_series(need.series_key, since), need, since)
    known = np.searchsorted(days, estimate.day, side="right")
    returns = np.diff(np.log(prices[max(int(known) - 1, 0) :]))
    scores = scores_since(returns, estimate.watch.variance, SURPRISE_DECAY)
    return EstimateCause.DRIFT if drift(scores, estimate.watch.drift).alarms else ""


def _make(histories: Histories, need: CurveNeed, newest: Newest, policy: Policy, cause: str, replaced: int) -> NewCurve:
    """Computes a curve from converted prices. Smoothing is detected on the prices in the good's own currency."""
    own = histories.of_series(need.series_key)
    days, prices = histories.converted(own, need)
    dates = days.astype("datetime64[D]")
    requested: dict[str, Any] = {
        "max_horizon_days": policy.rule_days("simulated_horizon_days"),
        "confidence": need.confidence_ppm / PPM,
    }
    curve = pooled_scale(dates, prices, **requested)
    own_loss = own_history_loss(dates, prices, **requested) if np.isnan(curve.loss[-1]) else np.zeros(0)
    if need.series_key and need.base_currency != need.currency:
        returns = log_returns(own[0].astype("datetime64[D]"), own[1], len(own[1]))
        curve = replace(curve, hidden_gap=returns.hidden_gap, flags=curve.flags | returns.flags & QualityFlag.SMOOTHED)
    supported = supported_price(dates, prices) if len(prices) else newest.price
    return NewCurve(need, newest, curve, supported, own_loss, cause, replaced)


class Histories:
    """Prices and exchange rates on past days; each is read once."""

    def __init__(self, source: Source, market: MarketFacts, policy: Policy) -> None:
        self._source = source
        self._fx = market.fx
        self._fx_max_age_days = policy.rule_days("fx_max_age_days")
        self._series: dict[tuple[int, int], DatedRates] = {}
        self._rates: dict[tuple[str, str, int], DatedRates] = {}

    def of_series(self, series_key: int, since: int = NO_DAY) -> DatedRates:
        """Returns the accepted prices of a series from a day on; none for the key 0."""
        if not series_key:
            return _NO_RATES
        key = (series_key, since)
        if key not in self._series:
            known = history(self._source, series_key, since)
            self._series[key] = known.day, known.price
        return self._series[key]

    def converted(self, own: DatedRates, need: CurveNeed, since: int = NO_DAY) -> DatedRates:
        """Returns a series' prices from a day on, converted at the rates of their days.

        If there is no series, the rates alone are returned.
        """
        if need.series_key and need.base_currency == need.currency:
            return own
        quote = self._fx.get((need.base_currency, need.currency))
        if quote is None:
            return _NO_RATES
        key = (need.base_currency, need.currency, since)
        if key not in self._rates:
            self._rates[key] = self._rates_of(quote, since)
        return at_dated_rates(own, self._rates[key], self._fx_max_age_days) if need.series_key else self._rates[key]

    def _rates_of(self, quote: FxQuote, since: int) -> DatedRates:
        """Returns the history of a conversion, from all paths that connect its currencies."""
        paths = [
            [both_directions(*(self.of_series(key, since) for key in pair)) for pair in path] for path in quote.paths
        ]
        return rates_in_use(paths, self._fx_max_age_days)


_NO_RATES: DatedRates = (np.zeros(0, dtype=np.int64), np.zeros(0))


def at_dated_rates(prices: DatedRates, rates: DatedRates, max_age_days: int) -> DatedRates:
    """Returns each price times the rate on its day, or the last rate before it; omits days without a usable rate."""
    (days, values), (rate_days, rate_values) = prices, rates
    row = np.searchsorted(rate_days, days, side="right") - 1
    row = row[row >= 0]
    days, values = days[len(days) - len(row) :], values[len(values) - len(row) :]
    usable = rate_days[row] >= days - max_age_days
    return days[usable], values[usable] * rate_values[row[usable]]
