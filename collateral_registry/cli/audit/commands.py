"""Commands of the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import Lender

audit_app = typer.Typer(
    help="Make keys of the audit log, export it, verify exports.", no_args_is_help=True, rich_markup_mode=None
)

_Database = Annotated[str, typer.Option("--database", help="SQLAlchemy URL; default: the embedded database")]


@audit_app.command()
def keys(
    file: Annotated[Path, typer.Argument(help="file to write the private key to, which must not exist")],
    name: Annotated[str, typer.Option(help="name of the log, such as bank.example/collateral")] = "collateral",
) -> None:
    """Make a key that signs checkpoints; print its public key.

    Set audit_key_file to the file, and give the public key to those who verify.
    """
    from collateral_registry.cli.audit.keys import run_keys

    raise typer.Exit(run_keys(file, name))


@audit_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="file to write, which must not exist; compressed if it ends with .gz")],
    database: _Database = "",
    lender: Lender = "",
) -> None:
    """Export the audit log and its facts to one file.

    Servers may use the book meanwhile.
    """
    from collateral_registry.cli.audit.export import run_export

    raise typer.Exit(run_export(file, database, lender))


@audit_app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="file that collateral audit export has written")],
    key: Annotated[str, typer.Option(help="public key, or a file with it")] = "",
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(metavar="<file>", help="file with an earlier checkpoint, which the log must continue"),
    ] = None,
) -> None:
    """Verify an export and print every fault with its place.

    It needs neither server nor database, and exits with 1 if there is a fault. Without a key, checkpoints are not
    verified, and a log that was replaced as a whole is not recognised.
    """
    from collateral_registry.cli.audit.verify import run_verify

    raise typer.Exit(run_verify(file, key, checkpoint or []))
