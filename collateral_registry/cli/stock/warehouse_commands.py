"""Commands for warehouses and findings."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import Actor, Form, Format, Layout, Limit, Note, Output, Wide, in_session

warehouse_app = typer.Typer(help="Show warehouses and their reliability.", no_args_is_help=True, rich_markup_mode=None)
finding_app = typer.Typer(help="Show and resolve findings.", no_args_is_help=True, rich_markup_mode=None)

Warehouse = Annotated[str, typer.Argument(help="warehouse name as used by its lots")]
Finding = Annotated[str, typer.Argument(help="number of the finding")]
FindingFilter = Annotated[
    str, typer.Option("--filter", help="such as: state = OPEN AND severity >= WARNING; empty for all")
]


@warehouse_app.command("list")
def warehouse_list(
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List warehouses with their reliability record."""
    from collateral_registry.cli.stock.warehouse_record import list_warehouses

    in_session(server, list_warehouses, limit, Layout(form, output, wide))


@warehouse_app.command("counts")
def warehouse_counts(
    warehouse: Warehouse,
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List counted lots of a warehouse, newest first."""
    from collateral_registry.cli.stock.warehouse_record import list_counted_lots

    in_session(server, list_counted_lots, warehouse, limit, Layout(form, output, wide))


@finding_app.command("list")
def finding_list(
    filter_: FindingFilter = "state = OPEN",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List findings, newest first."""
    from collateral_registry.cli.stock.warehouse_record import list_findings

    in_session(server, list_findings, filter_, limit, Layout(form, output, wide))


@finding_app.command("show")
def finding_show(finding: Finding, server: Server = DEFAULT_ADDRESS) -> None:
    """Show a finding with its evidence."""
    from collateral_registry.cli.stock.warehouse_record import show_finding

    in_session(server, show_finding, finding)


@finding_app.command("resolve")
def finding_resolve(finding: Finding, actor: Actor, note: Note, server: Server = DEFAULT_ADDRESS) -> None:
    """Resolve a finding with a reason.

    Quantities reserved because of a count become available again.
    """
    from collateral_registry.cli.stock.warehouse_record import resolve_finding

    in_session(server, resolve_finding, finding, actor, note)
