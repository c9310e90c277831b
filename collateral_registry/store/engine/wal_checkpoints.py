"""SQLite's write-ahead log is copied into the database beside the writers, so that no commit waits for it."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import structlog
from sqlalchemy import text

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.database import Database

LOG = structlog.get_logger("store")

LOOK_SECONDS = 0.25
"""How often the log is looked at."""

COPY_BYTES = 4 << 20
"""A log shorter than this is left alone: the same pages are written again before long."""


def empty_log(database: Database) -> None:
    """Copies all of the log and begins it anew, while nobody uses the database: what a crash has left is long.

    Raises StoreUnavailable.
    """
    if database.is_sqlite:
        with database.outside_transactions() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def checkpoint(database: Database, path: Path, quiet: Event) -> None:
    """Copies what the log holds whenever it is long enough, until the event is set; trouble is left to the writers.

    A passive checkpoint never makes a writer or a reader wait (https://www.sqlite.org/wal.html, section 3.2).
    """
    log = path.with_name(path.name + "-wal")
    while not quiet.wait(LOOK_SECONDS):
        if log.exists() and log.stat().st_size > COPY_BYTES:
            _copy(database)


def _copy(database: Database) -> None:
    try:
        with database.outside_transactions() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))
    except StoreUnavailable as error:
        LOG.warning("the write-ahead log was not copied; trying again", cause=str(error))
