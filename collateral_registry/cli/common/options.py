"""Options and arguments that several commands share, and the session in which they call the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec

import typer

if TYPE_CHECKING:
    import grpc

P = ParamSpec("P")


class Format(StrEnum):
    """Formats of a table. All have the same columns."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"
    PARQUET = "parquet"


class ExportLanguage(StrEnum):
    """Languages of files for people."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class Layout:
    """How a command shows its table: the format, the file or standard output, and whether all columns are wanted."""

    form: Format
    output: Path | None
    wide: bool


Form = Annotated[Format, typer.Option("--format", help="format of the rows")]
Output = Annotated[Path | None, typer.Option("--output", dir_okay=False, help="file to write to; default: print")]
Limit = Annotated[int, typer.Option(min=0, max=10**9, help="maximum number of rows; 0 for all")]
AsOf = Annotated[str, typer.Option(help="commit number, time (2022-07-01T12:00:00Z) or business date (2022-07-01)")]
Wide = Annotated[bool, typer.Option("--wide", help="show all columns, also if they do not fit the terminal")]
CompleteList = Annotated[
    bool, typer.Option("--complete", help="cancel the open invoices of --pool that the list lacks, and print them")
]
Supplier = Annotated[
    str, typer.Option("--supplier", help="one supplier of XML files: an identifier or the name; default: the owner")
]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="file: CSV, xlsx or parquet")]
Actor = Annotated[
    str, typer.Option(default_factory=str, help="name of the person responsible; default: you", show_default=False)
]
Lender = Annotated[str, typer.Option(help="id of a lender in the lenders_file, whose book is meant")]
Note = Annotated[str, typer.Option(help="reason")]


def in_session(
    server: str, call: Callable[Concatenate[grpc.Channel, P], int | None], *args: P.args, **options: P.kwargs
) -> None:
    """Calls a function with a channel to the server; if the function returns a number, it is the exit code."""
    from collateral_registry.cli.common.client import session

    with session(server) as channel:
        if code := call(channel, *args, **options):
            raise typer.Exit(code)
