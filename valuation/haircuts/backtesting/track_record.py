"""Track record of a haircut model: its predictions at past origins, the outcomes, and their backtests.

Windows do not overlap, and each origin uses only quotes up to its date. Two simple benchmarks accompany the model: a
normal distribution with EWMA variance, and the empirical quantile of the last two years.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.special import erfc, ndtri

from valuation._typing import Dates, Float
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.tier1 import require_valid_request
from valuation.prices.cleaning import clean
from valuation.prices.returns import level_breaks, usual_step_days
from valuation.quotes import quote_columns
from valuation.statistics.coverage_tests import (
    christoffersen_independence,
    conditional_coverage,
    kupiec,
    pinball,
    traffic_light,
    transitions,
)
from valuation.statistics.ewma import ewma_variance
from valuation.statistics.shortfall_test import acerbi_szekely_z2, normal_z2_critical_value

HISTORY_DAYS, MIN_HISTORY = 500, 60
"""Business days before the first origin (two years), and fewest quotes before it for series quoted less often."""

BENCHMARK_DECAY = 0.97
BENCHMARK_WINDOW = 500
"""EWMA decay of the normal benchmark, and number of returns used by both benchmarks."""


@dataclass(frozen=True)
class TrackRecord:
    """One row for each window with an estimate [n]; log returns, quantiles and shortfalls are negative for losses.

    ``normal`` and ``historical`` are the quantiles of the benchmarks. ``without_opinion`` counts the windows without an
    estimate, and ``across_breaks`` counts the windows that contain a level break. Both kinds of window are left out.
    """

    origins: Dates
    ends: Dates
    log_return: Float
    quantile: Float
    shortfall: Float
    normal: Float
    historical: Float
    without_opinion: int
    across_breaks: int = 0


SHORTFALL_SIGNIFICANCE = 0.05
"""Probability of rejecting a correct model: the level of the other tests."""

NOT_ENOUGH_HISTORY = "not enough history"
"""Verdict on a record with too few windows."""

NAMES = tuple(field.name for field in fields(TrackRecord))
COUNTS = ("without_opinion", "across_breaks")
"""Fields of a track record, and those that are numbers of windows left out."""


@dataclass(frozen=True)
class BacktestVerdict:
    """Backtest results of a track record; NaN where it is too short for a test.

    ``light`` is the Basel traffic-light status, or "none" if there are no windows. ``verdict`` is that status if it is
    red or there are at least ``windows_needed`` windows, else NOT_ENOUGH_HISTORY: few windows can reject a model and
    not confirm it. ``shortfall_verdict`` is "too thin" if ``shortfall_z2`` is below its critical value for normal
    returns, "not rejected", or NOT_ENOUGH_HISTORY.
    """

    windows: int
    exceedances: int
    expected: float
    kupiec_p: float
    independence_p: float
    coverage_p: float
    light: str
    shortfall_z2: float
    pinball: float
    pinball_normal: float
    pinball_historical: float
    better_than_normal_p: float
    mean_haircut: float
    without_opinion: int
    across_breaks: int
    shortfall_z2_critical: float
    shortfall_verdict: str
    windows_needed: int
    verdict: str


def track_record(
    dates: Dates, prices: Float, *, horizon_days: int, confidence: float, model: HaircutModel = HaircutModel.POOLED
) -> TrackRecord:
    """Computes the track record of a model on raw quotes [n]; the first origin follows two years of history.

    A window is the smallest number of steps of the series that covers the horizon in business days. The haircut is
    predicted for the length of the window. Raises InvalidInput as ``haircut`` does.
    """
    require_valid_request(horizon_days, confidence, "horizon_days")
    prices, dates = quote_columns(prices, dates)
    good = clean(dates, prices)
    step = usual_step_days(good.dates)
    ahead, first = -(-horizon_days // step), max(HISTORY_DAYS // step, MIN_HISTORY)
    starts = np.arange(first, len(good.prices) - ahead, ahead)
    logs = np.log(good.prices)
    # Number of level breaks up to each price: a window without a break has the same number at both ends.
    breaks = np.concatenate([[0], np.cumsum(np.isin(np.arange(len(logs) - 1), level_breaks(np.diff(logs))))])
    whole = breaks[starts + ahead] == breaks[starts]
    across, starts = int(np.sum(~whole)), starts[whole]
    tail = 1.0 - confidence
    log_losses = []
    for start in starts:
        known = dates <= good.dates[start]
        one = haircut(prices[known], dates[known], ahead * step, confidence, model=model)
        log_losses.append((np.log1p(-one.loss), np.log1p(-one.expected_shortfall)))
    predicted = np.array(log_losses, dtype=np.float64).reshape(-1, 2)
    returns = np.diff(logs)
    benchmarks = np.array([_benchmarks(returns[:start], ahead, tail) for start in starts]).reshape(-1, 2)
    moves = logs[starts + ahead] - logs[starts]
    usable = np.isfinite(predicted[:, 0])
    columns = (good.dates[starts], good.dates[starts + ahead], moves, *predicted.T, *benchmarks.T)
    values: tuple[Any, ...] = (*(column[usable] for column in columns), int(np.sum(~usable)), across)
    return TrackRecord(**dict(zip(NAMES, values, strict=True)))


def pooled_record(records: Sequence[TrackRecord]) -> TrackRecord:
    """Returns the windows of many series as one record, in order of their origins."""
    order = np.argsort(np.concatenate([record.origins for record in records]), kind="stable")
    joined: dict[str, Any] = {}
    for name in NAMES:
        parts = [getattr(record, name) for record in records]
        joined[name] = sum(parts) if name in COUNTS else np.concatenate(parts)[order]
    return TrackRecord(**joined)


def verdict(record: TrackRecord, confidence: float) -> BacktestVerdict:
    """Tests a record; if it has no windows, all test results are NaN.

    ``better_than_normal_p`` is the one-sided p-value of the test that the pinball loss is lower than that of the normal
    benchmark (Diebold and Mariano 1995). The test needs no correction for overlap, because the windows do not overlap.
    """
    level, windows = 1.0 - confidence, len(record.log_return)
    needed, nothing = windows_needed(confidence), float("nan")
    if not windows:
        numbers = (nothing,) * 3
        left_out = record.without_opinion, record.across_breaks
        tested = (0, 0, 0.0, *numbers, "none", *numbers, nothing, nothing, nothing, *left_out)
        return BacktestVerdict(*tested, nothing, NOT_ENOUGH_HISTORY, needed, NOT_ENOUGH_HISTORY)
    hits = record.log_return < record.quantile
    count = int(hits.sum())
    coverage = kupiec(count, windows, level)
    moves = transitions(hits)
    counts = (moves.calm_calm, moves.calm_hit, moves.hit_calm, moves.hit_hit)
    independence = christoffersen_independence(*counts) if windows > 1 else None
    scores = [pinball(record.log_return, q, level) for q in (record.quantile, record.normal, record.historical)]
    light = traffic_light(count, windows, level).colour
    z2 = acerbi_szekely_z2(record.log_return, -record.quantile, -record.shortfall, level)
    critical = normal_z2_critical_value(windows, level, SHORTFALL_SIGNIFICANCE)
    enough = windows >= needed
    return BacktestVerdict(
        windows=windows,
        exceedances=count,
        expected=windows * level,
        kupiec_p=coverage.p_value,
        independence_p=independence.p_value if independence else nothing,
        coverage_p=conditional_coverage(coverage, independence).p_value if independence else nothing,
        light=light,
        shortfall_z2=z2,
        pinball=float(scores[0].mean()),
        pinball_normal=float(scores[1].mean()),
        pinball_historical=float(scores[2].mean()),
        better_than_normal_p=_lead_p(scores[1] - scores[0]),
        mean_haircut=float(-np.expm1(record.quantile).mean()),
        without_opinion=record.without_opinion,
        across_breaks=record.across_breaks,
        shortfall_z2_critical=critical,
        shortfall_verdict=("too thin" if z2 < critical else "not rejected") if enough else NOT_ENOUGH_HISTORY,
        windows_needed=needed,
        verdict=light if enough or light == "red" else NOT_ENOUGH_HISTORY,
    )


def windows_needed(confidence: float) -> int:
    """Returns the number of windows of which one is expected to exceed a correct haircut."""
    return math.ceil(round(1.0 / (1.0 - confidence), 9))


def pooled_verdict(records: Sequence[TrackRecord], confidence: float) -> BacktestVerdict:
    """Tests the pooled windows of many series, without the tests that need consecutive, independent windows."""
    nothing = float("nan")
    pooled = verdict(pooled_record(records), confidence)
    return replace(pooled, independence_p=nothing, coverage_p=nothing, better_than_normal_p=nothing)


def _lead_p(lead: Float) -> float:
    """Returns the one-sided p-value of the mean difference in scores [n]."""
    spread = float(lead.std())
    if not spread:
        return 0.5
    return float(0.5 * erfc(lead.mean() / spread * np.sqrt(len(lead) / 2.0)))


def _benchmarks(returns: Float, ahead: int, tail: float) -> tuple[float, float]:
    """Returns two ``ahead``-step quantiles: normal with EWMA variance, and empirical from past overlapping returns."""
    window = returns[-BENCHMARK_WINDOW:]
    variance = float(ewma_variance(window, BENCHMARK_DECAY)[-1])
    level = np.concatenate([[0.0], np.cumsum(window)])
    past = level[ahead:] - level[:-ahead]
    historical = float(np.quantile(past, tail)) if len(past) else float("nan")
    return float(ndtri(tail) * np.sqrt(variance * ahead)), historical
