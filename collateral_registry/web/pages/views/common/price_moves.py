"""Moves of the prices of goods since the business date before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from google.type.date_pb2 import Date

from collateral_registry.v1 import price_pb2 as pb
from collateral_registry.web.pages.views.common.filters import quoted
from collateral_registry.web.pages.visit import Visit

SERIES_SHOWN = 8
RECORDS_READ = 10
"""Newest accepted observations of a series that are read: those of two days, with their corrections."""


@dataclass(frozen=True)
class PriceMove:
    """A series with a new price on a day: the change from its price before, as a share."""

    series: str
    good: str
    share: Decimal


async def price_moves(visit: Visit, goods: Sequence[str], day: Date, sequence: int) -> list[PriceMove]:
    """Returns the moves on a day of the prices of goods, in the order of the goods, as known by a commit.

    A good with several series has a move of each; at most SERIES_SHOWN are returned.
    """
    if not goods:
        return []
    named = ", ".join(quoted(good) for good in goods)
    request = pb.ListPriceSeriesRequest(filter=f"good IN ({named})")
    found: pb.ListPriceSeriesResponse = await visit.book.call(visit.book.services.prices.ListPriceSeries, request)
    places = {good: place for place, good in enumerate(goods)}
    series = sorted(found.price_series, key=lambda one: (places[one.good], one.name))[:SERIES_SHOWN]
    moves = await asyncio.gather(*(_move(visit, one, day, sequence) for one in series))
    return [one for one in moves if one is not None]


async def _move(visit: Visit, series: pb.PriceSeries, day: Date, sequence: int) -> PriceMove | None:
    """Returns the move of a series on a day; None without a new price on it or a price before."""
    request = pb.ListPricesRequest(
        parent=series.name,
        filter=f"verdict = ACCEPTED AND sequence <= {sequence}",
        end_date=day,
        page_size=RECORDS_READ,
    )
    listed: pb.ListPricesResponse = await visit.book.call(visit.book.services.prices.ListPrices, request)
    today = [one for one in listed.prices if one.date == day]
    before = [one for one in listed.prices if one.date != day]
    if not today or not before:
        return None
    share = Decimal(today[0].price.value) / Decimal(before[0].price.value) - 1
    return PriceMove(series.name, series.good, share)
