"""Copies SQLite's write-ahead log into the database from a thread, while no commit takes place.

Up to version 3.51.2 SQLite may lose pages of a log if a commit begins a new log while a checkpoint is starting
(https://www.sqlite.org/wal.html#walresetbug); the book is then damaged. A checkpoint therefore holds the turn of a
writer.
"""

from __future__ import annotations

from pathlib import Path
from threading import Event

from sqlalchemy import text

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.logs import logger
from collateral_registry.store.engine.connections import LOG_BYTES, sqlite_file
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.locks import sqlite_turn

LOG = logger("store")

CHECK_SECONDS = 0.25
"""The length of the log is checked this often."""


def empty_log(database: Database) -> None:
    """Copies and truncates the log before the database is used, because the log may be long after a crash.

    Raises StoreUnavailable, and OSError if the turn of a writer cannot be taken.
    """
    path = sqlite_file(database.url)
    if path is not None:
        _copy(database, path, "TRUNCATE")


def checkpoint(database: Database, path: Path, stop: Event) -> None:
    """Copies the log whenever it is long enough, until ``stop`` is set; errors are left for the writers to report.

    A commit that begins a new log shortens its file (``journal_size_limit``), so that its length shows what it holds.
    """
    log = path.with_name(path.name + "-wal")
    while not stop.wait(CHECK_SECONDS):
        try:
            if log.exists() and log.stat().st_size > LOG_BYTES:
                _copy(database, path, "PASSIVE")
        except (StoreUnavailable, OSError) as error:
            LOG.warning("the write-ahead log was not copied; trying again", cause=str(error))


def _copy(database: Database, path: Path, mode: str) -> None:
    with sqlite_turn(path), database.outside_transactions() as connection:
        connection.execute(text(f"PRAGMA wal_checkpoint({mode})"))
