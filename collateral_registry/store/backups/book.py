"""Makes the backup of a book and restores one, on both engines."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import select

from collateral_registry.clock import wall_clock
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused, StoreUnavailable
from collateral_registry.logs import masked
from collateral_registry.store.backups import postgres, sqlite
from collateral_registry.store.backups.archive import (
    FORMAT,
    Manifest,
    Part,
    Progress,
    append_manifest,
    check_parts,
    manifest_of,
    new_archive,
)
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.connections import libpq_url, sqlite_file
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import is_known, newest_version, upgrade
from collateral_registry.store.schema.loans import LoanRow
from collateral_registry.store.storage.sole_use import sole_use

NO_TABLE = (sqlite3.OperationalError, psycopg.errors.UndefinedTable)


_FirstRow = Callable[[str], "tuple[Any, ...] | None"]
"""Executes a query in a snapshot and returns the first row."""


@dataclass(frozen=True)
class BackupName:
    """A file, or the folder of a file that is named after the lender, if there are several, the commit and the time."""

    place: Path
    is_folder: bool
    lender: str = ""

    def of(self, manifest: Manifest) -> Path:
        """Returns the name of an archive."""
        if not self.is_folder:
            return self.place
        time = datetime.fromisoformat(manifest.created).strftime("%Y%m%dT%H%M%SZ")
        lender = f"{self.lender}-" if self.lender else ""
        return self.place / f"collateral-{lender}{manifest.sequence:08d}-{time}.backup"


def back_up(url: str, name: BackupName, release: str, progress: Progress) -> tuple[Path, Manifest]:
    """Writes a backup of a book that servers may be using; returns its file and its manifest.

    It holds every change that was acknowledged before this call. It is read once more before it gets its name. Raises
    Refused, StoreUnavailable or OSError.
    """
    path = sqlite_file(url)
    with _translated_errors():
        if path is not None:
            return _of_file(path, name, release, progress)
        return _of_tables(url, name, release, progress)


def check(archive: Path, progress: Progress) -> Manifest:
    """Returns the manifest of an archive whose digests are right; raises Refused or OSError."""
    manifest = manifest_of(archive)
    check_parts(archive, manifest, progress)
    return manifest


def restore(database: Database, archive: Path, progress: Progress) -> Manifest:
    """Restores a backup into a new SQLite file or an empty PostgreSQL database; returns the manifest.

    Nothing is written before the digests are verified. An error or a kill leaves the target as it was. Raises Refused,
    StoreUnavailable or OSError.
    """
    manifest = manifest_of(archive)
    engine = database.engine.dialect.name
    if manifest.engine != engine:
        raise Refused("OTHER_ENGINE", f"database: got {engine}, want {manifest.engine}, of which the backup is")
    if not is_known(manifest.schema_version):
        message = f"file: got schema {manifest.schema_version}, want {newest_version()} or older; use a newer program"
        raise Refused("NEWER_DATABASE", message)
    with _translated_errors():
        path = sqlite_file(database.url)
        if path is None:
            _restore_tables(database, archive, manifest, progress)
        else:
            with sole_use(database.url):
                sqlite.restore_file(archive, manifest, path, progress)
    with database.read() as connection:
        found = newest_commit(connection)[0]
        loans = len(connection.execute(select(LoanRow.loan_key)).all())
    if (found, loans) != (manifest.sequence, manifest.loans):
        raise Refused("DAMAGED_BACKUP", f"the restored book ends at commit {found}, want {manifest.sequence}")
    return manifest


def _of_file(path: Path, name: BackupName, release: str, progress: Progress) -> tuple[Path, Manifest]:
    with sqlite.snapshot(path) as source:
        manifest = _described(lambda query: source.execute(query).fetchone(), "sqlite", release)
        target = name.of(manifest)
        with new_archive(target) as partial:
            part = sqlite.copy_pages(source, partial, progress)
            sqlite.check_pages(partial)
            manifest = _finished(partial, manifest, [part])
    return target, manifest


def _of_tables(url: str, name: BackupName, release: str, progress: Progress) -> tuple[Path, Manifest]:
    with psycopg.connect(libpq_url(url), client_encoding="utf8") as source:
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        source.read_only = True
        manifest = _described(lambda query: source.execute(query).fetchone(), "postgresql", release)
        target = name.of(manifest)
        with new_archive(target) as partial:
            with partial.open("ab") as file:
                parts = list(postgres.copy_tables(source, file, lambda share: progress(share / 2)))
            numbered = manifest.model_copy(update={"counters": postgres.counters(source)})
            manifest = _finished(partial, numbered, parts)
            check_parts(partial, manifest, lambda share: progress(0.5 + share / 2))
    return target, manifest


def _finished(partial: Path, manifest: Manifest, parts: list[Part]) -> Manifest:
    """Appends the manifest with the parts to an archive, and returns it as it is read from there."""
    with partial.open("ab") as file:
        append_manifest(file, manifest.model_copy(update={"parts": tuple(parts)}))
    return manifest_of(partial)


def _described(first: _FirstRow, engine: str, release: str) -> Manifest:
    """Returns the manifest of the book that a snapshot sees, without parts; raises Refused if there is no book."""
    version = last = loans = None
    with suppress(*NO_TABLE):
        version = first("SELECT version_num FROM alembic_version")
        last = first("SELECT seq, market_day FROM commit_log ORDER BY seq DESC LIMIT 1")
        loans = first("SELECT count(*) FROM loan")
    if version is None or last is None or loans is None:
        raise Refused("NO_BOOK", "database: got a database without a book, want that of a server that has run")
    return Manifest(
        format=FORMAT,
        engine=engine,
        release=release,
        schema_version=version[0],
        sequence=last[0],
        business_date=date_at(last[1]).isoformat(),
        loans=loans[0],
        created=wall_clock().isoformat(timespec="seconds"),
        parts=(),
    )


def _restore_tables(database: Database, archive: Path, manifest: Manifest, progress: Progress) -> None:
    """Creates the schema and fills the tables in one transaction."""
    with database.engine.begin() as connection:
        driver = cast("psycopg.Connection", connection.connection.driver_connection)
        postgres.refuse_tables(driver)
        check_parts(archive, manifest, lambda share: progress(share / 3))
        upgrade(connection, manifest.schema_version)
        postgres.restore_tables(archive, manifest, driver, lambda share: progress((1 + 2 * share) / 3))
    with database.outside_transactions() as connection:
        connection.exec_driver_sql("ANALYZE")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raises StoreUnavailable for errors of the drivers."""
    try:
        yield
    except (sqlite3.Error, psycopg.Error) as error:
        cause = masked(str(error).strip().partition("\n")[0])
        raise StoreUnavailable("the database cannot be copied now; nothing was written", cause) from error
