"""The commands. Anything slow is imported inside them, so that --help answers at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, File, Limit, Server
from collateral_registry.cli.equipment.commands import app as equipment_app
from collateral_registry.cli.ip.commands import app as ip_app
from collateral_registry.cli.loans.commands import asset_app, breach_app, check_app, loan_app, pickup_app, report_app
from collateral_registry.cli.prices.commands import app as price_app
from collateral_registry.cli.stock.commands import stock_app
from collateral_registry.cli.stock.warehouse_commands import finding_app, warehouse_app

app = typer.Typer(
    name="collateral",
    help="Registers movable collateral, values it, and tells which loans it no longer covers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
import_app = typer.Typer(help="Bring CSV files to a running server.", no_args_is_help=True, rich_markup_mode=None)
sample_app = typer.Typer(
    help="The sample book: invented firms, real prices.", no_args_is_help=True, rich_markup_mode=None
)
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
app.add_typer(price_app)

Database = Annotated[str, typer.Option(help="SQLAlchemy URL; the embedded database when not given")]
BusinessDate = Annotated[str, typer.Option(help="'wall', or the first date of a new book that is advanced by hand")]


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
    from collateral_registry.cli.server.start import run_server

    raise typer.Exit(run_server(address, database, business_date, processes))


@app.command()
def migrate(database: Database = "") -> None:
    """Bring the database's schema up to date."""
    from collateral_registry.cli.server.start import run_migration

    raise typer.Exit(run_migration(database))


@app.command()
def run(
    sample: Annotated[bool, typer.Option(help="load and replay the sample book on first start")] = True,
    address: Annotated[str, typer.Option(help="host:port to listen at")] = "",
    database: Database = "",
    exit_after_replay: Annotated[bool, typer.Option(help="stop once the report is printed")] = False,
) -> None:
    """Start the service, with the sample book on first start, and print its report."""
    from collateral_registry.cli.server.start import run_with_sample

    raise typer.Exit(run_with_sample(address, database, sample=sample, stay=not exit_after_replay))


@app.command()
def value(
    asset: Annotated[str, typer.Argument(help="id of the asset")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code; the asset's own when not given")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Value one asset and show every step."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show import show_value

    with session(server) as channel:
        show_value(channel, asset, currency)


@app.command()
def watch(
    after: Annotated[int, typer.Option(min=0, help="events after this number")] = 0,
    loan: Annotated[str, typer.Option(help="id of one loan")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print breach events as they happen."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show import show_events

    with session(server) as channel:
        show_events(channel, after, loan)


@app.command()
def revalue(
    detach: Annotated[bool, typer.Option("--detach", help="start it and do not wait")] = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Revalue the whole book in a run of its own, and show how far it is."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.server.revalue import revalue as start

    with session(server) as channel:
        raise typer.Exit(start(channel, watch=not detach))


@app.command()
def runs(limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A line per revaluation of the whole book, newest first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.server.revalue import list_runs

    with session(server) as channel:
        list_runs(channel, limit)


def _import(facts: Facts) -> None:
    def command(file: File, server: Server = DEFAULT_ADDRESS) -> None:
        from collateral_registry.cli.common.client import session
        from collateral_registry.cli.importing.import_csv import import_file

        with session(server) as channel:
            raise typer.Exit(import_file(channel, facts.value, file))

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
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.importing.import_csv import store_policy

    with session(server) as channel:
        store_policy(channel, file)


@sample_app.command("load")
def sample_load(server: Server = DEFAULT_ADDRESS) -> None:
    """Load the sample book as of the end of 2021 into an empty book."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.server.sample import load

    with session(server) as channel:
        load(channel)


@sample_app.command("replay")
def sample_replay(
    first: Annotated[str, typer.Option("--from", help="first date to replay; days before it are left out")] = "",
    until: Annotated[str, typer.Option(help="last date to replay")] = "2022-12-30",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Replay the sample's days from the business date on; a replay that broke off goes on."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.server.replay import replay

    with session(server) as channel:
        typer.echo(replay(channel, until, first))


def main() -> None:
    """The ``collateral`` command."""
    app()
