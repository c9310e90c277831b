"""Replays the past: the haircut promised at each origin against the loss that followed, windows not overlapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.haircuts.models.tier1 import DEFAULT, MODEL, VERSION, Tier1Settings, seed_for, tier1


@dataclass(frozen=True)
class Replay:
    """One row for each origin with an opinion [n]: dates, loss promised, shortfall promised, log return that came.

    ``without_opinion`` counts origins for which the model did not speak: they are no evidence for it.
    """

    origins: Dates
    promised_loss: Float
    promised_shortfall: Float
    log_return: Float
    without_opinion: int

    @property
    def realised_loss(self) -> Float:
        """Share of the price lost at the end of each window; negative for a gain."""
        return np.asarray(-np.expm1(self.log_return), dtype=np.float64)

    @property
    def exceeded(self) -> NDArray[np.bool_]:
        """Whether the price fell further than promised."""
        return np.asarray(self.realised_loss > self.promised_loss, dtype=np.bool_)


def replay(
    dates: Dates,
    prices: Float,
    *,
    horizon_days: int,
    confidence: float,
    series: str = "replay",
    settings: Tier1Settings = DEFAULT,
) -> Replay:
    """Runs Tier 1 at origins ``horizon_days`` business days apart, each time on what was known then.

    The first origin is the first with ``least_observations`` prices behind it. A window ends at the last price on or
    before its end; one without any price is left out. Raises InvalidInput as ``tier1`` does.
    """
    if horizon_days < 1:
        raise InvalidInput("horizon_days", horizon_days, "1 or more")
    days = dates.astype("datetime64[D]")
    starts, ends = _windows(days, horizon_days, settings.least_observations)
    curves = []
    for start in starts:
        known = slice(max(0, int(start) - settings.window), int(start) + 1)
        curves.append(
            tier1(
                days[known],
                prices[known],
                max_horizon_days=horizon_days,
                confidence=confidence,
                seed=seed_for(series, days[start], f"{MODEL}/{VERSION}"),
                settings=settings,
            )
        )
    loss = np.array([curve.loss[-1] for curve in curves], dtype=np.float64)
    shortfall = np.array([curve.expected_shortfall[-1] for curve in curves], dtype=np.float64)
    speaks = ~np.isnan(loss)
    moves = np.log(prices[ends] / prices[starts])
    return Replay(days[starts][speaks], loss[speaks], shortfall[speaks], moves[speaks], int(np.sum(~speaks)))


def _windows(days: Dates, horizon_days: int, least_observations: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the first and last price of each window; a window begins where the one before it ended."""
    starts, ends = [], []
    start = least_observations - 1
    while start < len(days):
        until = np.busday_offset(days[start], horizon_days, roll="backward")
        end = int(np.searchsorted(days, until, side="right")) - 1
        if until > days[-1]:
            break
        if end > start:
            starts.append(start)
            ends.append(end)
        start = max(end, start + 1)
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)
