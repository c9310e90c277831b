"""Market data for valuations: prices, exchange rates, haircut curves and price indices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from valuation._typing import Float, Int, Texts
from valuation.haircuts.monitoring.model_monitor import Watch


@dataclass(frozen=True)
class SeriesFacts:
    """Price series [s] with their newest accepted price and log return, which are NaN where there is none.

    ``history_seq`` is the last commit that changed the price of any day before the newest day; 0 if there is none.
    ``quarantined_low`` and ``quarantined_high`` are the lowest and the highest price in quarantine that is at least as
    new, NaN where there is none.
    """

    series_key: Int
    price: Float
    day: Int
    latest_return: Float
    history_seq: Int
    max_age_days: Int
    currency: Texts
    quarantined_low: Float
    quarantined_high: Float

    def rows_of(self, keys: Int) -> Int:
        """Returns the row of each series key [n]; -1 for keys that are not among the series."""
        order = np.argsort(self.series_key)
        place = np.searchsorted(self.series_key, keys, sorter=order)
        place = np.minimum(place, len(order) - 1) if len(order) else place
        if not len(order):
            return np.full(len(keys), -1, dtype=np.int64)
        row = order[place]
        return np.where(self.series_key[row] == keys, row, -1).astype(np.int64)


@dataclass(frozen=True)
class Quarantined:
    """Newer quotes in quarantine: the lowest and the highest, as ratios to the quote in use.

    ``low`` is at most 1 and ``high`` at least 1.
    """

    low: float
    high: float

    @classmethod
    def against(cls, quote: float, low: float, high: float) -> Quarantined | None:
        """Returns the quarantined quotes compared with the quote in use; None if they are NaN, which means none."""
        return None if math.isnan(low) else cls(min(low / quote, 1.0), max(high / quote, 1.0))

    def crossed(self, other: Quarantined) -> Quarantined:
        """Returns the quarantined quotes of the product of two rates."""
        return Quarantined(self.low * other.low, self.high * other.high)


@dataclass(frozen=True)
class FxQuote:
    """A conversion between two currencies: its rate, and the day of the older rate of its path.

    ``path`` is the path in use as text. ``history_seq`` is the last commit that changed an earlier rate of any path; 0
    if there is none. ``paths`` are all paths in order of precedence, first the pair itself. A path is one or two pairs,
    and a pair is the keys of its series in the direction of the conversion and of the inverse series (0 for none).
    ``paths_differ`` states that a cross is a jump away from the pair's own rate and not used. ``quarantined`` holds the
    rates in quarantine that are at least as new.
    """

    rate: float
    day: int
    path: str
    history_seq: int
    paths: tuple[tuple[tuple[int, int], ...], ...]
    paths_differ: bool = False
    quarantined: Quarantined | None = None


class EstimateCause(StrEnum):
    """Why a haircut curve was estimated; the string values are stored."""

    FIRST = "FIRST"
    """No curve existed."""
    SCHEDULE = "SCHEDULE"
    """The previous curve had reached its maximum age."""
    HISTORY = "HISTORY"
    """Prices behind the previous curve were corrected or added."""
    SHOCK = "SHOCK"
    """A price moved too far for the previous curve."""
    DRIFT = "DRIFT"
    """Prices moved further than the previous curve predicted, over many days."""
    LIGHT = "LIGHT"
    """The model's traffic-light status is amber or red, so the curve follows every new price."""
    RISE = "RISE"
    """The newest price is above the price that earlier ones support."""
    SMOOTHED = "SMOOTHED"
    """The quotes are smoothed, so every new price changes their distance from the true price."""


@dataclass(frozen=True)
class Estimate:
    """A haircut curve: the loss at each horizon of 1, 2, … business days. It is NaN where the model gives no estimate.

    ``day``, ``price`` and ``log_return`` belong to the newest price used. They are NaN in curves that were stored
    before these columns existed. ``supported_price`` is the highest newest price that counts in full, in the currency
    of the curve (valuation/prices/price_adjustment.py). ``own_loss`` is empty, or the loss by the series' own history
    if the model gives no estimate. ``history_seq`` is the last commit that changed an earlier price. ``hidden_gap`` is
    the log distance of the true price from a smoothed quote. ``watch`` holds the state of the drift detector and the
    traffic-light status of the model. The multiplier of that status is included in the losses.
    """

    estimate_key: int
    day: int
    price: float
    log_return: float
    history_seq: int
    hidden_gap: float
    supported_price: float
    loss: Float
    own_loss: Float
    flags: int
    daily_volatility: float
    model: str
    watch: Watch
    cause: str


@dataclass(frozen=True, order=True)
class CurveNeed:
    """Key of a haircut curve: a series, its currency, the currency of the valuation, and a confidence.

    ``series_key`` is 0 for a curve of the exchange rate alone.
    """

    series_key: int
    base_currency: str
    currency: str
    confidence_ppm: int


@dataclass(frozen=True)
class IndexHistory:
    """A producer price index: its levels [k] on days [k] in ascending order, and the newest level's maximum age.

    ``quarantined`` holds the newer levels that are in quarantine.
    """

    day: Int
    level: Float
    max_age_days: int
    quarantined: Quarantined | None = None
