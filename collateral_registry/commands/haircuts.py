"""Estimate a haircut and test it on the past: of a registered series, or of prices that are sent along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collateral_registry.store.database import Connection
from collateral_registry.store.prices import get_series, history
from valuation.errors import InvalidInput
from valuation.prices.haircut import PriceHaircut, haircut
from valuation.prices.track_record import Verdict, track_record, verdict

ESTIMATE_HORIZON_LIMIT_DAYS = 2_500
BACKTEST_HORIZON_DAYS = (5, 250)
"""Shortest and longest window of a backtest: shorter ones are too many estimates for a call, longer ones too few."""

Dates = NDArray[np.datetime64]
Float = NDArray[np.float64]


def accepted_prices(connection: Connection, series_id: str) -> tuple[Dates, Float]:
    """Dates and accepted prices of a registered series; raises NotFound."""
    known = history(connection, get_series(connection, series_id).key)
    return known.day.astype("datetime64[D]"), known.price


def estimate_haircut(dates: Dates, prices: Float, horizon_days: int, confidence: float) -> PriceHaircut:
    """The haircut of dated prices [n]; raises InvalidInput for a horizon outside its limits."""
    if not 1 <= horizon_days <= ESTIMATE_HORIZON_LIMIT_DAYS:
        raise InvalidInput("horizon_days", horizon_days, f"1 to {ESTIMATE_HORIZON_LIMIT_DAYS}")
    return haircut(prices, dates, horizon_days, confidence)


def backtest_haircut(dates: Dates, prices: Float, horizon_days: int, confidence: float) -> Verdict:
    """The tests of haircuts of dated prices [n]; raises InvalidInput for a horizon outside its limits."""
    shortest, longest = BACKTEST_HORIZON_DAYS
    if not shortest <= horizon_days <= longest:
        raise InvalidInput("horizon_days", horizon_days, f"{shortest} to {longest}")
    return verdict(track_record(dates, prices, horizon_days=horizon_days, confidence=confidence), confidence)
