"""Finds settings of a database under which acknowledged changes can be lost when the machine fails."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.connections import sqlite_file
from collateral_registry.store.engine.database import LOST_FILE, Database

MOUNTS = Path("/proc/self/mounts")
NETWORK_FILE_SYSTEMS = frozenset({"afs", "cifs", "fuse.glusterfs", "fuse.sshfs", "lustre", "nfs", "nfs4", "smb3"})
SYNCHRONOUS_FULL = 2

_POSTGRES = text(
    "SELECT name, setting FROM pg_settings WHERE setting = 'off' "
    "AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"
)


def unsafe_settings(database: Database) -> str:
    """Returns what makes a database lose acknowledged changes, in words; empty if nothing is known to.

    Raises StoreUnavailable.
    """
    path = sqlite_file(database.url)
    if path is None:
        with database.read() as connection:
            return ", ".join(f"{name} = {value}" for name, value in connection.execute(_POSTGRES).all())
    if not database.has_its_file:
        raise StoreUnavailable(LOST_FILE)
    with database.read() as connection:
        journal = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        synchronous = connection.execute(text("PRAGMA synchronous")).scalar_one()
    found = [] if journal == "wal" else [f"journal_mode = {journal}"]
    found += [] if synchronous >= SYNCHRONOUS_FULL else [f"synchronous = {synchronous}"]
    kind = file_system_of(path, MOUNTS.read_text() if MOUNTS.exists() else "")
    found += [f"a file on {kind}, which other machines can open"] if kind in NETWORK_FILE_SYSTEMS else []
    return ", ".join(found)


def file_system_of(path: Path, mounts: str) -> str:
    """Returns the type of the file system of a path, by a table of mounts; empty if it is not in the table."""
    best, kind = Path(), ""
    for line in mounts.splitlines():
        _, folder, found, *_ = line.split(" ")
        place = Path(folder.replace("\\040", " "))
        if path.is_relative_to(place) and len(place.parts) >= len(best.parts):
            best, kind = place, found
    return kind
