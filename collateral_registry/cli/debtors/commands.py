"""Commands for debtors."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import (
    Actor,
    AsOf,
    Form,
    Format,
    Layout,
    Limit,
    Note,
    Output,
    Wide,
    in_session,
)

debtor_app = typer.Typer(help="Show debtors and merge duplicates.", no_args_is_help=True, rich_markup_mode=None)

DebtorId = Annotated[str, typer.Argument(help="id of the debtor")]
Duplicate = Annotated[str, typer.Argument(help="id of the debtor that is a duplicate")]
DebtorFilter = Annotated[str, typer.Option("--filter", help="such as: country_code = DE AND state != ACTIVE")]


@debtor_app.command("list")
def debtor_list(
    filter_: DebtorFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List debtors."""
    from collateral_registry.cli.debtors.calls import list_debtors

    in_session(server, list_debtors, filter_, limit, Layout(form, output, wide))


@debtor_app.command("show")
def debtor_show(debtor: DebtorId, server: Server = DEFAULT_ADDRESS) -> None:
    """Show a debtor as JSON."""
    from collateral_registry.cli.debtors.calls import show_debtor

    in_session(server, show_debtor, debtor)


@debtor_app.command("exposure")
def debtor_exposure(
    debtor: DebtorId,
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show what a debtor owes over the whole book, pool by pool."""
    from collateral_registry.cli.debtors.calls import show_exposure

    in_session(server, show_exposure, debtor, as_of, Layout(form, output, wide))


@debtor_app.command("merge")
def debtor_merge(
    duplicate: Duplicate,
    into: Annotated[str, typer.Argument(help="id of the debtor that remains")],
    actor: Actor,
    note: Note,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Merge a duplicate into another debtor.

    The facts and the line of the other debtor then apply to the invoices of both.
    """
    from collateral_registry.cli.debtors.calls import merge_debtors

    in_session(server, merge_debtors, duplicate, into, actor, note)


@debtor_app.command("unmerge")
def debtor_unmerge(duplicate: Duplicate, actor: Actor, note: Note, server: Server = DEFAULT_ADDRESS) -> None:
    """Undo a merge: the duplicate is a debtor of its own again."""
    from collateral_registry.cli.debtors.calls import undo_merge

    in_session(server, undo_merge, duplicate, actor, note)
