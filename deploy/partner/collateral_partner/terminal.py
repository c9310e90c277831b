"""Prints for a person at a terminal; turns a failed call into a message and an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import typer
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from collateral_partner.stream import status_of

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any

EXIT_SOME_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4
EXIT_INTERRUPTED = 130

ENVIRONMENT_VARIABLE = "COLLATERAL_STOCK_TOKEN"
SHOWN_PROBLEMS = 50
WIDTH_OF_FILES = 1000


def print_error(message: str) -> None:
    """Prints an error message to standard error."""
    typer.echo(f"collateral: {message}", err=True)


def print_line(text: str, *, to_stderr: bool = False) -> None:
    """Prints a line to standard output, or to standard error."""
    typer.echo(text, err=to_stderr)


def print_problems(problems: Sequence[str], shown: int = SHOWN_PROBLEMS) -> None:
    """Prints problems to standard error, a line each; states how many are not shown."""
    for problem in problems[:shown]:
        print_line(problem, to_stderr=True)
    if len(problems) > shown:
        print_line(f"... and {len(problems) - shown} more", to_stderr=True)


def print_table(names: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = ()) -> None:
    """Prints rows under the names of their columns. A cell too long for the terminal is folded, never cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numbers = set(right)
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in numbers, justify="right" if name in numbers else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH_OF_FILES)).print(table)


def report_rpc_error(error: grpc.RpcError, server: str) -> int:
    """Prints the message of a failed call and returns the exit code."""
    details = _details(error)
    if error.code() == grpc.StatusCode.UNAVAILABLE and not details:
        print_error(f"cannot reach a server at {server}: check the address and that the server runs")
        return EXIT_UNREACHABLE
    print_error(_text(error, details))
    return EXIT_REFUSED


def _text(error: grpc.RpcError, details: Iterable[Any]) -> str:
    """Returns the server's message with the invalid fields, and with the reason code and its details."""
    text: str = error.details() or f"the server failed with {error.code().name}"
    for detail in details:
        info, bad = ErrorInfo(), BadRequest()
        if detail.Unpack(bad):
            text += "".join(f"; {one.description}" for one in bad.field_violations if one.description not in text)
        elif detail.Unpack(info) and info.reason:
            named = [f"{key} {value}" for key, value in sorted(info.metadata.items()) if value not in text]
            text += f" [{', '.join([info.reason, *named])}]"
    return text


def _details(error: grpc.RpcError) -> list[Any]:
    return list(status_of(error).details)


def read_token(path: Path | None) -> str:
    """Reads the token from the file or, if no file is given, from the environment.

    The token is not an option, because process lists show options.
    """
    return path.read_text(encoding="utf-8").strip() if path else os.environ.get(ENVIRONMENT_VARIABLE, "")
