"""Commands on files of prices, which need no server: haircuts, their backtests, and forecasts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import File

app = typer.Typer()

SeriesColumn = Annotated[str, typer.Option(help="column that names the series; without it one series")]
DateColumn = Annotated[str, typer.Option(help="column of dates")]
PriceColumn = Annotated[str, typer.Option(help="column of prices")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="processes; the results are the same for any number")]


@app.command("haircut")
def haircut_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="CSV file to write, a row per series and origin")],
    horizon_days: Annotated[int, typer.Option(min=1, max=2500, help="business days until the money is there")] = 20,
    confidence: Annotated[float, typer.Option(help="more than 0.5, less than 1")] = 0.99,
    series_column: SeriesColumn = "series",
    date_column: DateColumn = "date",
    price_column: PriceColumn = "price",
    rolling: Annotated[bool, typer.Option("--rolling", help="at origins through the past")] = False,
    start: Annotated[str, typer.Option("--from", help="first origin; else the 501st observation")] = "",
    every: Annotated[int, typer.Option(min=0, help="observations between origins; 0 means the horizon")] = 0,
    calendar: Annotated[bool, typer.Option("--calendar", help="count calendar days")] = False,
    model: Annotated[str, typer.Option(help="auto, tier1, pooled, ewma-fhs, arithmetic or tier2")] = "auto",
    quantity: Annotated[float, typer.Option(min=0.0, help="goods to sell; sets the days of the sale")] = 0.0,
    daily_volume: Annotated[float, typer.Option(help="what the market trades a day, in the same unit")] = math.inf,
    participation: Annotated[float, typer.Option(help="share of the volume to sell a day")] = 0.10,
    impact: Annotated[float, typer.Option(min=0.0, help="coefficient of the square-root law of impact")] = 1.0,
    age_days: Annotated[int, typer.Option(min=0, help="days since the price, added to the horizon")] = 0,
    cure_days: Annotated[int, typer.Option(min=0, help="days the borrower has to cure, added too")] = 0,
    enforcement_days: Annotated[int, typer.Option(min=0, help="days until the first sale, added too")] = 0,
    basis: Annotated[str, typer.Option(help="terminal, or path-minimum: a sale on the worst day")] = "terminal",
    rates: Annotated[
        Path | None, typer.Option(help="CSV file, date and price: the loan's currency for one of the price's")
    ] = None,
    proxy: Annotated[str, typer.Option(help="liquid series of the file that the others are linked to")] = "",
    learn_across: Annotated[bool, typer.Option("--learn-across", help="widen by what all series have told")] = False,
    more_columns: Annotated[bool, typer.Option("--more-columns", help="errors, worst day, impact, correction")] = False,
    workers: Workers = 1,
) -> None:
    """Estimate haircuts from a CSV file of prices; needs no server."""
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error
    from collateral_registry.cli.prices.haircut import asked, read_rates, run_haircut
    from collateral_registry.cli.prices.price_file import PriceColumns
    from valuation.haircuts.models.sale_horizon import Sale

    columns = PriceColumns(series_column, date_column, price_column)
    try:
        sale = Sale(quantity, daily_volume, age_days, cure_days, enforcement_days, participation, impact)
        wanted = asked(
            horizon_days,
            confidence,
            model,
            start,
            every,
            rolling=rolling,
            calendar=calendar,
            sale=sale,
            basis=basis,
            rates=read_rates(rates),
            proxy=proxy,
            more_columns=more_columns,
            learn_across=learn_across,
        )
    except (ValueError, OSError) as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    raise typer.Exit(run_haircut(prices, output, columns, wanted, workers))


@app.command("backtest")
def backtest_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="folder to write tests.csv, models.csv, windows.csv and pictures to")],
    horizon_days: Annotated[str, typer.Option(help="business days, separated by commas")] = "10,20,60",
    confidence: Annotated[float, typer.Option(help="more than 0.5, less than 1")] = 0.99,
    series_column: SeriesColumn = "series",
    date_column: DateColumn = "date",
    price_column: PriceColumn = "price",
    model: Annotated[str, typer.Option(help="auto, tier1, pooled, ewma-fhs or tier2")] = "auto",
    compare: Annotated[str, typer.Option(help="further models on the same windows, separated by commas")] = "",
    workers: Workers = 1,
) -> None:
    """Test haircuts against the past of a CSV file of prices; needs no server."""
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error
    from collateral_registry.cli.prices.backtest import asked, run_backtest
    from collateral_registry.cli.prices.price_file import PriceColumns

    try:
        wanted = asked(horizon_days, confidence, model, compare)
    except ValueError as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    columns = PriceColumns(series_column, date_column, price_column)
    raise typer.Exit(run_backtest(prices, output, columns, wanted, workers))


@app.command("forecast")
def forecast_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="folder to write forecast.csv, selection.csv and pictures to")],
    horizon_days: Annotated[int, typer.Option(min=1, max=250, help="business days ahead")] = 60,
    series_column: SeriesColumn = "series",
    date_column: DateColumn = "date",
    price_column: PriceColumn = "price",
    workers: Workers = 1,
) -> None:
    """Forecast prices from a CSV file of them; needs no server."""
    from collateral_registry.cli.prices.forecast import run_forecast
    from collateral_registry.cli.prices.price_file import PriceColumns

    columns = PriceColumns(series_column, date_column, price_column)
    raise typer.Exit(run_forecast(prices, output, columns, horizon_days, workers))
