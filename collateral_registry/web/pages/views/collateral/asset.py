"""One asset: its value with every line of the workings, its facts, and whether its haircut can be believed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from google.type.date_pb2 import Date

from collateral_registry.v1 import asset_pb2, haircut_pb2, loan_pb2, valuation_pb2
from collateral_registry.web.pages.charts.lines import Line, lines
from collateral_registry.web.pages.numbers import calendar, value_of
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import conjunction, equals
from collateral_registry.web.pages.views.common.haircut_tests import haircut_tests
from collateral_registry.web.pages.views.common.steps import deductions_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

VALUATIONS_READ = 100
FIGURES_SHOWN = 15


async def asset(visit: Visit) -> Page:
    """Returns the page of an asset."""
    name = f"assets/{visit.parameters['asset']}"
    services, call = visit.book.services, visit.book.call
    found, valued, pledges = await asyncio.gather(
        call(services.assets.GetAsset, asset_pb2.GetAssetRequest(name=name)),
        call(services.valuations.ValueAssets, valuation_pb2.ValueAssetsRequest(names=[name])),
        call(
            services.loans.ListPledges,
            loan_pb2.ListPledgesRequest(
                parent="loans/-", filter=conjunction(equals("asset", name), "state = ACTIVE"), page_size=ROWS
            ),
        ),
    )
    visit.book.note_cut("pledges", pledges.next_page_token)
    valuation = valued.valuations[0]
    recorded, curve = await asyncio.gather(_recorded(visit, found), _curve(visit, found, valuation))
    values = {
        "asset": found,
        "kind": found.WhichOneof("detail") or "",
        "valuation": valuation,
        "deductions": deductions_of(valuation),
        "bounds": _bounds(valuation),
        "adjustment": value_of(valuation.adjusted_value) - value_of(valuation.market_value),
        "pledges": pledges.pledges,
        "counted_day": _day_of_count(valuation.quantity_count),
        "curve": curve,
        **_chart(visit.texts, recorded),
    }
    return Page("asset.html", "assets", values)


async def _recorded(visit: Visit, found: asset_pb2.Asset) -> Sequence[valuation_pb2.Valuation]:
    """Returns the newest recorded valuations in the currency of the asset, oldest first."""
    request = valuation_pb2.ListValuationsRequest(
        parent=found.name, filter=equals("currency_code", found.currency_code), page_size=VALUATIONS_READ
    )
    listed = await visit.book.call(visit.book.services.valuations.ListValuations, request)
    return list(reversed(listed.valuations))


async def _curve(
    visit: Visit, found: asset_pb2.Asset, valuation: valuation_pb2.Valuation
) -> haircut_pb2.HaircutEstimate | None:
    """Returns the newest haircut curve of the price series that values an asset; None without one."""
    series = [one.source for one in valuation.inputs if one.input == "price" and one.source.startswith("priceSeries/")]
    if not series:
        return None
    tests = await haircut_tests(
        visit, conjunction(equals("price_series", series[0]), equals("currency_code", found.currency_code))
    )
    return tests.curves[0] if tests.curves else None


def _day_of_count(count: valuation_pb2.QuantityCount) -> Date:
    counted = count.count_time.ToDatetime()
    return Date(year=counted.year, month=counted.month, day=counted.day)


def _bounds(valuation: valuation_pb2.Valuation) -> Decimal:
    """Returns what floor, cap and rounding change after all parts of the haircut."""
    left = value_of(valuation.adjusted_value) - sum((one.amount for one in deductions_of(valuation)), Decimal(0))
    return value_of(valuation.lendable_value) - left


def _chart(texts: Texts, recorded: Sequence[valuation_pb2.Valuation]) -> dict[str, object]:
    """Returns the values by day: the last valuation of each day, without days on which the value was unknown."""
    by_day: dict[date, valuation_pb2.Valuation] = {}
    for one in recorded:
        day = calendar(one.market_date)
        if day is not None and one.state != valuation_pb2.VALUATION_STATE_UNKNOWN:
            by_day[day] = one
    shown = list(by_day.items())
    if len(shown) < 2:
        return {"chart": "", "history": shown}
    drawn = [
        Line(texts("asset.market"), "mkt", [(day, float(value_of(one.market_value))) for day, one in shown]),
        Line(
            texts("asset.lendable"),
            "lend",
            [(day, float(value_of(one.lendable_value))) for day, one in shown],
            is_filled=True,
        ),
    ]
    chart = lines(drawn, texts("asset.chart_label"), texts("format.month"))
    return {"chart": chart, "history": shown[: -FIGURES_SHOWN - 1 : -1]}
