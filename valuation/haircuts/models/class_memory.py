"""Class memory: corrects the pooled-scale model by the recent outcomes of a class of series.

    multiplier(h, t) = max(1, (undershot + N a) / (expected + N a)) ^ p         of outcomes that matured before day t

Here N is the weight of the pool in windows and a is the tail probability. Parameters fitted in one decade can be too
low in the next one for all series at once. A single series is too short to show this, but a class of series is not. The
multiplier never narrows a haircut, because a calm decade does not predict the next one (docs/models/class-memory.md).
The method follows I. Gibbs and E. Candes, Adaptive conformal inference under distribution shift, 2021, arXiv
2106.00170, but uses counts where they use a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Bool, Dates, Float, Int
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import (
    FULL_OBSERVATIONS,
    NOTHING_COMMON,
    OWN_HORIZONS,
    OWN_TAIL,
    STEPWISE_SHARE,
    steps_ahead,
    terms_path,
    undershot,
)
from valuation.prices.cleaning import clean
from valuation.prices.returns import Returns, level_breaks, log_returns

MODEL = "class-memory"
VERSION = "1"

HALF_LIFE_DAYS = 3650.0
PRIOR_WINDOWS = 300.0
POWER = 0.5
"""Half-life of outcomes in calendar days, weight of the pool in windows, and the power p of the ratio."""


@dataclass(frozen=True)
class Outcomes:
    """Matured outcomes of one series at one horizon.

    ``days`` [n] are the days since 1970 on which they matured, and ``undershot`` [n] states whether they fell below the
    predicted quantile. Outcomes overlap, so each counts as the fraction ``weight`` of a window.
    """

    days: Int
    undershot: Bool
    weight: float


@dataclass(frozen=True)
class ClassMemory:
    """Log multipliers [D, 6] at ``OWN_HORIZONS`` after each day [D] on which outcomes matured.

    ``days`` [D] are days since 1970.
    """

    days: Int
    log_multipliers: Float

    def before(self, date: np.datetime64) -> Float:
        """Returns the log multipliers [6] from outcomes that matured before a date, or zeros if there are none."""
        place = int(np.searchsorted(self.days, date.astype("datetime64[D]").astype(np.int64))) - 1
        return self.log_multipliers[place] if place >= 0 else NOTHING_COMMON


NOTHING_LEARNED = ClassMemory(np.zeros(0, dtype=np.int64), np.zeros((0, len(OWN_HORIZONS))))


def class_memory(series: Iterable[tuple[ArrayLike, ArrayLike]]) -> ClassMemory:
    """Computes the memory of a class of series, each given as raw prices [n] and dates [n].

    Raises InvalidInput as ``clean`` does.
    """
    columns: list[list[Outcomes]] = [[] for _ in OWN_HORIZONS]
    for prices, dates in series:
        for column, outcomes in zip(columns, _outcomes(prices, dates), strict=True):
            column.extend(outcomes)
    return memory_of(columns)


def memory_of(columns: Sequence[Sequence[Outcomes]]) -> ClassMemory:
    """Computes the memory from outcomes of many series, given as one sequence for each of ``OWN_HORIZONS``."""
    matured = [outcomes.days for column in columns for outcomes in column]
    days = np.unique(np.concatenate(matured)) if matured else np.zeros(0, dtype=np.int64)
    if not len(days):
        return NOTHING_LEARNED
    counts = np.zeros((len(days), 2, len(columns)))
    for place, column in enumerate(columns):
        for outcomes in column:
            rows = np.searchsorted(days, outcomes.days)
            np.add.at(counts[:, 0, place], rows, outcomes.weight * outcomes.undershot)
            np.add.at(counts[:, 1, place], rows, outcomes.weight)
    decay = 0.5 ** (np.diff(days, prepend=days[0]) / HALF_LIFE_DAYS)
    sums = np.empty_like(counts)
    now = np.zeros(counts.shape[1:])
    for row, factor in enumerate(decay.tolist()):
        now = factor * now + counts[row]
        sums[row] = now
    prior = PRIOR_WINDOWS * OWN_TAIL
    ratio = (sums[:, 0] + prior) / (sums[:, 1] * OWN_TAIL + prior)
    return ClassMemory(days, np.maximum(POWER * np.log(ratio), 0.0))


def _outcomes(prices: ArrayLike, dates: ArrayLike) -> list[list[Outcomes]]:
    """Returns the outcomes of a series at each horizon, for each segment between level breaks.

    Each prediction uses only prices up to its day.
    """
    good = clean(dates, prices)
    found: list[list[Outcomes]] = [[] for _ in OWN_HORIZONS]
    edges = [0, *(level_breaks(good.log_returns) + 1).tolist(), len(good.prices)]
    for first, last in pairwise(edges):
        returns = _returns(good.dates[first:last], good.prices[first:last])
        if returns is not None:
            _collect(found, good.dates[first + 1 : last].astype(np.int64), returns)
    return found


def _returns(dates: Dates, prices: Float) -> Returns | None:
    """Returns the log returns of a segment between level breaks, or None.

    The result is None if the segment is too short, or if its first year is smoothed, stepwise or stale.

    Only the first year is examined for this, because later prices were not known when outcomes matured.
    """
    if len(prices) <= FULL_OBSERVATIONS + 1:
        return None
    year = log_returns(dates[: FULL_OBSERVATIONS + 1], prices[: FULL_OBSERVATIONS + 1], FULL_OBSERVATIONS)
    if year.flags & (QualityFlag.SMOOTHED | QualityFlag.STALE_SERIES) or year.unchanged_share > STEPWISE_SHARE:
        return None
    return replace(year, paced=np.diff(np.log(prices)))


def _collect(found: list[list[Outcomes]], days: Int, returns: Returns) -> None:
    path = terms_path(returns)
    for column, horizon in zip(found, OWN_HORIZONS, strict=True):
        ahead = steps_ahead(horizon, returns.step_days)
        hits = undershot(path, returns, ahead)
        column.append(Outcomes(days[len(days) - len(hits) :], hits, 1.0 / ahead))
