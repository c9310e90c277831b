"""The list of price series and exchange rates."""

from __future__ import annotations

from collateral_registry.v1 import price_pb2
from collateral_registry.web.pages.views.common.filters import conjunction, equals, prefix
from collateral_registry.web.pages.views.common.head import head_of
from collateral_registry.web.pages.views.common.report import days_left
from collateral_registry.web.pages.visit import ROWS, Page, Visit


async def prices(visit: Visit) -> Page:
    """Returns the page of price series that the address selects, with the ages of their newest prices."""
    query = visit.query
    selected = conjunction(
        prefix("good", query.get("q", "").strip()),
        equals("currency_code", query.get("currency", "").strip()),
        query.get("filter", ""),
    )
    request = price_pb2.ListPriceSeriesRequest(filter=selected, page_size=ROWS, page_token=query.get("page_token", ""))
    listed = await visit.book.call(visit.book.services.prices.ListPriceSeries, request)
    moment = (await head_of(visit)).moment
    rows = []
    for series in listed.price_series:
        left = days_left(series.latest_date, moment.day)
        rows.append((series, None if left is None else -left))
    return Page("prices.html", "prices", {"rows": rows, "next": listed.next_page_token}, moment)
