"""Prints tables on a terminal: a figure, level or date is never cut, and columns that do not fit are named."""

from __future__ import annotations

import datetime as dt
import math
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import IO

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from collateral_partner.terminal import shown
from collateral_registry.cli.common.client import close_broken_pipe
from collateral_registry.cli.common.tables import RIGHT_ALIGNED, WRAPPING, Cell, Column, Importance, Kind, Row

GAP = 2
"""Spaces between two columns."""

WRAPPED_WIDTH = 16
"""Width to which a column of texts may shrink before another column is left out; a column that is a key keeps more."""

WRAPPED_KEY_WIDTH = 22
LEAST_WIDTH = 10
"""Width to which texts shrink if otherwise not even the keys fit."""

SHOWN_DECIMALS = 2
UNKNOWN_WIDTH = 80
"""Width of a terminal that does not state one."""

RULE = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""A line under the headers, in ASCII so that it is the same in every encoding."""


class ReportConsole(Console):
    """A console that ends the command with the documented exit code if its reader closed the pipe."""

    def on_broken_pipe(self) -> None:
        """Ends the command."""
        raise SystemExit(close_broken_pipe())


def console(width: int | None = None, file: IO[str] | None = None) -> Console:
    """Returns a console for text of this width, or of the terminal's; lines of text are not changed in a pipe."""
    return ReportConsole(width=width or terminal_width() or sys.maxsize, file=file, highlight=False, markup=False)


def terminal_width() -> int | None:
    """Returns the columns of the terminal; None if the output is a file or a pipe."""
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or UNKNOWN_WIDTH


def print_grid(columns: Sequence[Column], rows: Sequence[Row], *, width: int | None, file: IO[str]) -> None:
    """Prints rows under their headers; with a width, less important columns are left out and named below."""
    cells = [[cell_text(column, cell) for column, cell in zip(columns, row, strict=True)] for row in rows]
    columns, cells = _with_currencies(columns, cells)
    natural = [
        max(map(cell_len, [*column.printed_header.split("\n"), *(line[at] for line in cells)]))
        for at, column in enumerate(columns)
    ]
    shown = list(range(len(columns))) if width is None else fitting(columns, natural, width)
    widths = [natural[at] for at in shown]
    if width is not None:
        widths = wrapped([columns[at] for at in shown], widths, width)
    grid = Grid(box=RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for at, space in zip(shown, widths, strict=True):
        column = columns[at]
        grid.add_column(
            Text(column.printed_header),
            width=space,
            justify="right" if column.kind in RIGHT_ALIGNED else "left",
            no_wrap=column.kind not in WRAPPING,
            overflow="fold",
        )
    for line in cells:
        grid.add_row(*(Text(line[at], style=columns[at].styles.get(line[at], "")) for at in shown))
    console(max(sum(widths) + GAP * len(widths), width or 0), file).print(grid)
    left_out = [one.printed_header.replace("\n", " ") for at, one in enumerate(columns) if at not in shown]
    if left_out:
        console(width, file).print(f"Left out: {', '.join(left_out)}. --wide shows all.", style="dim")


def _with_currencies(columns: Sequence[Column], cells: list[list[str]]) -> tuple[list[Column], list[list[str]]]:
    """Returns the columns and cells with each currency after its amount, in one cell."""
    own = [at for at, column in enumerate(columns) if column.kind is not Kind.CURRENCY]
    for line in cells:
        for at in set(range(len(columns))).difference(own):
            line[at - 1] = f"{line[at - 1]} {line[at]}".strip()
    return [columns[at] for at in own], [[line[at] for at in own] for line in cells]


def fitting(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Returns the positions of the columns that fit, leaving out the least important ones and of these the last."""
    shown = list(range(len(columns)))
    while sum(_least(columns[at], natural[at]) + GAP for at in shown) - GAP > width:
        last = max(shown, key=lambda at: (columns[at].importance, at))
        if columns[last].importance is Importance.KEY:
            break
        shown.remove(last)
    return shown


def wrapped(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Returns the widths with the widest columns of texts narrowed until the line fits.

    A line of figures that is wider than the terminal stays as it is, because a figure is never cut.
    """
    spaces = list(widths)
    texts = [at for at, column in enumerate(columns) if column.kind in WRAPPING]
    while sum(spaces) + GAP * (len(spaces) - 1) > width:
        wide = [at for at in texts if spaces[at] > _least(columns[at], widths[at])]
        wide = wide or [at for at in texts if spaces[at] > LEAST_WIDTH]
        if not wide:
            break
        spaces[max(wide, key=lambda at: spaces[at])] -= 1
    return spaces


def _least(column: Column, natural: int) -> int:
    """Returns the smallest width of a column: its natural one unless it may wrap."""
    if column.kind not in WRAPPING:
        return natural
    return min(natural, WRAPPED_KEY_WIDTH if column.importance is Importance.KEY else WRAPPED_WIDTH)


def cell_text(column: Column, cell: Cell) -> str:
    """Returns a cell as a person reads it."""
    match cell:
        case None:
            text = ""
        case bool():
            text = "yes" if cell else "no"
        case float():
            text = percent_text(cell)
        case Decimal() if column.kind is Kind.AMOUNT:
            text = amount_text(cell)
        case Decimal() | int():
            text = number_text(cell)
        case dt.datetime():
            text = f"{cell.astimezone(dt.UTC):%Y-%m-%d %H:%M:%SZ}"
        case str() | dt.date():
            text = str(cell)
        case _:
            text = ", ".join(cell)
    return shown(text)


def amount_text(amount: Decimal) -> str:
    """Formats an amount with thousands separators and at least two decimals."""
    value = amount.normalize()
    return f"{value:,.{max(SHOWN_DECIMALS, -int(value.as_tuple().exponent))}f}"


def number_text(value: Decimal | int) -> str:
    """Formats a number with thousands separators and no more decimals than it has."""
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent_text(share: float) -> str:
    """Formats a share in per cent with two decimals, without a sign."""
    return "infinite" if math.isinf(share) else f"{share * 100:,.2f}"
