"""The command ``collateral-partner``; the service has its commands as well, as ``collateral stock``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec

import typer

from collateral_partner.access.connection import current_connection, offer_connection
from collateral_partner.invoices.commands import invoices_app
from collateral_partner.options import (
    DEFAULT_ADDRESS,
    Check,
    Complete,
    CountMethod,
    CountTime,
    Document,
    File,
    MappingFile,
    Method,
    OutboxFile,
    Patience,
    Rows,
    Server,
    Source,
    TimeZone,
    Warehouse,
)

if TYPE_CHECKING:
    from collateral_partner.feed_mapping import FeedMapping

P = ParamSpec("P")

app = typer.Typer(
    help="Report stock or invoices to a collateral registry.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(invoices_app, name="invoices")


@app.command("push")
def push(
    file: File,
    source: Source,
    columns: MappingFile = None,
    time_zone: TimeZone = "",
    check: Check = False,
    rows: Rows = 20,
    outbox: OutboxFile = None,
    patience: Patience = 30.0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Push stock movements from a file.

    Movements still pending from earlier pushes are sent first. Rejected movements are reported.
    """
    from collateral_partner.pushing import PushOptions, check_file, push_file

    mapping = read_columns(columns, time_zone)
    if check:
        _run(check_file, file, mapping, source, outbox, rows)
    options = PushOptions(server, current_connection(), patience)
    _run(push_file, file, mapping, source, outbox, options)


@app.command("backlog")
def backlog(source: Source, outbox: OutboxFile = None) -> None:
    """Show pending and rejected movements of an outbox."""
    from collateral_partner.pushing import show_backlog

    _run(show_backlog, source, outbox)


@app.command("rejected")
def rejected(source: Source, outbox: OutboxFile = None) -> None:
    """Show the movements that the server rejected, and why."""
    from collateral_partner.pushing import show_rejected

    _run(show_rejected, source, outbox)


@app.command("renumber")
def renumber(source: Source, outbox: OutboxFile = None) -> None:
    """Prepare an outbox for a new or restored book.

    Pending movements are kept and get new numbers at the next push. Nothing is sent.
    """
    from collateral_partner.pushing import renumber as renumber_outbox

    _run(renumber_outbox, source, outbox)


@app.command("count")
def count(
    file: File,
    source: Source,
    warehouse: Warehouse,
    columns: MappingFile = None,
    time_zone: TimeZone = "",
    time: CountTime = "",
    method: Method = CountMethod.PHYSICAL_COUNT,
    complete: Complete = False,
    document: Document = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Compare a stock count or daily list with the book.

    The file has the columns lot, good, unit and quantity. Differences are reported with exit code 1.
    """
    from collateral_partner.counting import CountDetails, send_count

    details = CountDetails(warehouse, time, method.value, complete, document, read_columns(columns, time_zone))
    _run(send_count, file, details, source, server, current_connection())


@app.command("sample")
def sample(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="folder to write to; created if it is missing")],
) -> None:
    """Write a sample file of movements and its mapping."""
    from collateral_partner.sample import write_samples

    _run(write_samples, folder)


def read_columns(columns: Path | None, time_zone: str) -> FeedMapping:
    """Reads a mapping, or returns that of standard files; an invalid one ends the command with a message."""
    from collateral_partner.feed_mapping import STANDARD, read_mapping
    from collateral_partner.terminal import EXIT_USAGE, print_error

    try:
        return (read_mapping(columns) if columns else STANDARD).in_zone(time_zone)
    except ValueError as error:
        print_error(f"{columns.name}: {error}" if columns else str(error))
        raise typer.Exit(EXIT_USAGE) from None


def _run(call: Callable[P, int], *arguments: P.args, **options: P.kwargs) -> NoReturn:
    """Ends the command with the exit code of a function."""
    from collateral_partner.terminal import exit_code_of

    raise typer.Exit(exit_code_of(call, *arguments, **options))


offer_connection(app)


def main() -> None:
    """Runs the command."""
    app()
