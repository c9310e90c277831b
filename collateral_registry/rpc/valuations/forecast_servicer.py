"""Servicer of ForecastService, with the conversion of forecasts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from functools import partial

import numpy as np
from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.valuations.forecasts import (
    HORIZON_LIMIT_DAYS,
    PriceHistory,
    price_history,
    series_of_lot,
)
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.moments import market_date, read_moment
from collateral_registry.runtime.model_work.pool import ModelPool
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import forecast_pb2 as pb, forecast_pb2_grpc, haircut_pb2
from valuation._typing import Dates
from valuation.errors import InvalidInput
from valuation.forecast.selection import Trial
from valuation.forecast.value import AUTO, MODEL_NAMES, QUANTILES, NoForecast, ValueForecast, forecast

DEFAULT_HORIZON_DAYS = 60

REASONS = {
    NoForecast.SHORT_HISTORY: pb.FORECAST_UNKNOWN_REASON_SHORT_HISTORY,
    NoForecast.CONSTANT_PRICE: pb.FORECAST_UNKNOWN_REASON_CONSTANT_PRICE,
}
QUANTILE_FIELDS = tuple(f"p{100 * level:02.0f}" for level in QUANTILES)


class ForecastServicer(forecast_pb2_grpc.ForecastServiceServicer):
    """Forecasts prices."""

    def __init__(self, runner: BookRunner, models: ModelPool) -> None:
        self.runner = runner
        self.models = models

    async def ForecastPrice(
        self, request: pb.ForecastPriceRequest, context: ServicerContext
    ) -> pb.ForecastPriceResponse:
        """Forecasts the price of a series, or of the series that prices a lot."""
        read = convert.read_all(
            source=lambda: _source(request),
            horizon_days=lambda: _horizon(request.horizon_days),
            model=lambda: _model(request.model),
        )

        def work(connection: Connection) -> tuple[Moment, PriceHistory | None]:
            moment = read_moment(connection, request.as_of)
            collection, one = read["source"]
            series_id = one if collection == "priceSeries" else series_of_lot(connection, one)
            return moment, None if series_id is None else price_history(connection, series_id, moment)

        moment, known = await self.runner.read(work)
        found = pb.ForecastPriceResponse(sequence=moment.seq, market_date=market_date(moment))
        if known is not None:
            found.price_series = f"priceSeries/{known.series.series_id}"
            found.unit, found.currency_code = known.series.unit, known.series.currency
        if known is None or not (known.prices > 0.0).any():
            return _unknown(found, pb.FORECAST_UNKNOWN_REASON_NO_PRICE)
        if known.stale:
            found.date.CopyFrom(convert.day(_number(known.dates[-1])))
            return _unknown(found, pb.FORECAST_UNKNOWN_REASON_STALE_PRICE)
        work_of_model = partial(forecast, known.prices, known.dates, read["horizon_days"], model=read["model"])
        return _filled(found, await self.models.compute(work_of_model), known.dates)


def _source(request: pb.ForecastPriceRequest) -> tuple[str, str]:
    """Returns the collection and the id of the series or the lot; raises InvalidInput for both or neither."""
    if bool(request.price_series) == bool(request.asset):
        raise InvalidInput("price_series", "both or neither of price_series and asset", "one of them")
    if request.asset:
        return "assets", id_of("asset", request.asset, "assets")[0]
    return "priceSeries", id_of("price_series", request.price_series, "priceSeries")[0]


def _horizon(days: int) -> int:
    if not 0 <= days <= HORIZON_LIMIT_DAYS:
        raise InvalidInput("horizon_days", days, f"1 to {HORIZON_LIMIT_DAYS}, or 0 for {DEFAULT_HORIZON_DAYS}")
    return days or DEFAULT_HORIZON_DAYS


def _model(name: str) -> str:
    if name and name not in MODEL_NAMES:
        raise InvalidInput("model", repr(name), ", ".join(MODEL_NAMES))
    return name or AUTO


def _unknown(found: pb.ForecastPriceResponse, reason: pb.ForecastUnknownReason.ValueType) -> pb.ForecastPriceResponse:
    found.state, found.unknown_reason = pb.FORECAST_STATE_UNKNOWN, reason
    return found


def _filled(found: pb.ForecastPriceResponse, made: ValueForecast, dates: Dates) -> pb.ForecastPriceResponse:
    """Adds a forecast, or the reason why there is none."""
    found.date.CopyFrom(convert.day(_number(made.date)))
    found.price.CopyFrom(convert.decimal(Decimal(repr(made.last_price)).normalize()))
    found.observation_count = made.observations
    found.trials.extend(_trial(one) for one in made.selection.trials if one.comparison or one.origins)
    found.defects.extend(
        haircut_pb2.PriceDefect(defect=defect.name, dates=[convert.day(_number(day)) for day in dates[rows]])
        for defect, rows in made.cleaned.defects.items()
    )
    if made.missing is not None:
        return _unknown(found, REASONS[made.missing])
    found.state, found.model = pb.FORECAST_STATE_KNOWN, made.selection.model
    found.steps.extend(_steps(made))
    return found


def _steps(made: ValueForecast) -> Iterator[pb.ForecastStep]:
    days = zip(made.horizon_days.tolist(), made.dates_ahead, made.fan.T.tolist(), made.lendable.tolist(), strict=True)
    for horizon, day, quantiles, lendable in days:
        yield pb.ForecastStep(
            horizon_days=horizon,
            date=convert.day(_number(day)),
            lendable=lendable,
            **dict(zip(QUANTILE_FIELDS, quantiles, strict=True)),
        )


def _trial(one: Trial) -> pb.ForecastTrial:
    test = one.comparison
    return pb.ForecastTrial(
        model=one.model,
        origin_count=one.origins,
        mean_absolute_log_error=None if math.isnan(one.error) else one.error,
        dm_statistic=test.statistic if test else None,
        better_than_random_walk_p=test.p_value if test else None,
        failed_fit_count=one.failures,
    )


def _number(day: np.datetime64) -> int:
    return int(day.astype("datetime64[D]").astype(np.int64))
