"""The commands of a warehouse partner, and those that look at what partners pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.options import DEFAULT_ADDRESS, File, Server

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
    from collateral_registry.cli.stock_push import Way, push_file

    way = Way(server, token_file, root_certificate, patience)
    raise typer.Exit(push_file(file, source, outbox, way))


@stock_app.command("backlog")
def stock_backlog(source: Source, outbox: OutboxFile = None) -> None:
    """Show what waits in an outbox, and what the server rejected of it."""
    from collateral_registry.cli.stock_push import show_backlog

    raise typer.Exit(show_backlog(source, outbox))


@stock_app.command("token")
def stock_token() -> None:
    """Make a token for a partner: it gets the token, the server's settings get the digest."""
    from collateral_registry.cli.stock_token import make_token

    make_token()
