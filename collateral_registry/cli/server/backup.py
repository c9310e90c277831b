"""Backs up the database and restores backups, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from collateral_registry.cli.common.client import print_error, print_line
from collateral_registry.cli.server.failures import exit_code_of, failures, text_of
from collateral_registry.cli.server.start import run_on_database

if TYPE_CHECKING:
    from collateral_registry.config import Settings
    from collateral_registry.store.backups.archive import Manifest

COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())


def run_backup(file: Path | None, folder: Path | None, database: str, lender: str) -> int:
    """Writes a backup to a file, or to a folder under a name of its own; returns the exit code."""

    def work(settings: Settings) -> None:
        from collateral_registry.maintenance import back_up
        from collateral_registry.store.backups.book import BackupName

        if (file is None) == (folder is None):
            raise ValueError("want the name of a file, or a folder with --to")
        name = BackupName(Path(file or folder or "").absolute(), is_folder=folder is not None, lender=lender)
        with _shown_progress("backup") as progress:
            path, manifest = back_up(settings, name, progress)
        print_line(f"{path}\n{_described(manifest)}")

    return run_on_database(database, lender, work)


def run_restore(file: Path, database: str, lender: str, *, upgrade: bool) -> int:
    """Restores a backup and returns the exit code."""

    def work(settings: Settings) -> None:
        from collateral_registry.maintenance import restore

        with _shown_progress("restore") as progress:
            manifest = restore(settings, file, progress, upgrade=upgrade)
        print_line(_described(manifest))

    return run_on_database(database, lender, work)


def run_check(file: Path) -> int:
    """Verifies the digests of a backup and returns the exit code."""
    from collateral_registry.store.backups.book import check

    try:
        with _shown_progress("check") as progress:
            print_line(_described(check(file, progress)))
    except failures() as error:
        print_error(text_of(error, ""))
        return exit_code_of(error)
    return 0


def _described(manifest: Manifest) -> str:
    """Returns what a backup holds, in two lines."""
    megabytes = sum(part.bytes for part in manifest.parts) / 1e6
    return (
        f"commit {manifest.sequence} of business date {manifest.business_date}, {manifest.loans} loans\n"
        f"{manifest.engine}, schema {manifest.schema_version}, release {manifest.release}, {manifest.created}, "
        f"{megabytes:.1f} MB"
    )


@contextmanager
def _shown_progress(what: str) -> Iterator[Callable[[float], None]]:
    """Yields the function to call with the share that is done; a bar is shown on a terminal."""
    console = Console(stderr=True)
    with Progress(*COLUMNS, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(task, completed=share)
