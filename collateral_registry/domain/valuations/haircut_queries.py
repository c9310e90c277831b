"""Haircuts of given prices and their backtests, as callers request them. Worker processes compute them.

This module imports no database library, so that a process that computes models starts fast and stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.track_record import BacktestVerdict, pooled_verdict, track_record, verdict
from valuation.haircuts.models.class_memory import class_memory
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.sale_horizon import Sale, SaleHaircut

ESTIMATE_HORIZON_LIMIT_DAYS = 2_500
BACKTEST_HORIZON_DAYS = (5, 250)
"""Shortest and longest window of a backtest. A shorter one needs too many estimates, and a longer one has too few
windows."""

Prices = tuple[Dates, Float]
"""Dates and prices [n] of one series."""


@dataclass(frozen=True)
class HaircutQuery:
    """The question which haircut applies at a horizon, which is given in business days or follows from a sale.

    Raises InvalidInput for a horizon that is out of range or is stated twice.
    """

    horizon_days: int
    sale: Sale | None
    confidence: float
    model: HaircutModel

    def __post_init__(self) -> None:
        if self.sale is not None and self.horizon_days:
            raise InvalidInput("horizon_days", self.horizon_days, "0 with a sale, which has its own horizon")
        if not 1 <= self.days <= ESTIMATE_HORIZON_LIMIT_DAYS:
            raise InvalidInput("horizon_days", self.days, f"1 to {ESTIMATE_HORIZON_LIMIT_DAYS}")

    @property
    def days(self) -> int:
        """The horizon in business days."""
        return self.sale.horizon_days if self.sale else self.horizon_days


@dataclass(frozen=True)
class BacktestQuery:
    """The question how well haircuts held in past windows; raises InvalidInput for a horizon out of range."""

    horizon_days: int
    confidence: float
    model: HaircutModel

    def __post_init__(self) -> None:
        shortest, longest = BACKTEST_HORIZON_DAYS
        if not shortest <= self.horizon_days <= longest:
            raise InvalidInput("horizon_days", self.horizon_days, f"{shortest} to {longest}")


def estimate_haircut(prices: Prices, query: HaircutQuery, related: Sequence[Prices]) -> SaleHaircut:
    """Returns the haircut of a series; the outcomes of ``related`` series of its class widen it."""
    dates, values = prices
    memory = class_memory((quotes, days) for days, quotes in related)
    market = haircut(values, dates, query.days, query.confidence, model=query.model, memory=memory)
    return SaleHaircut(market, (query.sale or Sale()).price_impact(market.daily_volatility))


def backtest_haircut(prices: Prices, query: BacktestQuery) -> BacktestVerdict:
    """Returns the tests of the haircuts of a series."""
    record = track_record(*prices, horizon_days=query.horizon_days, confidence=query.confidence, model=query.model)
    return verdict(record, query.confidence)


def backtest_class(
    series: Mapping[str, Prices], query: BacktestQuery
) -> tuple[BacktestVerdict, dict[str, BacktestVerdict]]:
    """Returns the tests of a class of series as a whole, and of each series by its id."""
    records = {
        one: track_record(*prices, horizon_days=query.horizon_days, confidence=query.confidence, model=query.model)
        for one, prices in series.items()
    }
    return (
        pooled_verdict(list(records.values()), query.confidence),
        {one: verdict(record, query.confidence) for one, record in records.items()},
    )
