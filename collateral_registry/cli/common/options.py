"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_ADDRESS = "127.0.0.1:50051"

Server = Annotated[str, typer.Option("--server", envvar="COLLATERAL_SERVER", help="host:port of the server")]
Filter = Annotated[str, typer.Option("--filter", help="equalities joined by AND, such as level = MARGIN_CALL")]
Limit = Annotated[int, typer.Option(min=0, help="maximum number of rows; 0 for all")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV file with a header row")]
Actor = Annotated[str, typer.Option(help="name of the person responsible")]
Note = Annotated[str, typer.Option(help="reason")]
