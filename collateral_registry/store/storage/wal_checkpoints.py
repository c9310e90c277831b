"""Copies SQLite's write-ahead log into the database from a thread, so that no commit waits for the copy."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from sqlalchemy import text

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.logs import logger
from collateral_registry.store.engine.database import Database

LOG = logger("store")

CHECK_SECONDS = 0.25
"""The length of the log is checked this often."""

COPY_BYTES = 4 << 20
"""A log of at least this length is copied; the pages of a shorter log will soon be written again."""


def empty_log(database: Database) -> None:
    """Copies and truncates the log before the database is used, because the log may be long after a crash.

    Raises StoreUnavailable.
    """
    if database.is_sqlite:
        with database.outside_transactions() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def checkpoint(database: Database, path: Path, stop: Event) -> None:
    """Copies the log whenever it is long enough, until ``stop`` is set; errors are left for the writers to report.

    A passive checkpoint blocks neither writers nor readers (https://www.sqlite.org/wal.html, section 3.2).
    """
    log = path.with_name(path.name + "-wal")
    while not stop.wait(CHECK_SECONDS):
        if log.exists() and log.stat().st_size > COPY_BYTES:
            _copy(database)


def _copy(database: Database) -> None:
    try:
        with database.outside_transactions() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))
    except StoreUnavailable as error:
        LOG.warning("the write-ahead log was not copied; trying again", cause=str(error))
