"""The commands. Anything slow is imported inside them, so that --help answers at once."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.equipment import app as equipment_app
from collateral_registry.cli.ip import app as ip_app
from collateral_registry.cli.options import DEFAULT_ADDRESS, File, Filter, Limit, Server
from collateral_registry.cli.stock import stock_app
from collateral_registry.cli.warehouse import finding_app, warehouse_app

app = typer.Typer(
    name="collateral",
    help="Registers movable collateral, values it, and tells which loans it no longer covers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
import_app = typer.Typer(help="Bring CSV files to a running server.", no_args_is_help=True, rich_markup_mode=None)
report_app = typer.Typer(help="Read reports from a running server.", no_args_is_help=True, rich_markup_mode=None)
sample_app = typer.Typer(
    help="The sample book: invented firms, real prices.", no_args_is_help=True, rich_markup_mode=None
)
asset_app = typer.Typer(help="Look at assets.", no_args_is_help=True, rich_markup_mode=None)
loan_app = typer.Typer(help="Look at loans.", no_args_is_help=True, rich_markup_mode=None)
breach_app = typer.Typer(help="Look at breaches and acknowledge them.", no_args_is_help=True, rich_markup_mode=None)
pickup_app = typer.Typer(help="Goods that may leave a pledged lot.", no_args_is_help=True, rich_markup_mode=None)
check_app = typer.Typer(help="Look for things pledged twice.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(import_app, name="import")
app.add_typer(asset_app, name="asset")
app.add_typer(loan_app, name="loan")
app.add_typer(breach_app, name="breach")
app.add_typer(pickup_app, name="pickup")
app.add_typer(check_app, name="check")
app.add_typer(report_app, name="report")
app.add_typer(stock_app, name="stock")
app.add_typer(warehouse_app, name="warehouse")
app.add_typer(finding_app, name="finding")
app.add_typer(sample_app, name="sample")
app.add_typer(equipment_app, name="equipment")
app.add_typer(ip_app, name="ip")


Database = Annotated[str, typer.Option(help="SQLAlchemy URL; the embedded database when not given")]
BusinessDate = Annotated[str, typer.Option(help="'wall', or the first date of a new book that is advanced by hand")]
AsOf = Annotated[str, typer.Option(help="commit number, time (2022-07-01T12:00:00Z) or business date (2022-07-01)")]
LoanId = Annotated[str, typer.Argument(help="id of the loan")]
AssetId = Annotated[str, typer.Argument(help="id of the lot")]
Quantity = Annotated[str, typer.Argument(help="how much, in the lot's unit")]
BreachName = Annotated[str, typer.Argument(help="loan and number, such as loan-1/1")]


Workers = Annotated[int, typer.Option(min=1, max=256, help="processes; the results are the same for any number")]


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class LtvFormat(StrEnum):
    """How the loan-to-value report is printed, or written to a file."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"
    PARQUET = "parquet"


class Facts(StrEnum):
    """What a CSV file holds."""

    PRICES = "prices"
    FX = "fx"
    ASSETS = "assets"
    LOANS = "loans"
    PLEDGES = "pledges"
    SERIES = "series"


@app.command()
def serve(
    address: Annotated[str, typer.Option(help="host:port to listen at")] = "",
    database: Database = "",
    business_date: BusinessDate = "",
    processes: Annotated[int, typer.Option(min=0, help="server processes on one port, on PostgreSQL; 0: as set")] = 0,
) -> None:
    """Serve until Ctrl-C."""
    from collateral_registry.cli.start import run_server

    raise typer.Exit(run_server(address, database, business_date, processes))


@app.command()
def migrate(database: Database = "") -> None:
    """Bring the database's schema up to date."""
    from collateral_registry.cli.start import run_migration

    raise typer.Exit(run_migration(database))


@app.command()
def run(
    sample: Annotated[bool, typer.Option(help="load and replay the sample book on first start")] = True,  # noqa: FBT002
    address: Annotated[str, typer.Option(help="host:port to listen at")] = "",
    database: Database = "",
    exit_after_replay: Annotated[bool, typer.Option(help="stop once the report is printed")] = False,  # noqa: FBT002
) -> None:
    """Start the service, with the sample book on first start, and print its report."""
    from collateral_registry.cli.start import run_with_sample

    raise typer.Exit(run_with_sample(address, database, sample=sample, stay=not exit_after_replay))


@app.command()
def value(
    asset: Annotated[str, typer.Argument(help="id of the asset")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code; the asset's own when not given")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Value one asset and show every step."""
    from collateral_registry.cli.session import session
    from collateral_registry.cli.show import show_value

    with session(server) as channel:
        show_value(channel, asset, currency)


@app.command()
def watch(
    after: Annotated[int, typer.Option(min=0, help="events after this number")] = 0,
    loan: Annotated[str, typer.Option(help="id of one loan")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print breach events as they happen."""
    from collateral_registry.cli.session import session
    from collateral_registry.cli.show import show_events

    with session(server) as channel:
        show_events(channel, after, loan)


@app.command()
def revalue(
    detach: Annotated[bool, typer.Option("--detach", help="start it and do not wait")] = False,  # noqa: FBT002
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Revalue the whole book in a run of its own, and show how far it is."""
    from collateral_registry.cli.revalue import revalue as start
    from collateral_registry.cli.session import session

    with session(server) as channel:
        raise typer.Exit(start(channel, watch=not detach))


@app.command()
def runs(limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A line per revaluation of the whole book, newest first."""
    from collateral_registry.cli.revalue import list_runs
    from collateral_registry.cli.session import session

    with session(server) as channel:
        list_runs(channel, limit)


@report_app.command("ltv")
def report_ltv(
    as_of: AsOf = "",
    form: Annotated[LtvFormat, typer.Option("--format")] = LtvFormat.TABLE,
    filter_: Filter = "",
    order_by: Annotated[str, typer.Option(help="ltv desc, ltv, loan, exposure desc or level desc")] = "",
    limit: Limit = 0,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="file for every row: arrow, parquet, csv")] = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """A row per loan, worst first."""
    from collateral_registry.cli.report import check_output, print_ltv_report
    from collateral_registry.cli.session import session

    with session(server) as channel:
        check_output(form.value, limit, output)
        if output is None:
            print_ltv_report(channel, as_of, filter_, order_by, form.value, limit)
        else:
            from collateral_registry.cli.report_file import save_ltv_report

            save_ltv_report(channel, as_of, filter_, order_by, form.value, output)


@report_app.command("breaches")
def report_breaches(
    as_of: AsOf = "",
    output: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    filter_: Filter = "",
    limit: Limit = 0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """A row per breach, newest first."""
    from collateral_registry.cli.report import print_breach_report
    from collateral_registry.cli.session import session

    with session(server) as channel:
        print_breach_report(channel, as_of, filter_, output.value, limit)


def _import(facts: Facts) -> None:
    def command(file: File, server: Server = DEFAULT_ADDRESS) -> None:
        from collateral_registry.cli.bring import bring_file
        from collateral_registry.cli.session import session

        with session(server) as channel:
            raise typer.Exit(bring_file(channel, facts.value, file))

    command.__doc__ = f"Bring {facts.value} from a CSV file; rows that are refused are named, the others go in."
    import_app.command(facts.value)(command)


for _facts in Facts:
    _import(_facts)


@import_app.command("policy")
def import_policy(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="JSON of a Policy message")],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Store a version of the policy; it changes nothing until it is activated."""
    from collateral_registry.cli.bring import bring_policy
    from collateral_registry.cli.session import session

    with session(server) as channel:
        bring_policy(channel, file)


@asset_app.command("show")
def asset_show(asset: Annotated[str, typer.Argument(help="id of the asset")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print an asset as JSON."""
    from collateral_registry.cli.look import show_asset
    from collateral_registry.cli.session import session

    with session(server) as channel:
        show_asset(channel, asset)


@asset_app.command("list")
def asset_list(filter_: Filter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per asset."""
    from collateral_registry.cli.look import list_assets
    from collateral_registry.cli.session import session

    with session(server) as channel:
        list_assets(channel, filter_, limit)


@loan_app.command("show")
def loan_show(loan: Annotated[str, typer.Argument(help="id of the loan")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print a loan with its cover as JSON."""
    from collateral_registry.cli.look import show_loan
    from collateral_registry.cli.session import session

    with session(server) as channel:
        show_loan(channel, loan)


@loan_app.command("list")
def loan_list(filter_: Filter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per loan with its level."""
    from collateral_registry.cli.look import list_loans
    from collateral_registry.cli.session import session

    with session(server) as channel:
        list_loans(channel, filter_, limit)


@loan_app.command("floor")
def loan_floor(loan: Annotated[str, typer.Argument(help="id of the loan")], server: Server = DEFAULT_ADDRESS) -> None:
    """The least value that must stay under control, and what stands above it."""
    from collateral_registry.cli.goods import show_controlled_value
    from collateral_registry.cli.session import session

    with session(server) as channel:
        show_controlled_value(channel, loan)


@pickup_app.command("check")
def pickup_check(loan: LoanId, asset: AssetId, quantity: Quantity, server: Server = DEFAULT_ADDRESS) -> None:
    """Whether goods may leave: all of them, the largest part that may, or the cash that would free them."""
    from collateral_registry.cli.goods import check_pickup
    from collateral_registry.cli.session import session

    with session(server) as channel:
        raise typer.Exit(check_pickup(channel, loan, asset, quantity))


@pickup_app.command("request")
def pickup_request(
    loan: LoanId,
    asset: AssetId,
    quantity: Quantity,
    expire: Annotated[str, typer.Option(help="last day on which they may leave; else five days on")] = "",
    note: Annotated[str, typer.Option(help="what is said with it, such as who comes")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Authorise a pick-up; from then on the goods no longer count."""
    from collateral_registry.cli.goods import request_pickup
    from collateral_registry.cli.session import session

    with session(server) as channel:
        request_pickup(channel, loan, asset, quantity, expire, note)


@pickup_app.command("cancel")
def pickup_cancel(
    pickup: Annotated[str, typer.Argument(help="loans/{loan}/pickups/{pickup}")], server: Server = DEFAULT_ADDRESS
) -> None:
    """Take an authorisation back."""
    from collateral_registry.cli.goods import cancel_pickup
    from collateral_registry.cli.session import session

    with session(server) as channel:
        cancel_pickup(channel, pickup)


@pickup_app.command("list")
def pickup_list(
    loan: Annotated[str, typer.Option(help="id of one loan")] = "",
    filter_: Filter = "",
    limit: Limit = 0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """A row per authorisation."""
    from collateral_registry.cli.goods import list_pickups
    from collateral_registry.cli.session import session

    with session(server) as channel:
        list_pickups(channel, loan, filter_, limit)


@check_app.command("book")
def check_book_command(server: Server = DEFAULT_ADDRESS) -> None:
    """Look over the whole book for numbers that come twice and goods claimed beyond what is there."""
    from collateral_registry.cli.goods import check_book
    from collateral_registry.cli.session import session

    with session(server) as channel:
        raise typer.Exit(check_book(channel))


@check_app.command("confirm")
def check_confirm(
    finding: Annotated[str, typer.Argument(help="number of the finding")],
    actor: Annotated[str, typer.Option(help="who says so")],
    note: Annotated[str, typer.Option(help="what proves it")],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Take a double pledge for proved: its asset is worth nothing from now on."""
    from collateral_registry.cli.goods import confirm_finding
    from collateral_registry.cli.session import session

    with session(server) as channel:
        confirm_finding(channel, finding, actor, note)


@breach_app.command("show")
def breach_show(breach: BreachName, server: Server = DEFAULT_ADDRESS) -> None:
    """A breach with everything that happened."""
    from collateral_registry.cli.look import show_breach
    from collateral_registry.cli.session import session

    with session(server) as channel:
        show_breach(channel, breach)


@breach_app.command("ack")
def breach_ack(
    breach: BreachName,
    actor: Annotated[str, typer.Option(help="who has seen it")],
    note: Annotated[str, typer.Option(help="what they say")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record that somebody has seen a breach."""
    from collateral_registry.cli.look import acknowledge_breach
    from collateral_registry.cli.session import session

    with session(server) as channel:
        acknowledge_breach(channel, breach, actor, note)


@sample_app.command("load")
def sample_load(server: Server = DEFAULT_ADDRESS) -> None:
    """Load the sample book as of the end of 2021 into an empty book."""
    from collateral_registry.cli.sample import load
    from collateral_registry.cli.session import session

    with session(server) as channel:
        load(channel)


@sample_app.command("replay")
def sample_replay(
    first: Annotated[str, typer.Option("--from", help="first date to replay; days before it are left out")] = "",
    until: Annotated[str, typer.Option(help="last date to replay")] = "2022-12-30",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Replay the sample's days from the business date on; a replay that broke off goes on."""
    from collateral_registry.cli.replay import replay
    from collateral_registry.cli.session import session

    with session(server) as channel:
        typer.echo(replay(channel, until, first))


@app.command("haircut")
def haircut_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="CSV file to write, a row per series and origin")],
    horizon_days: Annotated[int, typer.Option(min=1, max=2500, help="business days until the money is there")] = 20,
    confidence: Annotated[float, typer.Option(help="more than 0.5, less than 1")] = 0.99,
    series_column: Annotated[str, typer.Option(help="column that names the series; without it one series")] = "series",
    date_column: Annotated[str, typer.Option(help="column of dates")] = "date",
    price_column: Annotated[str, typer.Option(help="column of prices")] = "price",
    rolling: Annotated[bool, typer.Option("--rolling", help="at origins through the past")] = False,  # noqa: FBT002
    start: Annotated[str, typer.Option("--from", help="first origin; else the 501st observation")] = "",
    every: Annotated[int, typer.Option(min=0, help="observations between origins; 0 means the horizon")] = 0,
    calendar: Annotated[bool, typer.Option("--calendar", help="count calendar days")] = False,  # noqa: FBT002
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
    learn_across: Annotated[bool, typer.Option("--learn-across", help="widen by what all series have told")] = False,  # noqa: FBT002
    more_columns: Annotated[bool, typer.Option("--more-columns", help="errors, worst day, impact, correction")] = False,  # noqa: FBT002
    workers: Workers = 1,
) -> None:
    """Estimate haircuts from a CSV file of prices; needs no server."""
    from collateral_registry.cli.haircut import asked, read_rates, run_haircut
    from collateral_registry.cli.price_file import PriceColumns
    from collateral_registry.cli.session import EXIT_USAGE, say
    from valuation.prices.sale import Sale

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
        say(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    raise typer.Exit(run_haircut(prices, output, columns, wanted, workers))


@app.command("backtest")
def backtest_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="folder to write tests.csv, models.csv, windows.csv and pictures to")],
    horizon_days: Annotated[str, typer.Option(help="business days, separated by commas")] = "10,20,60",
    confidence: Annotated[float, typer.Option(help="more than 0.5, less than 1")] = 0.99,
    series_column: Annotated[str, typer.Option(help="column that names the series; without it one series")] = "series",
    date_column: Annotated[str, typer.Option(help="column of dates")] = "date",
    price_column: Annotated[str, typer.Option(help="column of prices")] = "price",
    model: Annotated[str, typer.Option(help="auto, tier1, pooled, ewma-fhs or tier2")] = "auto",
    compare: Annotated[str, typer.Option(help="further models on the same windows, separated by commas")] = "",
    workers: Workers = 1,
) -> None:
    """Test haircuts against the past of a CSV file of prices; needs no server."""
    from collateral_registry.cli.backtest import asked, run_backtest
    from collateral_registry.cli.price_file import PriceColumns
    from collateral_registry.cli.session import EXIT_USAGE, say

    try:
        wanted = asked(horizon_days, confidence, model, compare)
    except ValueError as error:
        say(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    columns = PriceColumns(series_column, date_column, price_column)
    raise typer.Exit(run_backtest(prices, output, columns, wanted, workers))


@app.command("forecast")
def forecast_command(
    prices: File,
    output: Annotated[Path, typer.Option(help="folder to write forecast.csv, selection.csv and pictures to")],
    horizon_days: Annotated[int, typer.Option(min=1, max=250, help="business days ahead")] = 60,
    series_column: Annotated[str, typer.Option(help="column that names the series; without it one series")] = "series",
    date_column: Annotated[str, typer.Option(help="column of dates")] = "date",
    price_column: Annotated[str, typer.Option(help="column of prices")] = "price",
    workers: Workers = 1,
) -> None:
    """Forecast prices from a CSV file of them; needs no server."""
    from collateral_registry.cli.forecast import run_forecast
    from collateral_registry.cli.price_file import PriceColumns

    columns = PriceColumns(series_column, date_column, price_column)
    raise typer.Exit(run_forecast(prices, output, columns, horizon_days, workers))


def main() -> None:
    """The ``collateral`` command."""
    app()
