"""Reads what the forecast of a price needs: the series, its prices known at a moment, and whether they are stale."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.series import find_series, get_series, history
from valuation._typing import Dates, Float
from valuation.errors import InvalidInput

HORIZON_LIMIT_DAYS = 250
"""Longest horizon of a forecast: one year of business days."""


@dataclass(frozen=True)
class PriceHistory:
    """A price series with its accepted prices [n] that were known at a moment.

    ``stale`` states that the newest price was older than the series allows.
    """

    series: PriceSeries
    moment: Moment
    dates: Dates
    prices: Float
    stale: bool


def series_of_lot(connection: Connection, asset_id: str) -> str | None:
    """Returns the id of the series that prices a stock lot; None if it does not exist.

    Raises NotFound, and InvalidInput for another kind of asset.
    """
    asset = get_asset(connection, asset_id).asset
    if not isinstance(asset.detail, Inventory):
        raise InvalidInput("asset", f"an asset of kind {asset.detail.kind.name}", "a stock lot")
    series_id = asset.detail.price_series
    return series_id if find_series(connection, [series_id]) else None


def price_history(connection: Connection, series_id: str, moment: Moment) -> PriceHistory:
    """Returns a series with the accepted prices known at a moment; raises NotFound."""
    stored = get_series(connection, series_id)
    known = history(connection, stored.key, by=moment.seq)
    stale = bool(len(known.day)) and moment.market_day - int(known.day[-1]) > stored.series.max_age_days
    return PriceHistory(stored.series, moment, known.day.astype("datetime64[D]"), known.price, stale)
