"""Shows how far the rows of a long table have been written to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collateral_registry.cli.common.options import Layout


@contextmanager
def row_progress(noun: str, total: int, layout: Layout) -> Iterator[Callable[[int], None]]:
    """Yields the function to call with each number of further rows.

    The bar is shown on a terminal while a file is written. Rows that are printed need none.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console.is_terminal and layout.output is not None
    with Progress(*columns, console=console, disable=not shown, transient=True) as progress:
        task = progress.add_task(noun, total=total)
        yield lambda rows: progress.advance(task, rows)
