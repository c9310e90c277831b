"""Defines the ``collateral`` command. Commands import their modules when they run, so that --help is fast."""

from __future__ import annotations

import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.access.connection import offer_connection
from collateral_partner.invoices.commands import Currency, Pool
from collateral_partner.options import DEFAULT_ADDRESS, MappingFile, Server, TimeZone
from collateral_registry.cli.access.commands import access_app
from collateral_registry.cli.assignments.commands import assignment_app, verification_app
from collateral_registry.cli.audit.commands import audit_app
from collateral_registry.cli.borrowing_base.commands import base_app, certificate_app
from collateral_registry.cli.breaches.commands import breach_app
from collateral_registry.cli.common.options import (
    AsOf,
    CompleteList,
    File,
    Form,
    Format,
    Layout,
    Lender,
    Limit,
    Output,
    Supplier,
    Wide,
    in_session,
)
from collateral_registry.cli.debtors.commands import debtor_app
from collateral_registry.cli.disposals.commands import disposal_app
from collateral_registry.cli.equipment.commands import app as equipment_app
from collateral_registry.cli.ip.commands import app as ip_app
from collateral_registry.cli.loans.commands import asset_app, check_app, loan_app, pickup_app
from collateral_registry.cli.pools.commands import pool_app
from collateral_registry.cli.prices.commands import app as price_app
from collateral_registry.cli.proposals.commands import proposal_app
from collateral_registry.cli.receivables.invoice_commands import invoice_app
from collateral_registry.cli.reports.commands import report_app
from collateral_registry.cli.stock.commands import stock_app
from collateral_registry.cli.stock.warehouse_commands import finding_app, warehouse_app

app = typer.Typer(
    name="collateral",
    help="Register movable collateral, value it, and report the loans it no longer covers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
import_app = typer.Typer(help="Import files into a running server.", no_args_is_help=True, rich_markup_mode=None)
sample_app = typer.Typer(help="Load and replay the sample book.", no_args_is_help=True, rich_markup_mode=None)
date_app = typer.Typer(help="Repair the business date.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(access_app, name="access")
app.add_typer(audit_app, name="audit")
app.add_typer(date_app, name="business-date")
app.add_typer(import_app, name="import")
app.add_typer(asset_app, name="asset")
app.add_typer(loan_app, name="loan")
app.add_typer(debtor_app, name="debtor")
app.add_typer(assignment_app, name="assignment")
app.add_typer(verification_app, name="verification")
app.add_typer(pool_app, name="pool")
app.add_typer(base_app, name="base")
app.add_typer(breach_app, name="breach")
app.add_typer(certificate_app, name="certificate")
app.add_typer(disposal_app, name="disposal")
app.add_typer(pickup_app, name="pickup")
app.add_typer(check_app, name="check")
app.add_typer(report_app, name="report")
app.add_typer(stock_app, name="stock")
app.add_typer(invoice_app, name="invoice")
app.add_typer(warehouse_app, name="warehouse")
app.add_typer(finding_app, name="finding")
app.add_typer(proposal_app, name="proposal")
app.add_typer(sample_app, name="sample")
app.add_typer(equipment_app, name="equipment")
app.add_typer(ip_app, name="ip")
app.add_typer(price_app)

Database = Annotated[str, typer.Option(help="SQLAlchemy URL; default: the embedded database")]
HttpAddress = Annotated[str, typer.Option(help="loopback host:port of HTTP/JSON; default: none")]
MetricsAddress = Annotated[str, typer.Option(help="host:port of metrics and health; default: none")]
BusinessDate = Annotated[
    str,
    typer.Option(
        help="'wall' to follow the clock, or the first date of a new book advanced by hand; default: as before"
    ),
]


class FileKind(StrEnum):
    """Kinds of files to import."""

    PRICES = "prices"
    FX = "fx"
    ASSETS = "assets"
    DEBTORS = "debtors"
    LIMITS = "limits"
    LOANS = "loans"
    PLEDGES = "pledges"
    SERIES = "series"


FILE_CONTENTS = {FileKind.FX: "exchange rates", FileKind.LIMITS: "limits of debtors", FileKind.SERIES: "price series"}
"""Descriptions of the kinds whose names do not describe them."""


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="print the versions and exit")] = False,
) -> None:
    """Register movable collateral, value it, and report the loans it no longer covers."""
    if version:
        from collateral_registry.cli.common.versions import print_versions

        print_versions()
        raise typer.Exit


@app.command()
def serve(
    address: Annotated[str, typer.Option(help="host:port to listen at")] = "",
    database: Database = "",
    business_date: BusinessDate = "",
    processes: Annotated[
        int, typer.Option(min=0, help="server processes sharing one port (PostgreSQL only); 0: from the settings")
    ] = 0,
    http_address: HttpAddress = "",
    metrics_address: MetricsAddress = "",
    allow_jump: Annotated[
        bool, typer.Option("--allow-jump", help="let the clock move the business date by more than ten days, once")
    ] = False,
) -> None:
    """Start a server and serve until Ctrl-C."""
    from collateral_registry.cli.server.start import run_server

    raise typer.Exit(
        run_server(address, database, business_date, processes, http_address, metrics_address, allow_jump=allow_jump)
    )


@app.command()
def health(server: Server = DEFAULT_ADDRESS) -> None:
    """Check that a server is serving: exit code 0 or 1."""
    from collateral_registry.cli.server.health import check_health

    raise typer.Exit(check_health(server))


@app.command()
def migrate(database: Database = "", lender: Lender = "") -> None:
    """Upgrade the database schema of all lenders, or of one."""
    from collateral_registry.cli.server.start import run_migration

    raise typer.Exit(run_migration(database, lender))


@app.command()
def backup(
    file: Annotated[Path | None, typer.Argument(help="file to write, which must not exist")] = None,
    to: Annotated[Path | None, typer.Option(help="folder to write to, under a name with commit and time")] = None,
    database: Database = "",
    lender: Lender = "",
) -> None:
    """Back up the book to one file, while servers use it."""
    from collateral_registry.cli.server.backup import run_backup

    raise typer.Exit(run_backup(file, to, database, lender))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="file that collateral backup has written")],
    database: Database = "",
    lender: Lender = "",
    upgrade: Annotated[bool, typer.Option("--migrate", help="upgrade the schema too, as the next start would")] = False,
    check: Annotated[bool, typer.Option("--check", help="verify the file and restore nothing")] = False,
) -> None:
    """Restore a backup into an empty database."""
    from collateral_registry.cli.server.backup import run_check, run_restore

    raise typer.Exit(run_check(file) if check else run_restore(file, database, lender, upgrade=upgrade))


@date_app.command("repair")
def repair_date(
    to: Annotated[str, typer.Option(help="business date to return to")],
    actor: Annotated[str, typer.Option(help="who repairs it")],
    reason: Annotated[str, typer.Option(help="why")],
    database: Database = "",
    lender: Lender = "",
    check: Annotated[bool, typer.Option("--check", help="print what would change, and record nothing")] = False,
) -> None:
    """Set back a business date that was set too far ahead.

    Nothing recorded before changes. Stop the server of a SQLite book first.
    """
    from collateral_registry.cli.server.start import run_repair

    raise typer.Exit(run_repair(database, lender, to, actor, reason, check=check))


@app.command()
def run(
    sample: Annotated[bool, typer.Option(help="load and replay the sample book on the first start")] = True,
    address: Annotated[str, typer.Option(help="host:port to listen at")] = "",
    database: Database = "",
    exit_after_replay: Annotated[bool, typer.Option(help="exit after printing the report")] = False,
    http_address: HttpAddress = "",
    metrics_address: MetricsAddress = "",
) -> None:
    """Start a server with the sample book and print its report.

    The sample book is loaded and replayed on the first start.
    """
    from collateral_registry.cli.server.run import run_with_sample

    stay = not exit_after_replay
    raise typer.Exit(run_with_sample(address, database, http_address, metrics_address, sample=sample, stay=stay))


@app.command()
def value(
    asset: Annotated[str, typer.Argument(help="id of the asset")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code; default: the currency of the asset")] = "",
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Value an asset and show every input and step.

    With --as-of, shows the valuation that was recorded last by then.
    """
    from collateral_registry.cli.loans.value import show_value

    in_session(server, show_value, asset, currency, as_of, Layout(form, output, wide))


@app.command()
def watch(
    after: Annotated[int, typer.Option(min=0, help="start after this event number")] = 0,
    loan: Annotated[str, typer.Option(help="only events of the loan with this id")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print breach events as they happen."""
    from collateral_registry.cli.loans.show import show_events

    in_session(server, show_events, after, loan)


@app.command()
def revalue(
    detach: Annotated[bool, typer.Option("--detach", help="start the run without waiting for it")] = False,
    accept_models: Annotated[
        bool, typer.Option("--accept-models", help="value the book by the models of this release from now on")
    ] = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Revalue the whole book and show the progress.

    `collateral preview` shows the effect first.
    """
    from collateral_registry.cli.server.revalue import revalue as start_run

    in_session(server, start_run, watch=not detach, accept_models=accept_models)


@app.command()
def preview(
    policy: Annotated[str, typer.Option(help="id of a stored policy to assume; default: the one in force")] = "",
    assets: Annotated[bool, typer.Option("--assets", help="list the changed assets instead of the loans")] = False,
    filter_: Annotated[str, typer.Option("--filter", help="only these loans, such as 'level >= MARGIN_CALL'")] = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show what a revaluation would change, and record nothing.

    Use it after an upgrade, and before a policy is activated.
    """
    from collateral_registry.cli.server.revaluation_preview import show_preview

    in_session(server, show_preview, policy, filter_, Layout(form, output, wide), assets=assets)


@app.command()
def runs(
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List revaluation runs, newest first."""
    from collateral_registry.cli.server.revalue import list_runs

    in_session(server, list_runs, limit, Layout(form, output, wide))


def _add_import_command(file_kind: FileKind) -> None:
    def command(file: File, server: Server = DEFAULT_ADDRESS) -> None:
        from collateral_registry.cli.importing.import_csv import import_file

        in_session(server, import_file, file_kind.value, file)

    command.__doc__ = (
        f"Import {FILE_CONTENTS.get(file_kind, file_kind.value)} from a CSV file.\n\n"
        "Each refused row is reported with its line; the other rows are imported."
    )
    import_app.command(file_kind.value)(command)


for _file_kind in FileKind:
    _add_import_command(_file_kind)


@import_app.command("invoices")
def import_invoices(
    path: Annotated[
        Path, typer.Argument(exists=True, readable=True, help="table, UBL invoice in XML, or folder of XML files")
    ],
    feed: Annotated[str, typer.Option("--feed", help="id of the feed to which the entries belong")],
    pool: Pool = "",
    currency: Currency = "",
    columns: MappingFile = None,
    time_zone: TimeZone = "",
    supplier: Supplier = "",
    complete: CompleteList = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Import ledger entries of invoices, or a list of open invoices.

    Each refused row is reported with its line; the other rows are imported. Entries that the book has are recognised by
    their ids. The columns certificate, bill and other_payee of a table state yes or no of an invoice.
    """
    from collateral_registry.cli.receivables.import_invoices import ImportOptions, import_invoices as import_path

    in_session(server, import_path, path, ImportOptions(pool, currency, columns, time_zone, supplier, feed, complete))


@import_app.command("policy")
def import_policy(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="JSON file of a Policy message")
    ],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Store a policy version without activating it."""
    from collateral_registry.cli.importing.import_csv import store_policy

    in_session(server, store_policy, file)


@sample_app.command("load")
def sample_load(server: Server = DEFAULT_ADDRESS) -> None:
    """Load the sample book of the end of 2021, or its missing part."""
    from collateral_registry.cli.server.sample import load

    in_session(server, load)


@sample_app.command("replay")
def sample_replay(
    first: Annotated[str, typer.Option("--from", help="first date to replay; earlier days are skipped")] = "",
    until: Annotated[str, typer.Option(help="last date to replay")] = "2022-12-30",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Replay the sample from the business date; continue one that stopped."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.server.replay import replay

    with session(server) as channel:
        typer.echo(replay(channel, until, first))


offer_connection(app)


def main() -> None:
    """Runs the ``collateral`` command.

    Characters that the terminal's encoding lacks are printed as question marks.
    """
    # Otherwise gRPC, which reads it when it is imported, writes a line of its own for every failed handshake.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
