"""HaircutService."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from grpc.aio import ServicerContext

from collateral_registry.commands.valuations.haircuts import (
    HaircutAsked,
    accepted_prices,
    backtest_haircut,
    class_prices,
    estimate_haircut,
    memory_of_class,
)
from collateral_registry.domain.prices.market_data import EstimateCause
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.filtering import conditions_in
from collateral_registry.rpc.common.paging import NEWEST, page_of
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.haircut_curves import StoredEstimate, list_estimates
from collateral_registry.v1 import common_pb2, haircut_pb2_grpc
from collateral_registry.v1 import haircut_pb2 as pb
from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.backtesting.track_record import BacktestVerdict, pooled_verdict, verdict
from valuation.haircuts.models.price_haircut import HaircutModel
from valuation.haircuts.models.sale_horizon import Sale, SaleHaircut, after_impact
from valuation.haircuts.monitoring.drift import THRESHOLD
from valuation.haircuts.monitoring.model_monitor import NO_STATUS
from valuation.money import PPM

PRICES_LIMIT = 10_000
DEFAULT_CONFIDENCE = 0.99
ESTIMATE_MODELS = {
    "auto": HaircutModel.POOLED,
    "ewma-fhs": HaircutModel.EWMA_FHS,
    "arithmetic": HaircutModel.ARITHMETIC,
}
SALE_NUMBERS = (1e-9, 1e18)
"""Least and most of a quantity, a volume or a share of it."""

BACKTEST_MODELS = {"auto": HaircutModel.POOLED, "ewma-fhs": HaircutModel.EWMA_FHS}
"""By the names of the command line; outcomes are log returns, which a price below 0 does not have."""

ENUMS = {
    "cause": {str(one): str(one) for one in EstimateCause},
    "light": {one: one for one in (NO_STATUS, "green", "amber", "red")},
}
"""What a filter may ask of these fields, which are stored as words."""

Asked = pb.EstimateHaircutRequest | pb.BacktestHaircutRequest


class HaircutServicer(haircut_pb2_grpc.HaircutServiceServicer):
    """Estimates how far a price may fall, and tests it on the past."""

    def __init__(self, runner: BookRunner) -> None:
        """Serves the book behind the calls."""
        self.runner = runner

    async def EstimateHaircut(
        self, request: pb.EstimateHaircutRequest, context: ServicerContext
    ) -> pb.EstimateHaircutResponse:
        """Estimates a haircut."""
        sale = _sale(request.sale) if request.HasField("sale") else None
        asked = HaircutAsked(request.horizon_days, sale, _confidence(request), _model(request, ESTIMATE_MODELS))
        related = _class_of(request)
        if related and asked.model is not HaircutModel.POOLED:
            raise InvalidInput("class_price_series", f"with {request.model}", "only with auto")

        def work(connection: Connection) -> pb.EstimateHaircutResponse:
            dates, prices = _history(connection, request)
            memory = memory_of_class(connection, related)
            return _estimated(dates, estimate_haircut(dates, prices, replace(asked, memory=memory)))

        return await self.runner.read(work)

    async def BacktestHaircut(
        self, request: pb.BacktestHaircutRequest, context: ServicerContext
    ) -> pb.BacktestHaircutResponse:
        """Tests haircuts against the past."""
        confidence, days, model = _confidence(request), request.horizon_days, _model(request, BACKTEST_MODELS)
        related = _class_of(request)
        if related and (request.price_series or request.prices):
            raise InvalidInput("class_price_series", "with another series or prices", "either")
        if related and model is not HaircutModel.POOLED:
            raise InvalidInput("class_price_series", f"with {request.model}", "only with auto")
        # Read first, tested after: no snapshot stays open for the seconds that a class may take.
        if related:
            found = await self.runner.read(lambda connection: class_prices(connection, related))
            return await self.runner.compute(lambda: _tested_class(found, days, confidence))
        dates, prices = await self.runner.read(lambda connection: _history(connection, request))
        return await self.runner.compute(
            lambda: _tested(verdict(backtest_haircut(dates, prices, days, confidence, model), confidence))
        )

    async def ListHaircutEstimates(
        self, request: pb.ListHaircutEstimatesRequest, context: ServicerContext
    ) -> pb.ListHaircutEstimatesResponse:
        """Lists stored curves."""
        wanted = conditions_in(request.filter, ENUMS)
        page = page_of(request, f"ListHaircutEstimates by commit {request.filter}", (NEWEST, NEWEST))

        def work(connection: Connection) -> pb.ListHaircutEstimatesResponse:
            found = list_estimates(connection, wanted, *page.bounds)
            rows, token = page.cut(found, lambda row: (row.seq, row.estimate.estimate_key))
            return pb.ListHaircutEstimatesResponse(
                haircut_estimates=[_stored(row) for row in rows], next_page_token=token
            )

        return await self.runner.read(work)


def _confidence(request: Asked) -> float:
    given = convert.read_optional_decimal("confidence", request, "confidence")
    confidence = DEFAULT_CONFIDENCE if given is None else float(given)
    if not 0.5 < confidence < 1.0:
        raise InvalidInput("confidence", confidence, "more than 0.5 and less than 1")
    return confidence


def _model(request: Asked, allowed: Mapping[str, HaircutModel]) -> HaircutModel:
    name = request.model or "auto"
    if name not in allowed:
        raise InvalidInput("model", repr(name), ", ".join(allowed))
    return allowed[name]


def _class_of(request: Asked) -> list[str]:
    names = request.class_price_series
    return [id_of(f"class_price_series[{row}]", name, "priceSeries")[0] for row, name in enumerate(names)]


def _sale(message: pb.Sale) -> Sale:
    names = ("quantity", "daily_volume", "participation")
    given = {name: convert.read_optional_decimal(f"sale.{name}", message, name) for name in names}
    numbers = {name: float(value) for name, value in given.items() if value is not None}
    for name, number in numbers.items():
        if number and not SALE_NUMBERS[0] <= number <= SALE_NUMBERS[1]:
            raise InvalidInput(f"sale.{name}", number, f"0, or {SALE_NUMBERS[0]:g} to {SALE_NUMBERS[1]:g}")
    if numbers.get("quantity") and "daily_volume" not in numbers:
        raise InvalidInput("sale.daily_volume", "none", "what the market trades a day beside a quantity")
    days = {name: getattr(message, name) for name in ("age_days", "cure_days", "enforcement_days")}
    try:
        return Sale(**numbers, **days)
    except InvalidInput as error:
        raise InvalidInput(f"sale.{error.field}", error.got, error.want) from None


def _history(connection: Connection, request: Asked) -> tuple[Dates, Float]:
    """Dates and prices of the series named, or of those sent along; one of the two must be there."""
    if bool(request.price_series) == bool(request.prices):
        raise InvalidInput("price_series, prices", "both or neither", "one of them")
    if request.price_series:
        (series_id,) = id_of("price_series", request.price_series, "priceSeries")
        return accepted_prices(connection, series_id)
    if len(request.prices) > PRICES_LIMIT:
        raise InvalidInput("prices", f"{len(request.prices)} items", f"at most {PRICES_LIMIT} in a message")
    return _sent(request.prices)


def _sent(prices: Sequence[pb.DatedPrice]) -> tuple[Dates, Float]:
    days = [day_of(convert.required_date(f"prices[{row}].date", one, "date")) for row, one in enumerate(prices)]
    values = [float(convert.read_decimal(f"prices[{row}].price", one.price)) for row, one in enumerate(prices)]
    return np.array(days, dtype=np.int64).astype("datetime64[D]"), np.array(values, dtype=np.float64)


def _estimated(dates: Dates, of_sale: SaleHaircut) -> pb.EstimateHaircutResponse:
    found, impact = of_sale.market, of_sale.impact
    used = found.cleaned.dates
    return pb.EstimateHaircutResponse(
        haircut=_number(of_sale.loss),
        expected_shortfall=_number(of_sale.expected_shortfall),
        path_minimum=_number(after_impact(found.path_minimum, impact)),
        path_shortfall=_number(after_impact(found.path_shortfall, impact)),
        standard_error=_number(found.standard_error),
        shortfall_error=_number(found.shortfall_error),
        daily_volatility=_number(found.daily_volatility),
        value_correction=_number(found.value_correction),
        horizon_days=found.horizon_days,
        impact=_number(impact),
        class_floor=_number(found.class_floor),
        model=found.model,
        observation_count=found.observations,
        quality_flags=_flags(int(found.flags)),
        defects=[
            pb.PriceDefect(defect=defect.name, dates=_days(dates[rows]))
            for defect, rows in found.cleaned.defects.items()
        ],
        date=_days(used[-1:])[0] if len(used) else None,
        light=found.watch.status,
        multiplier=_number(found.watch.multiplier),
    )


def _tested(found: BacktestVerdict) -> pb.BacktestHaircutResponse:
    return pb.BacktestHaircutResponse(
        window_count=found.windows,
        exceedance_count=found.exceedances,
        expected_exceedances=_number(found.expected),
        kupiec_p=_number(found.kupiec_p),
        independence_p=_number(found.independence_p),
        light=found.light,
        shortfall_z2=_number(found.shortfall_z2),
        pinball=_number(found.pinball),
        pinball_normal=_number(found.pinball_normal),
        pinball_historical=_number(found.pinball_historical),
        mean_haircut=_number(found.mean_haircut),
        without_opinion_count=found.without_opinion,
        across_breaks_count=found.across_breaks,
        better_than_normal_p=_number(found.better_than_normal_p),
    )


def _tested_class(
    found: Mapping[str, tuple[Dates, Float]], horizon_days: int, confidence: float
) -> pb.BacktestHaircutResponse:
    """The tests of a class, and of each of its series."""
    model = HaircutModel.POOLED
    records = {one: backtest_haircut(*columns, horizon_days, confidence, model) for one, columns in found.items()}
    answer = _tested(pooled_verdict(list(records.values()), confidence))
    tests = ((one, _tested(verdict(record, confidence))) for one, record in records.items())
    answer.series.extend(pb.SeriesBacktest(price_series=f"priceSeries/{one}", tests=of) for one, of in tests)
    return answer


def _stored(row: StoredEstimate) -> pb.HaircutEstimate:
    loss = row.estimate.loss
    return pb.HaircutEstimate(
        price_series=f"priceSeries/{row.series_id}" if row.series_id else "",
        base_currency_code=row.need.base_currency,
        currency_code=row.need.currency,
        confidence=convert.ratio(row.need.confidence_ppm / PPM),
        date=convert.day(row.estimate.day),
        model=row.estimate.model,
        observation_count=row.observations,
        quality_flags=_flags(row.estimate.flags),
        losses=[] if np.isnan(loss).any() else loss.tolist(),
        sequence=row.seq,
        light=row.estimate.watch.status,
        multiplier=convert.ratio(row.estimate.watch.multiplier),
        promise_count=row.estimate.watch.promises,
        exceedance_count=row.estimate.watch.exceedances,
        drift=row.estimate.watch.drift,
        drift_threshold=THRESHOLD,
        cause=row.estimate.cause,
        hidden_gap=row.estimate.hidden_gap,
    )


def _number(value: float) -> Decimal | None:
    return None if math.isnan(value) else convert.ratio(value)


def _flags(bits: int) -> list[int]:
    return convert.bits(bits, common_pb2.QualityFlag, "QUALITY_FLAG", QualityFlag)


def _days(dates: Dates) -> list[Date | None]:
    return [convert.day(day) for day in dates.astype("datetime64[D]").astype(np.int64).tolist()]
