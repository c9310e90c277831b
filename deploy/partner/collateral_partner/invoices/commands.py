"""Commands that push invoices; the service has them as well, as ``collateral invoice``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from collateral_partner.access.connection import current_connection
from collateral_partner.options import (
    DEFAULT_ADDRESS,
    MappingFile,
    OutboxFile,
    Patience,
    Server,
    Source,
    TimeZone,
)

EntryFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="file of ledger entries: CSV")
]
Pool = Annotated[str, typer.Option("--pool", help="id of the pool of rows that state none")]
Currency = Annotated[str, typer.Option("--currency", help="currency of rows that state none, such as USD")]

invoices_app = typer.Typer(help="Push entries of invoice ledgers.", no_args_is_help=True, rich_markup_mode=None)


@invoices_app.command("push")
def push(
    file: EntryFile,
    source: Source,
    pool: Pool = "",
    currency: Currency = "",
    columns: MappingFile = None,
    time_zone: TimeZone = "",
    outbox: OutboxFile = None,
    patience: Patience = 30.0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Push ledger entries from a file.

    Entries still pending from earlier pushes are sent first. Rejected entries are reported. The columns certificate,
    bill and other_payee state yes or no of an invoice.
    """
    from collateral_partner.invoices.entries import INVOICES
    from collateral_partner.invoices.entry_files import read_entry_file, read_entry_mapping
    from collateral_partner.pushing import PushOptions, push_rows

    options = PushOptions(server, current_connection(), patience)

    def work() -> int:
        mapping = read_entry_mapping(columns, time_zone, pool=pool, currency=currency)
        rows = read_entry_file(file, mapping)
        return push_rows(rows, mapping.label("entry"), file.name, source, outbox, options, INVOICES)

    _run(work)


@invoices_app.command("backlog")
def backlog(source: Source, outbox: OutboxFile = None) -> None:
    """Show pending and rejected entries of an outbox."""
    from collateral_partner.invoices.entries import INVOICES
    from collateral_partner.pushing import show_backlog

    _run(lambda: show_backlog(source, outbox, INVOICES))


@invoices_app.command("rejected")
def rejected(source: Source, outbox: OutboxFile = None) -> None:
    """Show the entries that the server rejected, and why."""
    from collateral_partner.invoices.entries import INVOICES
    from collateral_partner.pushing import show_rejected

    _run(lambda: show_rejected(source, outbox, INVOICES))


@invoices_app.command("renumber")
def renumber(source: Source, outbox: OutboxFile = None) -> None:
    """Prepare an outbox for a new or restored book.

    Pending entries are kept and get new numbers at the next push. Nothing is sent.
    """
    from collateral_partner.invoices.entries import INVOICES
    from collateral_partner.pushing import renumber as renumber_outbox

    _run(lambda: renumber_outbox(source, outbox, INVOICES))


def _run(work: Callable[[], int]) -> NoReturn:
    """Ends the command with the exit code of a function."""
    from collateral_partner.terminal import exit_code_of

    raise typer.Exit(exit_code_of(work))
