"""Prints for a person at a terminal; turns a failed call into a message and an exit code."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Container, Iterable, Sequence
from typing import ParamSpec

import grpc
import typer
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from collateral_partner.stream import status_of

P = ParamSpec("P")

EXIT_SOME_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4
EXIT_INTERRUPTED = 130

SHOWN_PROBLEMS = 50
WIDTH_OF_FILES = 1000
PADDING = 3
"""Characters between two columns."""

WORD = r"[\w:.+-]{0,20}"
"""A word, number, date or time that is not folded."""


_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters by which a text could move the cursor, change colours or reverse the direction of a terminal."""


def shown(text: str) -> str:
    """Returns a text with characters that command a terminal written as escapes, such as 1b in hexadecimal."""
    return _COMMANDS.sub(lambda found: ascii(found[0])[1:-1], text)


def exit_code_of(call: Callable[P, int], *arguments: P.args, **options: P.kwargs) -> int:
    """Calls a function that returns an exit code; prints an error in one sentence and returns its exit code."""
    try:
        return call(*arguments, **options)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        print_error(f"{error.filename}: {reason}" if error.filename else reason)
    except sqlite3.Error as error:
        print_error(f"outbox: {error}")
    except ValueError as error:
        print_error(str(error))
    except KeyboardInterrupt:
        print_error("interrupted; pending movements are sent by the next push")
        return EXIT_INTERRUPTED
    return EXIT_USAGE


def print_error(message: str) -> None:
    """Prints an error message to standard error."""
    typer.echo(shown(f"collateral: {message}"), err=True)


def print_line(text: str, *, to_stderr: bool = False) -> None:
    """Prints a line to standard output, or to standard error."""
    typer.echo(shown(text), err=to_stderr)


def print_problems(problems: Sequence[str], shown: int = SHOWN_PROBLEMS) -> None:
    """Prints problems to standard error, a line each; states how many are not shown."""
    for problem in problems[:shown]:
        print_line(problem, to_stderr=True)
    if len(problems) > shown:
        print_line(f"... and {len(problems) - shown} more", to_stderr=True)


def print_table(
    names: Sequence[str], rows: Iterable[Sequence[str]], right: Container[str] = (), optional: Sequence[str] = ()
) -> None:
    """Prints rows under the names of their columns; those in ``right`` are right-aligned.

    Where the terminal is too narrow, columns of ``optional`` are left out, the last one first, and named below. After
    that, long texts are folded at the end of a column; numbers and words are never cut.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH_OF_FILES)
    columns = dict(zip(names, zip(*(names, *rows), strict=True), strict=True))
    widths = {name: PADDING + max(map(cell_len, cells)) for name, cells in columns.items()}
    left_out: list[str] = []
    for name in reversed([one for one in optional if one in columns]):
        if sum(widths.values()) - PADDING > console.width:
            del widths[name]
            left_out.insert(0, name)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in widths:
        whole = name in right or all(re.fullmatch(WORD, cell) for cell in columns[name])
        table.add_column(name, overflow="fold", no_wrap=whole, justify="right" if name in right else "left")
    for cells in list(zip(*(columns[name] for name in widths), strict=True))[1:]:
        table.add_row(*(Text(shown(cell)) for cell in cells))
    console.print(table)
    if left_out:
        print_line(f"left out because the terminal is narrow: {', '.join(left_out)}; a file (> FILE) has all columns")


def report_rpc_error(error: grpc.RpcError, server: str) -> int:
    """Prints the message of a failed call and returns the exit code."""
    if error.code() == grpc.StatusCode.UNAVAILABLE and not status_of(error).details:
        print_error(f"cannot reach a server at {server}: check the address and that the server runs")
        return EXIT_UNREACHABLE
    print_error(error_text(error))
    return EXIT_REFUSED


def error_text(error: grpc.RpcError) -> str:
    """Returns the server's message with the invalid fields, and with the reason code and its details."""
    text: str = error.details() or f"the server failed with {error.code().name}"
    for detail in status_of(error).details:
        info, bad = ErrorInfo(), BadRequest()
        if detail.Unpack(bad):
            text += "".join(f"; {one.description}" for one in bad.field_violations if one.description not in text)
        elif detail.Unpack(info) and info.reason:
            named = [f"{key} {value}" for key, value in sorted(info.metadata.items()) if value not in text]
            text += f" [{', '.join([info.reason, *named])}]"
    return text
