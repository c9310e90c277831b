"""Shows the forecast of a registered series, which the server computes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import grpc
from google.type.date_pb2 import Date

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_error, print_line
from collateral_registry.cli.common.formatting import date_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.result_files import write_rows
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Table
from collateral_registry.cli.prices.forecast import FORECAST_COLUMNS, SELECTION_COLUMNS
from collateral_registry.v1 import forecast_pb2 as pb, forecast_pb2_grpc, report_pb2

QUANTILES = FORECAST_COLUMNS[5:-1]
OUTER = {"p05": Importance.KEY, "p50": Importance.KEY, "p95": Importance.KEY, "p25": Importance.USUAL}

TABLE = Table(
    "steps",
    (
        Column("target_date", Kind.DATE, "date"),
        Column("horizon_days", Kind.COUNT, "days", Importance.HIGH),
        *(Column(name, Kind.NUMBER, importance=OUTER.get(name, Importance.LOW)) for name in QUANTILES),
        Column("lendable", Kind.NUMBER),
    ),
)

WHOLE_FROM, WHOLE_DECIMALS, SMALL_DECIMALS = 1.0, 4, 9
"""Decimals of prices from 1, and of smaller ones."""


def show_forecast(
    channel: grpc.Channel, series: str, horizon_days: int, as_of: str, folder: Path | None, layout: Layout
) -> int:
    """Prints the forecast of a series, or writes forecast.csv and selection.csv to a folder; returns the exit code."""
    moment = report_pb2.AsOf(market_date=date_message("--as-of", as_of)) if as_of else None
    request = pb.ForecastPriceRequest(price_series=f"priceSeries/{series}", horizon_days=horizon_days, as_of=moment)
    found = forecast_pb2_grpc.ForecastServiceStub(channel).ForecastPrice(request)
    if found.state != pb.FORECAST_STATE_KNOWN:
        reason = pb.ForecastUnknownReason.Name(found.unknown_reason).removeprefix("FORECAST_UNKNOWN_REASON_")
        print_error(f"{series}: no forecast [{reason}]")
        return EXIT_SOME_REFUSED
    if folder is None:
        show_table(TABLE, ListedRows(map(_row, found.steps)), layout, _title(series, found))
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "forecast.csv", FORECAST_COLUMNS, list(_steps(series, found)))
    write_rows(folder / "selection.csv", SELECTION_COLUMNS, list(_trials(series, found)))
    print_line(f"wrote forecast.csv and selection.csv to {folder}", to_stderr=True)
    return 0


def _title(series: str, found: pb.ForecastPriceResponse) -> str:
    price = f"{Decimal(found.price.value):,} {found.currency_code}/{found.unit} on {_day(found.date)}"
    return f"{series}: {price}, model {found.model}, {found.observation_count} prices"


def _row(step: pb.ForecastStep) -> list[Decimal | int | date]:
    numbers = [_number(getattr(step, name)) for name in (*QUANTILES, "lendable")]
    return [_day(step.date), step.horizon_days, *numbers]


def _number(price: float) -> Decimal:
    return Decimal(repr(round(price, WHOLE_DECIMALS if abs(price) >= WHOLE_FROM else SMALL_DECIMALS)))


def _day(day: Date) -> date:
    return date(day.year, day.month, day.day)


def _steps(series: str, found: pb.ForecastPriceResponse) -> Iterator[tuple[object, ...]]:
    for step in found.steps:
        start = (series, _day(found.date), step.horizon_days, _day(step.date), found.model)
        yield (*start, *(getattr(step, name) for name in QUANTILES), step.lendable)


def _trials(series: str, found: pb.ForecastPriceResponse) -> Iterator[tuple[object, ...]]:
    numbers = ("mean_absolute_log_error", "dm_statistic", "better_than_random_walk_p")
    for one in found.trials:
        tests = (getattr(one, name) if one.HasField(name) else None for name in numbers)
        yield (series, one.model, int(one.model == found.model), one.origin_count, *tests, one.failed_fit_count)
