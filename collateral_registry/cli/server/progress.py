"""Shows how far the replay of the sample has come: a bar on a terminal, otherwise one line a month."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collateral_registry.cli.common.client import print_line

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("days"),
    TimeRemainingColumn(),
)


@contextmanager
def shown_progress(total: int) -> Iterator[Callable[[date], None]]:
    """Yields the function to call after each of ``total`` business days; the progress is written to standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(total).done
        return
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task("business date", total=total)
        yield lambda day: progress.update(task, advance=1, description=f"business date {day}")


class _Lines:
    """Prints the first business date of each month and the last one."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._month = 0

    def done(self, day: date) -> None:
        """Counts a day."""
        self._done += 1
        if day.month != self._month or self._done == self._total:
            self._month = day.month
            print_line(f"replayed {day}: {self._done} of {self._total} days", to_stderr=True)
