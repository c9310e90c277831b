"""Books that are built once in a run of the tests and copied for each test that needs them."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from collateral_registry.store.engine.database import Database
from tests.support.postgres import Cluster

Build = Callable[[str], Database]
"""A function that fills an empty database, of a URL, and returns it open; two calls build the same book."""


class Engine(Protocol):
    """Creates databases of one engine for a test."""

    def empty(self) -> str:
        """Returns the URL of a database with an empty schema."""

    def copy(self, url: str, stack: ExitStack) -> str:
        """Returns the URL of a copy of a database without connections; the stack deletes it where needed."""


class SqliteCopies:
    """Copies of a SQLite file, in a folder."""

    def __init__(self, prepared: Path, folder: Path) -> None:
        self.prepared = prepared
        self.folder = folder
        self._number = 0

    def empty(self) -> str:
        """Returns the URL of a database with an empty schema."""
        return f"sqlite:///{self._new_file(f'sqlite:///{self.prepared}')}"

    def copy(self, url: str, stack: ExitStack) -> str:
        """Returns the URL of a copy in the folder, which the stack deletes."""
        copied = self._new_file(url)
        stack.callback(copied.unlink)
        return f"sqlite:///{copied}"

    def _new_file(self, url: str) -> Path:
        self._number += 1
        return Path(shutil.copy(url.removeprefix("sqlite:///"), self.folder / f"book-{self._number}.db"))


class PostgresCopies:
    """Copies of databases of a PostgreSQL cluster."""

    def __init__(self, prepared: str, cluster: Cluster) -> None:
        self.prepared = prepared
        self.cluster = cluster

    def empty(self) -> str:
        """Returns the URL of a database with an empty schema."""
        return self.cluster.copy_database(self.prepared)

    def copy(self, url: str, stack: ExitStack) -> str:
        """Returns the URL of a copy, which the stack drops."""
        copied = self.cluster.copy_database(url)
        stack.callback(self.cluster.drop_database, copied)
        return copied


class Templates:
    """Books of one engine, each built at its first use."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._built: dict[Build, Database] = {}

    def copy(self, build: Build, stack: ExitStack) -> Database:
        """Returns a copy of the book that a function builds, open; the stack closes it."""
        if build not in self._built:
            built = build(self.engine.empty())
            built.close()
            self._built[build] = built
        template = self._built[build]
        database = Database(self.engine.copy(template.url, stack), template.clock)
        stack.callback(database.close)
        return database
