"""The prices of one series, and the test of its haircut."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date

from collateral_registry.v1 import price_pb2
from collateral_registry.web.pages.charts.lines import Line, lines
from collateral_registry.web.pages.numbers import calendar
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import equals
from collateral_registry.web.pages.views.common.haircut_tests import haircut_tests
from collateral_registry.web.pages.visit import Page, Visit

PRICES_READ = 500
FIGURES_SHOWN = 40


async def series(visit: Visit) -> Page:
    """Returns the page of a price series."""
    name = f"priceSeries/{visit.parameters['series']}"
    services, call = visit.book.services, visit.book.call
    found, listed, tests = await asyncio.gather(
        call(services.prices.GetPriceSeries, price_pb2.GetPriceSeriesRequest(name=name)),
        call(
            services.prices.ListPrices,
            price_pb2.ListPricesRequest(parent=name, filter="superseded = false", page_size=PRICES_READ),
        ),
        haircut_tests(visit, equals("price_series", name)),
    )
    values = {
        "series": found,
        "prices": listed.prices[:FIGURES_SHOWN],
        "tests": tests,
        "quarantined": price_pb2.PRICE_VERDICT_QUARANTINED,
        "chart": _chart(visit.texts, listed.prices),
    }
    return Page("series.html", "prices", values)


def _chart(texts: Texts, prices: Sequence[price_pb2.RecordedPrice]) -> str:
    """Returns the picture of the accepted prices, with the quarantined ones as points."""
    accepted = _points(prices, price_pb2.PRICE_VERDICT_ACCEPTED)
    if len(accepted) < 2:
        return ""
    quarantined = _points(prices, price_pb2.PRICE_VERDICT_QUARANTINED)
    drawn = [Line(f"{accepted[-1][1]:g}", "lend", accepted, is_filled=True)]
    return lines(drawn, texts("series.chart_label"), texts("format.month"), quarantined)


def _points(prices: Sequence[price_pb2.RecordedPrice], verdict: int) -> list[tuple[date, float]]:
    dated = [(calendar(one.date), float(one.price.value)) for one in prices if one.verdict == verdict]
    return sorted((day, price) for day, price in dated if day is not None)
