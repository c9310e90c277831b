"""Rolling-origin backtest of Tier 1: compares the haircut predicted at each origin with the loss that followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.haircuts.models.tier1 import DEFAULT, MODEL, VERSION, Tier1Settings, seed_for, tier1


@dataclass(frozen=True)
class Replay:
    """One row for each origin with an estimate [n]: date, predicted loss and shortfall, and realised log return.

    ``without_opinion`` counts the origins without an estimate, which are left out.
    """

    origins: Dates
    promised_loss: Float
    promised_shortfall: Float
    log_return: Float
    without_opinion: int

    @property
    def realised_loss(self) -> Float:
        """Share of the price lost at the end of each window [n]; negative for a gain."""
        return np.asarray(-np.expm1(self.log_return), dtype=np.float64)

    @property
    def exceeded(self) -> Bool:
        """Whether the price fell further than predicted [n]."""
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
    """Runs Tier 1 at origins ``horizon_days`` business days apart, each with the prices known at its date.

    Windows do not overlap. The first origin has ``least_observations`` prices. A window ends with the last price on or
    before its end date; a window without a price is left out. Raises InvalidInput as ``tier1`` does.
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
    usable = ~np.isnan(loss)
    moves = np.log(prices[ends] / prices[starts])
    return Replay(days[starts][usable], loss[usable], shortfall[usable], moves[usable], int(np.sum(~usable)))


def _windows(days: Dates, horizon_days: int, least_observations: int) -> tuple[Int, Int]:
    """Returns the rows of the first and last price of each window; a window starts where the previous one ends."""
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
