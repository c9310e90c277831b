"""An empty durable database on each engine, and copies of it."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collateral_registry.store.engine.database import sqlite_file
from tests.support.postgres import Cluster

SETTINGS = Path(__file__).parents[1] / "deploy" / "postgresql.conf"


class Engine(Protocol):
    """Where databases are made."""

    def new_database(self) -> str:
        """The URL of a new, empty database."""

    def copy_database(self, url: str) -> str:
        """The URL of a copy of a database that nobody is connected to."""


@dataclass(frozen=True)
class SqliteFolder:
    """SQLite files in a folder."""

    folder: Path

    def new_database(self) -> str:
        """The URL of a new file."""
        return f"sqlite:///{self.folder / uuid.uuid4().hex}.db"

    def copy_database(self, url: str) -> str:
        """The URL of a copy, write-ahead log included."""
        copied = self.new_database()
        for suffix in ("", "-wal"):
            here, there = f"{sqlite_file(url)}{suffix}", f"{sqlite_file(copied)}{suffix}"
            if Path(here).exists():
                shutil.copy(here, there)
        return copied


@contextmanager
def engine_of(name: str, folder: Path) -> Iterator[Engine]:
    """The engine of a name, for as long as it is needed; PostgreSQL with the settings of production."""
    if name == "sqlite":
        yield SqliteFolder(folder)
        return
    # A path of its own outside of the folder: a socket's path must be short, and PostgreSQL's user must reach it.
    cluster = Cluster(Path(tempfile.gettempdir()) / f"chaos-{uuid.uuid4().hex[:12]}", postgresql_settings())
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def postgresql_settings() -> dict[str, str]:
    """The settings that we deploy PostgreSQL with, by name."""
    lines = (line.partition("#")[0] for line in SETTINGS.read_text().splitlines())
    return {name.strip(): value.strip() for name, found, value in (line.partition("=") for line in lines) if found}
