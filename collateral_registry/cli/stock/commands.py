"""Stock commands: push movements as a warehouse partner, and show what partners pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_partner import main
from collateral_partner.options import (
    DEFAULT_ADDRESS,
    Complete,
    CountMethod,
    CountTime,
    Document,
    MappingFile,
    Method,
    Server,
    TimeZone,
    Warehouse,
)
from collateral_registry.cli.access.commands import access_token
from collateral_registry.cli.common.options import (
    Actor,
    File,
    Form,
    Format,
    Layout,
    Limit,
    Note,
    Output,
    Wide,
    in_session,
)

stock_app = typer.Typer(help="Push warehouse stock, count it and show it.", no_args_is_help=True, rich_markup_mode=None)

LotFilter = Annotated[str, typer.Option("--filter", help='such as: warehouse = "W-1" AND good IN (copper, zinc)')]
MovementFilter = Annotated[
    str, typer.Option("--filter", help="such as: feed = acme AND effective_time >= 2025-01-01T00:00:00Z")
]
RejectionFilter = Annotated[
    str, typer.Option("--filter", help='such as: state = OPEN AND movement:"in-*"; empty for all')
]
LastRows = Annotated[int, typer.Option("--limit", min=0, help="maximum number of rows; 0 for all")]


stock_app.command("push")(main.push)
stock_app.command("backlog")(main.backlog)
stock_app.command("renumber")(main.renumber)


@stock_app.command("feeds")
def stock_feeds(
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List stock feeds with their last sequence and rejections."""
    from collateral_registry.cli.stock.ledger import list_feeds

    in_session(server, list_feeds, limit, Layout(form, output, wide))


@stock_app.command("units")
def stock_units(
    feed: Annotated[str, typer.Argument(help="id of the partner's feed")],
    spellings: Annotated[
        list[str] | None, typer.Argument(help="own spellings with their units, such as ton=short_ton; none: show them")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="remove all own spellings")] = False,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show a feed's own spellings of units, or replace all of them."""
    from collateral_registry.cli.stock.units import set_spellings, show_spellings

    if spellings and clear:
        raise typer.BadParameter("cannot be combined with spellings", param_hint="--clear")
    if spellings or clear:
        in_session(server, set_spellings, feed, spellings or [], Layout(form, output, wide))
    else:
        in_session(server, show_spellings, feed, Layout(form, output, wide))


@stock_app.command("lots")
def stock_lots(
    filter_: LotFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List stock lots with current and reserved quantities."""
    from collateral_registry.cli.stock.ledger import list_lots

    in_session(server, list_lots, filter_, limit, Layout(form, output, wide))


@stock_app.command("movements")
def stock_movements(
    filter_: MovementFilter = "",
    limit: LastRows = 50,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List booked movements, newest first."""
    from collateral_registry.cli.stock.ledger import list_movements

    in_session(server, list_movements, filter_, limit, Layout(form, output, wide))


@stock_app.command("rejected")
def stock_rejected(
    feed: Annotated[str, typer.Option(help="only items of the feed with this id")] = "",
    filter_: RejectionFilter = "state = OPEN",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List rejected movements, newest first."""
    from collateral_registry.cli.stock.ledger import list_rejected

    in_session(server, list_rejected, feed, filter_, limit, Layout(form, output, wide))


@stock_app.command("resolve")
def stock_resolve(
    item: Annotated[str, typer.Argument(help="stockFeeds/{feed}/rejectedMovements/{number}, or {feed}/{number}")],
    actor: Actor,
    note: Note,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="close the item without booking it")] = False,
    instead: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV file with the corrected movement to book instead"),
    ] = None,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Book or dismiss a rejected movement.

    The movement is booked as reported, or as corrected by the file given with --instead.
    """
    from collateral_registry.cli.stock.ledger import resolve_rejected

    in_session(
        server, resolve_rejected, item, actor, note, Layout(form, output, wide), dismiss=dismiss, instead=instead
    )


@stock_app.command("count")
def stock_count(
    file: File,
    warehouse: Warehouse,
    source: Annotated[str, typer.Option("--source", help="feed id of the partner, for a count by the partner")] = "",
    actor: Annotated[str, typer.Option(help="name of the person who counted for the lender")] = "",
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
    from collateral_partner.counting import CountDetails
    from collateral_registry.cli.stock.count import submit_count

    counted = CountDetails(warehouse, time, method.value, complete, document, main.read_columns(columns, time_zone))
    in_session(server, submit_count, file, counted, source, actor)


stock_app.command("token")(access_token)
