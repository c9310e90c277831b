"""Access commands: check an access file, and make tokens for partners."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

access_app = typer.Typer(
    help="Check who may call the service, and make tokens.", no_args_is_help=True, rich_markup_mode=None
)

Expires = Annotated[str, typer.Option(help="date on which the token expires, such as 2027-06-30; default: never")]
Feed = Annotated[str, typer.Option(help="id of the feed that the partner pushes")]
TokenOutput = Annotated[
    Path | None, typer.Option("--output", dir_okay=False, help="new file for the token; default: print it")
]


@access_app.command("check")
def access_check(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="access file of a server (docs/security.md)")],
) -> None:
    """Check an access file and print who may do what.

    No server is needed, and nothing is changed.
    """
    from collateral_registry.cli.access.check import describe
    from collateral_registry.cli.access.reports import exit_code_of

    raise typer.Exit(exit_code_of(describe, file))


@access_app.command("token")
def access_token(feed: Feed = "FEED", expires: Expires = "", output: TokenOutput = None) -> None:
    """Make a token for a partner and print its entry for the server.

    The partner receives the token; the access file has its digest.
    """
    from collateral_registry.cli.access.reports import exit_code_of
    from collateral_registry.cli.access.token import make_token

    raise typer.Exit(exit_code_of(make_token, feed, expires, output))
