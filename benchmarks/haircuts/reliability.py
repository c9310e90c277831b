"""Observed and nominal frequency of exceeding the haircut by horizon and level: the data of a reliability diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from benchmarks.haircuts.histories import PriceHistory
from valuation.haircuts.models.pooled import pooled_scale
from valuation.prices.cleaning import clean

TAILS = (0.1, 0.05, 0.025, 0.01)
"""Nominal probabilities of exceeding the haircut."""

BAND = 0.95
"""Probability of the band under a correct model with independent windows; common crises make the true band wider."""


def reliability(
    part: Sequence[PriceHistory], horizons: Sequence[int], first: int, stride: int
) -> Iterator[dict[str, object]]:
    """Yields a row for each horizon in days and tail, over windows from row ``first`` that do not overlap."""
    for horizon in horizons:
        hits = np.array([found for history in part for found in _hits(history, horizon, first, stride)])
        for tail, column in zip(TAILS, hits.reshape(-1, len(TAILS)).T, strict=True):
            known = column[np.isfinite(column)]
            if len(known):
                yield {"horizon_days": horizon, **_row(known, tail)}


def _row(hits: NDArray[np.float64], tail: float) -> dict[str, object]:
    low, high = (float(end) / len(hits) for end in binom.interval(BAND, len(hits), tail))
    return {
        "promised": tail,
        "observed": float(hits.mean()),
        "band_low": low,
        "band_high": high,
        "windows": len(hits),
    }


def _hits(history: PriceHistory, horizon: int, first: int, stride: int) -> Iterator[list[float]]:
    """Yields for each window and tail 1 if the loss exceeds the haircut, 0 if not, and NaN without a haircut."""
    good = history.prices > 0.0
    dates, prices = history.dates[good], history.prices[good]
    for row in range(first, len(prices) - horizon, horizon * stride):
        known = clean(dates[: row + 1], prices[: row + 1])
        loss = 1.0 - prices[row + horizon] / prices[row]
        curves = [pooled_scale(known.dates, known.prices, max_horizon_days=horizon, confidence=1 - t) for t in TAILS]
        promised = [float(curve.loss[-1]) for curve in curves]
        yield [float(loss > one) if np.isfinite(one) else float("nan") for one in promised]
