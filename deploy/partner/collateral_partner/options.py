"""Options and arguments of the commands for a warehouse partner."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_ADDRESS = "127.0.0.1:50051"


def _with_port(server: str) -> str:
    """Returns the address of a server unchanged; raises BadParameter if it is none."""
    from collateral_partner.access.connection import names_server

    if not names_server(server):
        raise typer.BadParameter(f"got {server!r}, want host:port such as {DEFAULT_ADDRESS}")
    return server


Server = Annotated[
    str,
    typer.Option("--server", envvar="COLLATERAL_SERVER", callback=_with_port, help="host:port of the server"),
]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="file of the warehouse: CSV")]
Source = Annotated[str, typer.Option("--source", help="id of the partner's feed")]
OutboxFile = Annotated[
    Path | None,
    typer.Option("--outbox", dir_okay=False, help="file of pending movements; default: .data/outbox-SOURCE.db"),
]
Patience = Annotated[float, typer.Option("--patience", min=0.1, help="seconds without progress before giving up")]
MappingFile = Annotated[
    Path | None,
    typer.Option("--columns", exists=True, dir_okay=False, help="mapping of the file's columns and values in TOML"),
]
TimeZone = Annotated[str, typer.Option("--time-zone", help="zone of local times, such as Asia/Shanghai")]
Check = Annotated[bool, typer.Option("--check", help="show what would be sent; send and store nothing")]
Rows = Annotated[int, typer.Option("--rows", min=0, help="movements that --check shows; 0 for all")]
Warehouse = Annotated[str, typer.Option(help="warehouse name as used by its lots")]
CountTime = Annotated[str, typer.Option(help="time of the count with its time zone; default: now")]
Complete = Annotated[bool, typer.Option("--complete", help="count lots missing from the file as zero")]
Document = Annotated[str, typer.Option(help="number of the stock list or report")]


class CountMethod(StrEnum):
    """Methods by which stock is counted."""

    STOCK_LIST = "stock-list"
    PHYSICAL_COUNT = "physical-count"


Method = Annotated[CountMethod, typer.Option(help="list from a system, or physical count")]
