"""Prices, exchange rates, haircut curves and price indices, as the valuation reads them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from valuation._typing import Float, Int, Texts
from valuation.haircuts.monitoring.model_monitor import Watch


@dataclass(frozen=True)
class SeriesFacts:
    """Price series [s] with their newest accepted price and log return, NaN where there is none.

    ``history_seq`` is the commit that last changed what they had said before it, 0 for none.
    """

    series_key: Int
    price: Float
    day: Int
    latest_return: Float
    history_seq: Int
    max_age_days: Int
    currency: Texts

    def rows_of(self, keys: Int) -> Int:
        """The row of each series key [n]; -1 where it is not among them."""
        order = np.argsort(self.series_key)
        place = np.searchsorted(self.series_key, keys, sorter=order)
        place = np.minimum(place, len(order) - 1) if len(order) else place
        if not len(order):
            return np.full(len(keys), -1, dtype=np.int64)
        row = order[place]
        return np.where(self.series_key[row] == keys, row, -1).astype(np.int64)


@dataclass(frozen=True)
class FxQuote:
    """A rate from one currency to another: the day of its oldest leg, and its legs.

    A leg is a series and +1 when it is quoted that way round, -1 when its inverse is meant. ``history_seq`` is the
    commit that last changed what a leg had said before its newest rate, 0 for none.
    """

    rate: float
    day: int
    legs: tuple[tuple[int, int], ...]
    history_seq: int


class EstimateCause(StrEnum):
    """Why a curve was made.

    None was there; its time was up; the history behind it was corrected or filled; a price moved too far, or many more
    than it says; its model is in amber or red and follows every new price; or its quotes are smoothed, and how far
    they are from the true price moves with every one.
    """

    FIRST = "FIRST"
    SCHEDULE = "SCHEDULE"
    HISTORY = "HISTORY"
    SHOCK = "SHOCK"
    DRIFT = "DRIFT"
    LIGHT = "LIGHT"
    SMOOTHED = "SMOOTHED"


@dataclass(frozen=True)
class Estimate:
    """A haircut curve: the loss at each horizon from one business day on, NaN where there is no opinion.

    ``day``, ``price`` and ``log_return`` are those of the newest price behind it (NaN in curves older than these
    columns), ``history_seq`` the last change to the prices before that, ``hidden_gap`` how far in logs the true price
    is from that quote where quotes are smoothed. ``watch`` is the light of its model's record, whose multiplier is in
    the losses, and the state of the detector of drift.
    """

    estimate_key: int
    day: int
    price: float
    log_return: float
    history_seq: int
    hidden_gap: float
    loss: Float
    flags: int
    daily_volatility: float
    model: str
    watch: Watch
    cause: str


@dataclass(frozen=True, order=True)
class CurveNeed:
    """Which curve: a series (0 for the exchange rate alone) from its currency into another at a confidence."""

    series_key: int
    base_currency: str
    currency: str
    confidence_ppm: int


@dataclass(frozen=True)
class IndexHistory:
    """An index of producer prices: its levels [k] on days [k] that rise, and how old its newest may be."""

    day: Int
    level: Float
    max_age_days: int
