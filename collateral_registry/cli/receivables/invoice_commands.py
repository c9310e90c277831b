"""Invoice commands: push ledger entries as a partner, and show what partners pushed."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.invoices import commands
from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import (
    Actor,
    Form,
    Format,
    Layout,
    Limit,
    Note,
    Output,
    Wide,
    in_session,
)

invoice_app = typer.Typer(
    help="Push ledger entries of invoices and show them.", no_args_is_help=True, rich_markup_mode=None
)
invoice_app.command("push")(commands.push)
invoice_app.command("backlog")(commands.backlog)
invoice_app.command("renumber")(commands.renumber)

EntryFilter = Annotated[str, typer.Option("--filter", help="such as: pool = acme AND kind IN (PAYMENT, CREDIT_NOTE)")]
RejectionFilter = Annotated[str, typer.Option("--filter", help='such as: state = OPEN AND entry:"in-*"; empty for all')]


@invoice_app.command("feeds")
def invoice_feeds(
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List invoice feeds with their last sequence and rejections."""
    from collateral_registry.cli.receivables.invoice_lists import list_feeds

    in_session(server, list_feeds, limit, Layout(form, output, wide))


@invoice_app.command("entries")
def invoice_entries(
    filter_: EntryFilter = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="maximum number of rows; 0 for all")] = 50,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List booked entries, newest first."""
    from collateral_registry.cli.receivables.invoice_lists import list_entries

    in_session(server, list_entries, filter_, limit, Layout(form, output, wide))


@invoice_app.command("rejected")
def invoice_rejected(
    feed: Annotated[str, typer.Option(help="only entries of the feed with this id")] = "",
    filter_: RejectionFilter = "state = OPEN",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List rejected entries, newest first."""
    from collateral_registry.cli.receivables.invoice_lists import list_rejected

    in_session(server, list_rejected, feed, filter_, limit, Layout(form, output, wide))


@invoice_app.command("resolve")
def invoice_resolve(
    item: Annotated[str, typer.Argument(help="invoiceFeeds/{feed}/rejectedEntries/{number}, or {feed}/{number}")],
    actor: Actor,
    note: Note,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="close the entry without booking it")] = False,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Book a rejected entry as reported, or dismiss it."""
    from collateral_registry.cli.receivables.invoice_lists import resolve_rejected

    in_session(server, resolve_rejected, item, actor, note, Layout(form, output, wide), dismiss=dismiss)
