"""Migrates the database, and makes and restores backups, without the parts of a server, so that it starts fast."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path
from typing import TextIO, cast

from collateral_registry.clock import Clock, wall_clock
from collateral_registry.config import Settings
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.rpc.common.versions import versions
from collateral_registry.store.audit.export import lines_of
from collateral_registry.store.backups.archive import Manifest, Progress, new_archive
from collateral_registry.store.backups.book import BackupName, back_up as write_backup, restore as restore_backup
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate as migrate_schema, newest_version, version_of
from collateral_registry.store.storage.sole_use import sole_use


def migrate(settings: Settings, clock: Clock = wall_clock) -> tuple[str | None, str]:
    """Upgrades the schema of the database; returns the versions before and after."""
    with sole_use(settings.url):
        database = Database(settings.url, clock)
        try:
            return migrate_schema(database)
        finally:
            database.close()


def back_up(settings: Settings, name: BackupName, progress: Progress) -> tuple[Path, Manifest]:
    """Writes a backup of the book, which servers may be using; returns its file and manifest.

    Raises Refused, StoreUnavailable or OSError.
    """
    return write_backup(settings.url, name, versions().program, progress)


def export_audit_log(settings: Settings, file: Path) -> int:
    """Writes the audit log and its facts to a file that must not exist; returns the number of lines.

    The file is compressed if its name ends with .gz. Raises Refused, StoreUnavailable or OSError.
    """
    with closing(Database(settings.url, wall_clock)) as database:
        migrated = version_of(database)
        if migrated != newest_version():
            want = f"want {newest_version()}; start a server, or run collateral migrate"
            raise Refused("OLD_SCHEMA", f"database: got schema {migrated or 'empty'}, {want}")
        with new_archive(file) as partial, _opened(partial, file.suffix) as written, database.read() as connection:
            count = 0
            for line in lines_of(connection, versions().program):
                written.write(line + "\n")
                count += 1
    return count


def _opened(path: Path, suffix: str) -> TextIO:
    if suffix == ".gz":
        return cast("TextIO", gzip.open(path, "wt", encoding="utf-8"))
    return path.open("w", encoding="utf-8")


def restore(settings: Settings, archive: Path, progress: Progress, *, upgrade: bool) -> Manifest:
    """Restores a backup into a database without a book, and upgrades its schema if requested; returns the manifest.

    Raises Refused, StoreUnavailable or OSError.
    """
    with closing(Database(settings.url, wall_clock)) as database:
        manifest = restore_backup(database, archive, progress)
    if upgrade:
        migrate(settings)
    return manifest
