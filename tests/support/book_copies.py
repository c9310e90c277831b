"""Copies of a prepared book, each with the files or the database of its own."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Cluster


@dataclass(frozen=True)
class SqliteCopies:
    """Copies of an SQLite file."""

    file: Path

    @property
    def url(self):
        return f"sqlite:///{self.file}"

    def copy(self):
        folder = Path(tempfile.mkdtemp())
        for file in self.file.parent.iterdir():
            shutil.copy(file, folder)
        return f"sqlite:///{folder / self.file.name}"

    def drop(self, url):
        shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent)


@dataclass(frozen=True)
class PostgresqlCopies:
    """Copies of a PostgreSQL database."""

    cluster: Cluster
    url: str

    def copy(self):
        return self.cluster.copy_database(self.url)

    def drop(self, url):
        self.cluster.drop_database(url)
