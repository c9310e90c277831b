"""Creates and copies databases on SQLite and PostgreSQL for benchmarks."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collateral_registry.store.engine.connections import sqlite_file
from tests.support.postgres import Cluster

SETTINGS = Path(__file__).parents[1] / "deploy" / "postgresql.conf"


class Engine(Protocol):
    """Engine that creates and copies databases."""

    def new_database(self) -> str:
        """Creates an empty database and returns its URL."""

    def copy_database(self, url: str) -> str:
        """Copies a database without open connections and returns the URL of the copy."""


@dataclass(frozen=True)
class SqliteFolder:
    """SQLite files in a folder."""

    folder: Path

    def new_database(self) -> str:
        """Returns the URL of a new file."""
        return f"sqlite:///{self.folder / uuid.uuid4().hex}.db"

    def copy_database(self, url: str) -> str:
        """Copies a database with its write-ahead log and returns the URL of the copy."""
        copied = self.new_database()
        for suffix in ("", "-wal"):
            source, target = f"{sqlite_file(url)}{suffix}", f"{sqlite_file(copied)}{suffix}"
            if Path(source).exists():
                shutil.copy(source, target)
        return copied


@contextmanager
def engine_of(name: str, folder: Path) -> Iterator[Engine]:
    """Provides the engine of a name; PostgreSQL runs with the production settings and is stopped at the end."""
    if name == "sqlite":
        yield SqliteFolder(folder)
        return
    # Outside the folder, because a socket path must be short and accessible to the user of PostgreSQL.
    cluster = Cluster(Path(tempfile.gettempdir()) / f"chaos-{uuid.uuid4().hex[:12]}", postgresql_settings())
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def postgresql_settings() -> dict[str, str]:
    """Returns the production settings of PostgreSQL by name."""
    lines = (line.partition("#")[0] for line in SETTINGS.read_text().splitlines())
    return {name.strip(): value.strip() for name, found, value in (line.partition("=") for line in lines) if found}
