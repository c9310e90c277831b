"""Servicer of HaircutService, with the conversion of haircut estimates and backtests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import partial

import numpy as np
from google.type.date_pb2 import Date
from grpc.aio import ServicerContext

from collateral_registry.commands.valuations.haircuts import accepted_prices, class_prices
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.domain.shared.names import id_of
from collateral_registry.domain.valuations.haircut_queries import (
    BacktestQuery,
    HaircutQuery,
    Prices,
    backtest_class,
    backtest_haircut,
    estimate_haircut,
)
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import check_count, ids_of, number_in_name
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import KEY_LIMIT, NEWEST
from collateral_registry.runtime.model_work.pool import ModelPool
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.haircut_curves import StoredEstimate, get_estimate, list_estimates
from collateral_registry.v1 import haircut_pb2 as pb, haircut_pb2_grpc
from valuation._typing import Dates
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.track_record import BacktestVerdict
from valuation.haircuts.models.price_haircut import HaircutModel
from valuation.haircuts.models.sale_horizon import Sale, SaleHaircut, after_impact
from valuation.haircuts.monitoring.drift import THRESHOLD
from valuation.money import PPM

PRICES_LIMIT = 10_000
KEY_DIGITS = 19
"""Digits of the largest key of a curve, which is a hash."""

CLASS_SERIES_LIMIT = 50
"""Largest number of series that a class may have in one call."""

DEFAULT_CONFIDENCE = 0.99
ESTIMATE_MODELS = {
    "auto": HaircutModel.POOLED,
    "ewma-fhs": HaircutModel.EWMA_FHS,
    "arithmetic": HaircutModel.ARITHMETIC,
}
SALE_NUMBERS = (1e-9, 1e18)
"""Smallest and largest positive quantity, daily volume or participation."""

BACKTEST_MODELS = {"auto": HaircutModel.POOLED, "ewma-fhs": HaircutModel.EWMA_FHS}
"""Models by name. A backtest needs log returns, so the arithmetic model for prices below 0 is not included."""

HaircutRequest = pb.EstimateHaircutRequest | pb.BacktestHaircutRequest


class HaircutServicer(haircut_pb2_grpc.HaircutServiceServicer):
    """Estimates how far a price may fall, backtests such estimates, and lists those in use."""

    def __init__(self, runner: BookRunner, models: ModelPool) -> None:
        self.runner = runner
        self.models = models

    async def EstimateHaircut(
        self, request: pb.EstimateHaircutRequest, context: ServicerContext
    ) -> pb.EstimateHaircutResponse:
        """Estimates the haircut of a registered series or of the prices in the request."""
        sale = _sale(request.sale) if request.HasField("sale") else None
        query = HaircutQuery(request.horizon_days, sale, _confidence(request), _model(request, ESTIMATE_MODELS))
        related = _class_of(request)
        if related and query.model is not HaircutModel.POOLED:
            raise InvalidInput("class_price_series", f"with {request.model}", "only with auto")

        def work(connection: Connection) -> tuple[Prices, list[Prices]]:
            return _history(connection, request), list(class_prices(connection, related).values())

        async with self.models.place() as place:
            prices, of_class = await self.runner.read(work)
            found = await place.compute(partial(estimate_haircut, prices, query, of_class))
        return _estimated(prices[0], found)

    async def BacktestHaircut(
        self, request: pb.BacktestHaircutRequest, context: ServicerContext
    ) -> pb.BacktestHaircutResponse:
        """Backtests haircuts on a registered series, on the prices in the request, or on a class of series."""
        query = BacktestQuery(request.horizon_days, _confidence(request), _model(request, BACKTEST_MODELS))
        related = _class_of(request)
        if related and (request.price_series or request.prices):
            raise InvalidInput("class_price_series", "with another series or prices", "either")
        if related and query.model is not HaircutModel.POOLED:
            raise InvalidInput("class_price_series", f"with {request.model}", "only with auto")
        async with self.models.place() as place:
            if related:
                series = await self.runner.read(lambda connection: class_prices(connection, related))
                return _tested_class(*await place.compute(partial(backtest_class, series, query)))
            prices = await self.runner.read(lambda connection: _history(connection, request))
            return _tested(await place.compute(partial(backtest_haircut, prices, query)))

    async def ListHaircutEstimates(
        self, request: pb.ListHaircutEstimatesRequest, context: ServicerContext
    ) -> pb.ListHaircutEstimatesResponse:
        """Lists the haircut curves used by valuations, newest first; without their losses unless the view is FULL."""
        read = convert.read_all(
            rows=lambda: filtered_page(request, "ListHaircutEstimates", (NEWEST, NEWEST)),
            view=lambda: convert.member("view", HaircutEstimateView, request.view),
        )
        (wanted, page), is_full = read["rows"], read["view"] is HaircutEstimateView.FULL

        def work(connection: Connection) -> pb.ListHaircutEstimatesResponse:
            found = list_estimates(connection, wanted, *page.bounds)
            messages, token = page.filled(
                found, lambda row: (row.seq, row.estimate.estimate_key), lambda row: _stored(row, with_losses=is_full)
            )
            return pb.ListHaircutEstimatesResponse(haircut_estimates=messages, next_page_token=token)

        return await self.runner.read(work)

    async def GetHaircutEstimate(
        self, request: pb.GetHaircutEstimateRequest, context: ServicerContext
    ) -> pb.HaircutEstimate:
        """Returns one haircut curve used by valuations, with its losses."""
        (stated,) = id_of("name", request.name, "haircutEstimates")
        key = number_in_name("name", request.name, stated, "haircutEstimates/{haircut_estimate}", KEY_DIGITS)
        if key > KEY_LIMIT:
            raise NotFound(request.name)
        return await self.runner.read(lambda connection: _stored(get_estimate(connection, key), with_losses=True))


class HaircutEstimateView(IntEnum):
    """Fields of the curves in a list; the numeric values are sent."""

    UNSPECIFIED = 0
    BASIC = 1
    FULL = 2


def _confidence(request: HaircutRequest) -> float:
    stated = convert.read_optional_decimal("confidence", request, "confidence")
    confidence = DEFAULT_CONFIDENCE if stated is None else float(stated)
    if not 0.5 < confidence < 1.0:
        raise InvalidInput("confidence", confidence, "more than 0.5 and less than 1")
    return confidence


def _model(request: HaircutRequest, allowed: Mapping[str, HaircutModel]) -> HaircutModel:
    name = request.model or "auto"
    if name not in allowed:
        raise InvalidInput("model", repr(name), ", ".join(allowed))
    return allowed[name]


def _class_of(request: HaircutRequest) -> list[str]:
    return ids_of("class_price_series", request.class_price_series, "priceSeries", CLASS_SERIES_LIMIT, least=0)


def _sale(message: pb.Sale) -> Sale:
    names = ("quantity", "daily_volume", "participation")
    stated = {name: convert.read_optional_decimal(f"sale.{name}", message, name) for name in names}
    numbers = {name: float(value) for name, value in stated.items() if value is not None}
    for name, number in numbers.items():
        if number and not SALE_NUMBERS[0] <= number <= SALE_NUMBERS[1]:
            raise InvalidInput(f"sale.{name}", number, f"0, or {SALE_NUMBERS[0]:g} to {SALE_NUMBERS[1]:g}")
    if numbers.get("quantity") and "daily_volume" not in numbers:
        raise InvalidInput("sale.daily_volume", "none", "the daily volume of the market if quantity is set")
    days = {name: getattr(message, name) for name in ("age_days", "cure_days", "enforcement_days")}
    try:
        return Sale(**numbers, **days)
    except InvalidInput as error:
        raise InvalidInput(f"sale.{error.field}", error.got, error.want) from None


def _history(connection: Connection, request: HaircutRequest) -> Prices:
    """Returns the dates and prices [n] of the named series or of the request.

    Raises InvalidInput if both or neither are given.
    """
    if bool(request.price_series) == bool(request.prices):
        raise InvalidInput("price_series", "both or neither of price_series and prices", "one of them")
    if request.price_series:
        (series_id,) = id_of("price_series", request.price_series, "priceSeries")
        return accepted_prices(connection, series_id)
    check_count("prices", request.prices, PRICES_LIMIT)
    return _read_prices(request.prices)


def _read_prices(prices: Sequence[pb.DatedPrice]) -> Prices:
    days = [day_of(convert.required_date(f"prices[{row}].date", one, "date")) for row, one in enumerate(prices)]
    values = [float(convert.read_decimal(f"prices[{row}].price", one.price)) for row, one in enumerate(prices)]
    return np.array(days, dtype=np.int64).astype("datetime64[D]"), np.array(values, dtype=np.float64)


def _estimated(dates: Dates, of_sale: SaleHaircut) -> pb.EstimateHaircutResponse:
    found, impact = of_sale.market, of_sale.impact
    used = found.cleaned.dates
    return convert.message_of(
        pb.EstimateHaircutResponse,
        found,
        haircut=convert.ratio(of_sale.loss),
        expected_shortfall=convert.ratio(of_sale.expected_shortfall),
        path_minimum=convert.ratio(after_impact(found.path_minimum, impact)),
        path_shortfall=convert.ratio(after_impact(found.path_shortfall, impact)),
        impact=convert.ratio(impact),
        observation_count=found.observations,
        quality_flags=convert.quality_flags(int(found.flags)),
        defects=[
            pb.PriceDefect(defect=defect.name, dates=_days(dates[rows]))
            for defect, rows in found.cleaned.defects.items()
        ],
        date=_days(used[-1:])[0] if len(used) else None,
        light=found.watch.status,
        multiplier=convert.ratio(found.watch.multiplier),
    )


def _tested(found: BacktestVerdict) -> pb.BacktestHaircutResponse:
    return convert.message_of(
        pb.BacktestHaircutResponse,
        found,
        window_count=found.windows,
        exceedance_count=found.exceedances,
        expected_exceedances=convert.ratio(found.expected),
        without_opinion_count=found.without_opinion,
        across_breaks_count=found.across_breaks,
    )


def _tested_class(of_class: BacktestVerdict, of_series: Mapping[str, BacktestVerdict]) -> pb.BacktestHaircutResponse:
    """Returns the tests of a class of series: one of the class as a whole, and one of each series."""
    answer = _tested(of_class)
    tests = ((one, _tested(found)) for one, found in of_series.items())
    answer.series.extend(pb.SeriesBacktest(price_series=f"priceSeries/{one}", tests=of) for one, of in tests)
    return answer


def _stored(row: StoredEstimate, *, with_losses: bool) -> pb.HaircutEstimate:
    estimate, watch, loss = row.estimate, row.estimate.watch, row.estimate.loss
    return convert.message_of(
        pb.HaircutEstimate,
        estimate,
        price_series=f"priceSeries/{row.series_id}" if row.series_id else "",
        base_currency_code=row.need.base_currency,
        currency_code=row.need.currency,
        confidence=convert.ratio(row.need.confidence_ppm / PPM),
        date=convert.day(estimate.day),
        observation_count=row.observations,
        quality_flags=convert.quality_flags(estimate.flags),
        losses=loss.tolist() if with_losses and not np.isnan(loss).any() else [],
        name=f"haircutEstimates/{estimate.estimate_key}",
        sequence=row.seq,
        light=watch.status,
        multiplier=convert.ratio(watch.multiplier),
        promise_count=watch.promises,
        exceedance_count=watch.exceedances,
        drift=watch.drift,
        drift_threshold=THRESHOLD,
    )


def _days(dates: Dates) -> list[Date | None]:
    return [convert.day(day) for day in dates.astype("datetime64[D]").astype(np.int64).tolist()]
