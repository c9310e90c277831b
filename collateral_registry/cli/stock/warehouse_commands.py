"""The commands that look at warehouses and at what does not agree."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, Actor, Limit, Note, Server

warehouse_app = typer.Typer(help="Warehouses and how far they can be relied on.", no_args_is_help=True)
finding_app = typer.Typer(help="What does not agree, until somebody resolves it.", no_args_is_help=True)

Warehouse = Annotated[str, typer.Argument(help="the warehouse, as its lots call it")]
Finding = Annotated[str, typer.Argument(help="number of the finding")]
FindingFilter = Annotated[
    str, typer.Option("--filter", help="by kind, severity, state, warehouse, asset or loan; empty for all")
]


@warehouse_app.command("list")
def warehouse_list(limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per warehouse with its record."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.warehouse_record import list_warehouses

    with session(server) as channel:
        list_warehouses(channel, limit)


@warehouse_app.command("counts")
def warehouse_counts(warehouse: Warehouse, limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per lot that was counted, the newest first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.warehouse_record import list_counted_lots

    with session(server) as channel:
        list_counted_lots(channel, warehouse, limit)


@finding_app.command("list")
def finding_list(filter_: FindingFilter = "state = OPEN", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A line per finding, the newest first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.warehouse_record import list_findings

    with session(server) as channel:
        list_findings(channel, filter_, limit)


@finding_app.command("show")
def finding_show(finding: Finding, server: Server = DEFAULT_ADDRESS) -> None:
    """A finding with its evidence."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.warehouse_record import show_finding

    with session(server) as channel:
        show_finding(channel, finding)


@finding_app.command("resolve")
def finding_resolve(finding: Finding, actor: Actor, note: Note, server: Server = DEFAULT_ADDRESS) -> None:
    """Resolve a finding with a reason; what was reserved because of a count counts again."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.warehouse_record import resolve_finding

    with session(server) as channel:
        resolve_finding(channel, finding, actor, note)
