"""Tests the pooled-scale model forward in time: fitted before YEAR without the scored goods, and scored after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.haircuts.fit import Numbers, fitted, origins_of
from benchmarks.haircuts.histories import FOLDS, PriceHistory
from valuation._typing import Float
from valuation.haircuts.models.class_memory import ClassMemory, Outcomes, memory_of
from valuation.haircuts.models.pooled import OWN_HORIZONS, OWN_TAIL, PRIOR_WINDOWS, own_correction
from valuation.statistics.running_moments import Terms, running_means, terms

YEAR = 2013
FIRST = 500
ALONE, OWN, MEMORY = (
    f"pooled scale, fitted before {YEAR} without the group",
    f"pooled scale, fitted before {YEAR} without the group, with own",
    f"pooled scale, fitted before {YEAR} without the group, with own and class memory",
)


@dataclass(frozen=True)
class Past:
    """Origins [n] of one series at one horizon.

    Contains days and log quantiles of the origins, realised log returns, whether they are below the OWN_TAIL quantile,
    and the days on which the horizons end.
    """

    days: NDArray[np.int64]
    quantiles: Float
    realised: Float
    undershot: NDArray[np.bool_]
    ends: NDArray[np.int64]


def forward_scores(
    part: list[PriceHistory], horizons: tuple[int, ...], tail: float
) -> Iterator[tuple[str, int, float, float]]:
    """Yields model, horizon, outcome and log quantile of each window from YEAR on; windows do not overlap."""
    split = np.datetime64(f"{YEAR}-01-01")
    for fold in FOLDS:
        others = [history for history in part if history.group not in fold]
        numbers = fitted(origins_of([_until(history, split) for history in others if _long(history, split)]))
        for horizon in horizons:
            memory = _memory([_past(history, numbers, horizon, tail) for history in others], horizon)
            for history in (history for history in part if history.group in fold):
                yield from _windows(_past(history, numbers, horizon, tail), memory, horizon, split)


def _windows(
    past: Past, memory: ClassMemory, horizon: int, split: np.datetime64
) -> Iterator[tuple[str, int, float, float]]:
    column = OWN_HORIZONS.index(horizon)
    for row in range(0, len(past.days), horizon):
        day = past.days[row : row + 1].astype("datetime64[D]")[0]
        if day < split:
            continue
        own = own_correction(past.undershot[: max(row - horizon, 0)], horizon, 1, PRIOR_WINDOWS)
        shared = float(memory.before(day)[column])
        quantile = float(past.quantiles[row])
        for model, correction in ((ALONE, 0.0), (OWN, own), (MEMORY, own + shared)):
            yield model, horizon, float(past.realised[row]), quantile * float(np.exp(correction))


def _past(history: PriceHistory, numbers: Numbers, horizon: int, tail: float) -> Past:
    good = history.prices > 0.0
    days, logs = history.dates[good].astype(np.int64), np.log(history.prices[good])
    path = terms(running_means(np.diff(logs), 1), 1)
    rows = np.arange(FIRST, len(logs) - horizon)
    at = Terms(path.values[:, rows - 1], path.log_volatility[rows - 1])
    realised = logs[rows + horizon] - logs[rows]
    quantiles, shallow = (numbers.log_quantiles(at, horizon, one) for one in (tail, OWN_TAIL))
    return Past(days[rows], quantiles, realised, realised < shallow, days[rows + horizon])


def _memory(pasts: list[Past], horizon: int) -> ClassMemory:
    """Returns a class memory with outcomes at one horizon only."""
    found = [Outcomes(past.ends, past.undershot, 1.0 / horizon) for past in pasts]
    return memory_of([found if one == horizon else [] for one in OWN_HORIZONS])


def _until(history: PriceHistory, split: np.datetime64) -> PriceHistory:
    known = history.dates < split
    return PriceHistory(history.name, history.liquid, history.dates[known], history.prices[known])


def _long(history: PriceHistory, split: np.datetime64) -> bool:
    """Returns whether the series has an origin before the split."""
    return int(np.sum(history.dates < split)) > FIRST + 1
