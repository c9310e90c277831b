"""Estimates and backtests haircuts of registered series or of given prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.series import get_series, history
from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.track_record import TrackRecord, track_record
from valuation.haircuts.models.class_memory import NOTHING_LEARNED, ClassMemory, class_memory
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.sale_horizon import Sale, SaleHaircut

ESTIMATE_HORIZON_LIMIT_DAYS = 2_500
BACKTEST_HORIZON_DAYS = (5, 250)
"""Shortest and longest window of a backtest. A shorter one needs too many estimates, and a longer one has too few
windows."""

CLASS_SERIES_LIMIT = 50
"""Largest number of series that a class may have in one call."""


def accepted_prices(connection: Connection, series_id: str) -> tuple[Dates, Float]:
    """Returns the dates and accepted prices of a registered series; raises NotFound."""
    known = history(connection, get_series(connection, series_id).key)
    return known.day.astype("datetime64[D]"), known.price


@dataclass(frozen=True)
class HaircutQuery:
    """The question which haircut applies at a horizon.

    The horizon is given in business days or follows from a sale. ``model`` computes the haircut, using ``memory``,
    which was learned from a class of series.
    """

    horizon_days: int
    sale: Sale | None
    confidence: float
    model: HaircutModel
    memory: ClassMemory = NOTHING_LEARNED


def class_prices(connection: Connection, series_ids: Sequence[str]) -> dict[str, tuple[Dates, Float]]:
    """Returns the dates and accepted prices of series by id.

    Raises NotFound, and InvalidInput for too many or repeated ids.
    """
    if len(series_ids) > CLASS_SERIES_LIMIT:
        raise InvalidInput("class_price_series", f"{len(series_ids)} items", f"at most {CLASS_SERIES_LIMIT}")
    found = {series_id: accepted_prices(connection, series_id) for series_id in series_ids}
    if len(found) < len(series_ids):
        raise InvalidInput("class_price_series", "a series twice", "each once")
    return found


def memory_of_class(connection: Connection, series_ids: Sequence[str]) -> ClassMemory:
    """Returns the memory learned from all series of a class."""
    found = class_prices(connection, series_ids)
    return class_memory((prices, dates) for dates, prices in found.values())


def estimate_haircut(dates: Dates, prices: Float, query: HaircutQuery) -> SaleHaircut:
    """Returns the haircut of dated prices [n].

    Raises InvalidInput for a horizon that is out of range or is stated twice.
    """
    if query.sale is not None and query.horizon_days:
        raise InvalidInput("horizon_days", query.horizon_days, "0 with a sale, which has its own horizon")
    sale = query.sale or Sale()
    days = sale.horizon_days if query.sale else query.horizon_days
    if not 1 <= days <= ESTIMATE_HORIZON_LIMIT_DAYS:
        raise InvalidInput("horizon_days", days, f"1 to {ESTIMATE_HORIZON_LIMIT_DAYS}")
    market = haircut(prices, dates, days, query.confidence, model=query.model, memory=query.memory)
    return SaleHaircut(market, sale.price_impact(market.daily_volatility))


def backtest_haircut(
    dates: Dates, prices: Float, horizon_days: int, confidence: float, model: HaircutModel
) -> TrackRecord:
    """Returns the backtest of the haircuts of dated prices [n]; raises InvalidInput for a horizon out of range."""
    shortest, longest = BACKTEST_HORIZON_DAYS
    if not shortest <= horizon_days <= longest:
        raise InvalidInput("horizon_days", horizon_days, f"{shortest} to {longest}")
    return track_record(dates, prices, horizon_days=horizon_days, confidence=confidence, model=model)
