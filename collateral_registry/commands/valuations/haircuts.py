"""Reads the prices of registered series of which haircuts are estimated and tested."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.domain.valuations.haircut_queries import Prices
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.series import get_series, history
from valuation.errors import InvalidInput


def accepted_prices(connection: Connection, series_id: str) -> Prices:
    """Returns the dates and accepted prices of a registered series; raises NotFound."""
    known = history(connection, get_series(connection, series_id).key)
    return known.day.astype("datetime64[D]"), known.price


def class_prices(connection: Connection, series_ids: Sequence[str]) -> dict[str, Prices]:
    """Returns the dates and accepted prices of series by id; raises NotFound, and InvalidInput for repeated ids."""
    found = {series_id: accepted_prices(connection, series_id) for series_id in series_ids}
    if len(found) < len(series_ids):
        raise InvalidInput("class_price_series", "a series twice", "each once")
    return found
