"""The commands of a warehouse partner, and those that look at what partners pushed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, Actor, File, Limit, Note, Server

stock_app = typer.Typer(help="Push warehouse stock, and look at it.", no_args_is_help=True, rich_markup_mode=None)

Source = Annotated[str, typer.Option("--source", help="id of the partner's feed")]
OutboxFile = Annotated[
    Path | None,
    typer.Option("--outbox", dir_okay=False, help="file of what waits; else .data/outbox-SOURCE.db"),
]
TokenFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="file with the token; else COLLATERAL_STOCK_TOKEN")
]
RootCertificate = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="root certificates in PEM, for a server behind TLS")
]
LotFilter = Annotated[str, typer.Option("--filter", help='such as: warehouse = "W-1" AND good = copper')]
MovementFilter = Annotated[str, typer.Option("--filter", help='such as: feed = acme AND lot = "L-1"')]
RejectionFilter = Annotated[str, typer.Option("--filter", help="by state, reason or movement; empty for all")]
LastRows = Annotated[int, typer.Option("--limit", min=0, help="most rows; 0 means all")]


class CountMethod(StrEnum):
    """How it was found out what is there."""

    STOCK_LIST = "stock-list"
    PHYSICAL_COUNT = "physical-count"


Patience = Annotated[float, typer.Option("--patience", min=0.1, help="seconds without any progress before giving up")]


@stock_app.command("push")
def stock_push(
    file: File,
    source: Source,
    outbox: OutboxFile = None,
    token_file: TokenFile = None,
    root_certificate: RootCertificate = None,
    patience: Patience = 30.0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Push movements from a CSV file, and what waits from before; what is rejected is named."""
    from collateral_registry.cli.stock.push import PushOptions, push_file

    way = PushOptions(server, token_file, root_certificate, patience)
    raise typer.Exit(push_file(file, source, outbox, way))


@stock_app.command("backlog")
def stock_backlog(source: Source, outbox: OutboxFile = None) -> None:
    """Show what waits in an outbox, and what the server rejected of it."""
    from collateral_registry.cli.stock.push import show_backlog

    raise typer.Exit(show_backlog(source, outbox))


@stock_app.command("feeds")
def stock_feeds(limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per feed: how far it has come, and what of it was not booked."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.ledger import list_feeds

    with session(server) as channel:
        list_feeds(channel, limit)


@stock_app.command("lots")
def stock_lots(filter_: LotFilter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per lot: what is there now, and what of it is reserved."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.ledger import list_lots

    with session(server) as channel:
        list_lots(channel, filter_, limit)


@stock_app.command("movements")
def stock_movements(filter_: MovementFilter = "", limit: LastRows = 50, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per movement that was booked, the last first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.ledger import list_movements

    with session(server) as channel:
        list_movements(channel, filter_, limit)


@stock_app.command("rejected")
def stock_rejected(
    feed: Annotated[str, typer.Option(help="id of one feed")] = "",
    filter_: RejectionFilter = "state = OPEN",
    limit: Limit = 0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """A row per item that was not booked, the newest first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.ledger import list_rejected

    with session(server) as channel:
        list_rejected(channel, feed, filter_, limit)


@stock_app.command("resolve")
def stock_resolve(
    item: Annotated[str, typer.Argument(help="stockFeeds/{feed}/rejectedMovements/{number}, or {feed}/{number}")],
    actor: Actor,
    note: Note,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="it need not be booked")] = False,
    instead: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV file with the one movement to book instead"),
    ] = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Book an item that was not booked, as it was said or set right, or dismiss it."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.ledger import resolve_rejected

    with session(server) as channel:
        resolve_rejected(channel, item, actor, note, dismiss=dismiss, instead=instead)


@stock_app.command("count")
def stock_count(
    file: File,
    warehouse: Annotated[str, typer.Option(help="the warehouse, as its lots call it")],
    source: Annotated[str, typer.Option("--source", help="id of the partner's feed, which counts itself")] = "",
    actor: Annotated[str, typer.Option(help="who counted for the lender")] = "",
    time: Annotated[str, typer.Option(help="when it was counted, with its zone; now when not given")] = "",
    method: Annotated[CountMethod, typer.Option(help="a list from a system, or somebody went and looked")] = (
        CountMethod.PHYSICAL_COUNT
    ),
    complete: Annotated[bool, typer.Option("--complete", help="lots left out are not there")] = False,
    document: Annotated[str, typer.Option(help="number of the list or report")] = "",
    token_file: TokenFile = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Hold a count or a daily list (columns lot, good, unit, quantity) against the book; what differs is named."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.stock.count import CountDetails, submit_count

    counted = CountDetails(warehouse, time, method.value, complete, document)
    with session(server) as channel:
        raise typer.Exit(submit_count(channel, file, counted, source, actor, token_file))


@stock_app.command("token")
def stock_token() -> None:
    """Make a token for a partner: it gets the token, the server's settings get the digest."""
    from collateral_registry.cli.stock.token import make_token

    make_token()
