"""Commands for price files that need no server: haircuts, backtests and forecasts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import File, Form, Format, Layout, Wide, in_session

app = typer.Typer(rich_markup_mode=None)

OptionalFile = Annotated[
    Path | None, typer.Argument(exists=True, dir_okay=False, readable=True, help="file: CSV, xlsx or parquet")
]
SeriesColumn = Annotated[str, typer.Option(help="column of series names; without it the file is one series")]
DateColumn = Annotated[str, typer.Option(help="column of dates")]
PriceColumn = Annotated[str, typer.Option(help="column of prices")]
HorizonDays = Annotated[int, typer.Option(min=1, max=2500, help="business days until the proceeds are received")]
Quantity = Annotated[float, typer.Option(min=0.0, help="quantity to sell, which determines the days of the sale")]
Rates = Annotated[
    Path | None,
    typer.Option(help="CSV file of date and price: units of the loan currency per unit of the price currency"),
]
LearnAcross = Annotated[bool, typer.Option("--learn-across", help="widen haircuts by the experience of all series")]
MoreColumns = Annotated[bool, typer.Option("--more-columns", help="add errors, worst day, impact and correction")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="number of processes; does not affect the results")]


@app.command("haircut")
def haircut_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="CSV file to write, one row per series and origin")],
    horizon_days: HorizonDays = 20,
    confidence: Annotated[float, typer.Option(help="confidence level, more than 0.5 and less than 1")] = 0.99,
    series_column: SeriesColumn = "series",
    date_column: DateColumn = "date",
    price_column: PriceColumn = "price",
    rolling: Annotated[bool, typer.Option("--rolling", help="estimate at origins through the past")] = False,
    start: Annotated[str, typer.Option("--from", help="first origin; default: the 501st observation")] = "",
    every: Annotated[int, typer.Option(min=0, help="observations between origins; 0 for the horizon")] = 0,
    calendar: Annotated[bool, typer.Option("--calendar", help="count the horizon in calendar days")] = False,
    model: Annotated[str, typer.Option(help="auto, tier1, pooled, ewma-fhs, arithmetic or tier2")] = "auto",
    quantity: Quantity = 0.0,
    daily_volume: Annotated[float, typer.Option(help="daily market volume in the unit of the quantity")] = math.inf,
    participation: Annotated[float, typer.Option(help="share of the daily volume to sell")] = 0.10,
    impact: Annotated[float, typer.Option(min=0.0, help="coefficient of the square-root law of price impact")] = 1.0,
    age_days: Annotated[int, typer.Option(min=0, help="age of the price in days, added to the horizon")] = 0,
    cure_days: Annotated[int, typer.Option(min=0, help="days the borrower has to cure, added to the horizon")] = 0,
    enforcement_days: Annotated[int, typer.Option(min=0, help="days until the first sale, added to the horizon")] = 0,
    basis: Annotated[str, typer.Option(help="terminal, or path-minimum for a sale on the worst day")] = "terminal",
    rates: Rates = None,
    proxy: Annotated[str, typer.Option(help="liquid series in the file to link the others to")] = "",
    learn_across: LearnAcross = False,
    more_columns: MoreColumns = False,
    workers: Workers = 1,
) -> None:
    """Estimate haircuts from a price file; no server needed."""
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error
    from collateral_registry.cli.prices import haircut
    from valuation.haircuts.models.sale_horizon import Sale
    from valuation.notebook.price_input import PriceColumns

    columns = PriceColumns(series_column, date_column, price_column)
    try:
        sale = Sale(quantity, daily_volume, age_days, cure_days, enforcement_days, participation, impact)
        dated = haircut.read_rates(rates)
        request = haircut.HaircutRequest(
            horizon_days=horizon_days,
            confidence=confidence,
            model=haircut.requested_model(model, proxy, dated),
            rolling=rolling,
            start=haircut.first_origin(start),
            every=every or horizon_days,
            calendar=calendar,
            sale=sale,
            basis=basis,
            rates=dated,
            proxy=proxy,
            more_columns=more_columns,
            learn_across=learn_across,
        )
    except (ValueError, OSError) as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    raise typer.Exit(haircut.run_haircut(prices, output, columns, request, workers))


@app.command("backtest")
def backtest_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="folder for tests.csv, models.csv, windows.csv and charts")],
    horizon_days: Annotated[str, typer.Option(help="horizons in business days, separated by commas")] = "10,20,60",
    confidence: Annotated[float, typer.Option(help="confidence level, more than 0.5 and less than 1")] = 0.99,
    series_column: SeriesColumn = "series",
    date_column: DateColumn = "date",
    price_column: PriceColumn = "price",
    model: Annotated[str, typer.Option(help="auto, tier1, pooled, ewma-fhs or tier2")] = "auto",
    compare: Annotated[str, typer.Option(help="other models to test on the same windows, separated by commas")] = "",
    workers: Workers = 1,
) -> None:
    """Backtest haircuts on a price file; no server needed."""
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error
    from collateral_registry.cli.prices.backtest import backtest_request, run_backtest
    from valuation.notebook.price_input import PriceColumns

    try:
        request = backtest_request(horizon_days, confidence, model, compare)
    except ValueError as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    columns = PriceColumns(series_column, date_column, price_column)
    raise typer.Exit(run_backtest(prices, output, columns, request, workers))


@app.command("forecast")
def forecast_command(
    prices: OptionalFile = None,
    output: Annotated[Path | None, typer.Option(help="folder for forecast.csv, selection.csv and charts")] = None,
    horizon_days: Annotated[int, typer.Option(min=1, max=250, help="business days ahead")] = 60,
    series: Annotated[str, typer.Option(help="registered series to forecast on the server, instead of a file")] = "",
    as_of: Annotated[str, typer.Option(help="business date from which to forecast; only with --series")] = "",
    series_column: SeriesColumn = "series",
    date_column: DateColumn = "date",
    price_column: PriceColumn = "price",
    workers: Workers = 1,
    form: Form = Format.TABLE,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Forecast prices from a file, or of a series on the server."""
    if series:
        from collateral_registry.cli.prices.forecast_series import show_forecast

        if prices is not None:
            raise _usage("PRICES: got a file and --series, want one of them")
        in_session(server, show_forecast, series, horizon_days, as_of, output, Layout(form, None, wide))
        return
    from collateral_registry.cli.prices.forecast import run_forecast
    from valuation.notebook.price_input import PriceColumns

    if prices is None or output is None:
        raise _usage("PRICES and --output: got one or none, want both, or --series and the name of a series")
    if as_of:
        raise _usage("--as-of: got a file, want --series; a file is forecast from its newest price")
    columns = PriceColumns(series_column, date_column, price_column)
    raise typer.Exit(run_forecast(prices, output, columns, horizon_days, workers))


def _usage(message: str) -> typer.Exit:
    """Prints an error about the options; returns the exit with its code."""
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error

    print_error(message)
    return typer.Exit(EXIT_USAGE)
