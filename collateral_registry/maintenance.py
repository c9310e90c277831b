"""Migrates the database, and makes and restores backups, without the parts of a server, so that it starts fast."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from collateral_registry.clock import Clock, wall_clock
from collateral_registry.config import Settings
from collateral_registry.rpc.common.versions import versions
from collateral_registry.store.backups.archive import Manifest, Progress
from collateral_registry.store.backups.book import BackupName, back_up as write_backup, restore as restore_backup
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate as migrate_schema
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


def restore(settings: Settings, archive: Path, progress: Progress, *, upgrade: bool) -> Manifest:
    """Restores a backup into a database without a book, and upgrades its schema if requested; returns the manifest.

    Raises Refused, StoreUnavailable or OSError.
    """
    with closing(Database(settings.url, wall_clock)) as database:
        manifest = restore_backup(database, archive, progress)
    if upgrade:
        migrate(settings)
    return manifest
