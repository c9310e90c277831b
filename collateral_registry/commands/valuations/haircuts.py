"""Reads the prices of registered series of which haircuts are estimated and tested."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.domain.valuations.haircut_queries import Prices
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.series import get_series, history
from valuation.errors import InvalidInput

CLASS_SERIES_LIMIT = 50
"""Largest number of series that a class may have in one call."""


def accepted_prices(connection: Connection, series_id: str) -> Prices:
    """Returns the dates and accepted prices of a registered series; raises NotFound."""
    known = history(connection, get_series(connection, series_id).key)
    return known.day.astype("datetime64[D]"), known.price


def class_prices(connection: Connection, series_ids: Sequence[str]) -> dict[str, Prices]:
    """Returns the dates and accepted prices of series by id.

    Raises NotFound, and InvalidInput for too many or repeated ids.
    """
    if len(series_ids) > CLASS_SERIES_LIMIT:
        raise InvalidInput("class_price_series", f"{len(series_ids)} items", f"at most {CLASS_SERIES_LIMIT}")
    found = {series_id: accepted_prices(connection, series_id) for series_id in series_ids}
    if len(found) < len(series_ids):
        raise InvalidInput("class_price_series", "a series twice", "each once")
    return found
