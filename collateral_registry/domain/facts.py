"""What a valuation needs, gathered in columns before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.prices.watch import Watch

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Texts = NDArray[Any]
Columns = Mapping[str, NDArray[Any]]


def codes_of(texts: Texts) -> tuple[list[str], Int]:
    """The distinct texts in the order they appear, and the number of each row [n] among them."""
    listed = texts.tolist()
    number = {text: place for place, text in enumerate(dict.fromkeys(listed))}
    return list(number), np.fromiter(map(number.__getitem__, listed), np.int64, len(listed))


@dataclass(frozen=True)
class AssetFacts:
    """Assets [a]; the three tables of kinds hold ``asset_row``, the row of their asset, beside their numbers."""

    asset_key: Int
    revision: Int
    status: Int
    insurance_day: Int
    inspection_day: Int
    prior_claims_minor: Int
    asset_class: Texts
    currency: Texts
    inventory: Columns
    equipment: Columns
    rights: Columns


@dataclass(frozen=True)
class TargetFacts:
    """Assets in a currency [t]: the row of the asset, and the currency."""

    target_key: Int
    asset_row: Int
    currency: Texts


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
class MachineEstimates:
    """What active models say of machines [m]: the row of their asset, values, and what weakens them.

    Values are in major units of the asset's currency; ``value_haircut`` is the share of the FMV that the low point lies
    below it. ``flags`` are bits of valuation.flags.QualityFlag. ``condition_told`` is whether the model was told the
    machine's condition: a model without a word for it says what machines in usual condition bring.
    """

    asset_row: Int
    fmv: Float
    olv: Float
    flv: Float
    nolv: Float
    value_haircut: Float
    flags: Int
    condition_told: NDArray[np.bool_]

    @classmethod
    def none(cls) -> MachineEstimates:
        """No machine has a model."""
        nothing = np.zeros(0)
        rows = np.zeros(0, dtype=np.int64)
        return cls(rows, nothing, nothing, nothing, nothing, nothing, rows, np.zeros(0, dtype=np.bool_))


@dataclass(frozen=True)
class IndexHistory:
    """An index of producer prices: its levels [k] on days [k] that rise, and how old its newest may be."""

    day: Int
    level: Float
    max_age_days: int


@dataclass(frozen=True)
class MarketFacts:
    """Prices, exchange rates by pair, curves by need, what models say of machines, and indices by series key.

    ``class_indices`` are the keys of the indices that the policy names, by class of machines.
    """

    series: SeriesFacts
    fx: Mapping[tuple[str, str], FxQuote | None]
    curves: Mapping[CurveNeed, Estimate]
    machines: MachineEstimates
    indices: Mapping[int, IndexHistory] = field(default_factory=dict)
    class_indices: Mapping[str, int] = field(default_factory=dict)
