"""Prepares a book on SQLite or PostgreSQL and copies it to a disk that can fail."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.chaos.bad_disk import BadDisk, build_shim
from benchmarks.chaos.book import open_book
from tests.support.postgres import OWN_DATABASE, Cluster
from tests.support.server import Server

BOOK = "book.db"
REACHABLE = 0o755
SEGMENT_MEGABYTES = 1
BUSY_DISK = {
    "shared_buffers": "2MB",
    "min_wal_size": f"{2 * SEGMENT_MEGABYTES}MB",
    "max_wal_size": f"{2 * SEGMENT_MEGABYTES}MB",
    "wal_recycle": "off",
    "bgwriter_delay": "10ms",
}
"""Durable settings with so little memory and log space that pages, checkpoints and new log files are written while the
partner pushes."""

DROPPED = ("template0", "template1")
"""Unused databases; dropping them halves the size of a copy."""

FILL_LOG = """
SELECT pg_logical_emit_message(true, 'filler', repeat('.', (bytes - used)::int))
FROM (SELECT {files} * {size} - {left} AS bytes, mod(pg_current_wal_insert_lsn() - '0/0', {size}) AS used) AS log
"""
SPARE_FILES = 8
"""Number of log files to fill; more than initdb prepares."""

LEFT_BYTES = 24 * 1024
"""Free space in the current log file when a partner begins to push; a new file and a checkpoint follow soon."""


class Copy(Protocol):
    """Copy of the prepared book with its own disk."""

    @property
    def url(self) -> str:
        """URL of the database."""

    @property
    def disk(self) -> BadDisk:
        """Disk of the database."""

    def start_bad(self) -> Server:
        """Starts a server on the failing disk."""

    def start_mended(self) -> Server:
        """Starts a server on a good disk, after the server on the failing disk was killed."""

    def remove(self) -> None:
        """Stops database processes and removes the files."""


class Prepared(Protocol):
    """Prepared book without open connections."""

    def copy(self, name: str) -> Copy:
        """Copies the book."""


@dataclass(frozen=True)
class SqliteCopy:
    """SQLite file, which the server process itself writes."""

    folder: Path
    disk: BadDisk

    @property
    def url(self) -> str:
        """URL of the file."""
        return f"sqlite:///{self.folder / BOOK}"

    def start_bad(self) -> Server:
        """Starts a server with the preloaded library."""
        return Server(self.url, environment=self.disk.environment).start()

    def start_mended(self) -> Server:
        """Starts a server without the library."""
        return Server(self.url).start()

    def remove(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder)


@dataclass(frozen=True)
class SqliteBook:
    """Prepared SQLite file in a folder."""

    folder: Path
    library: Path

    def copy(self, name: str) -> SqliteCopy:
        """Copies the folder to a sibling folder."""
        place = self.folder.with_name(name)
        shutil.copytree(self.folder, place)
        return SqliteCopy(place, _disk(self.library, place / BOOK, place))


@dataclass(frozen=True)
class PostgresCopy:
    """Separate PostgreSQL cluster, whose processes preload the library instead of the server."""

    cluster: Cluster
    disk: BadDisk

    @property
    def url(self) -> str:
        """URL of the book in the cluster."""
        return self.cluster.url(OWN_DATABASE)

    def start_bad(self) -> Server:
        """Starts the cluster with the library, and a server; then almost fills the current log file."""
        self.cluster.start_again(self.disk.environment)
        server = Server(self.url).start()
        _fill_log(self.cluster, 1, LEFT_BYTES)
        return server

    def start_mended(self) -> Server:
        """Restarts the cluster without the library, which recovers from its log, and starts a server."""
        self.cluster.halt()
        self.cluster.start_again()
        return Server(self.url).start()

    def remove(self) -> None:
        """Stops the cluster and removes its folder."""
        self.cluster.stop()


@dataclass(frozen=True)
class PostgresBook:
    """Prepared PostgreSQL cluster that is stopped."""

    cluster: Cluster
    library: Path

    def copy(self, name: str) -> PostgresCopy:
        """Copies the cluster to a sibling folder."""
        copied = self.cluster.copy(self.cluster.folder.with_name(name))
        return PostgresCopy(copied, _disk(self.library, copied.data, copied.folder))


@contextmanager
def prepared_book(engine: str, folder: Path, sources: Sequence[str], lots: int) -> Iterator[Prepared]:
    """Provides the book of the given partners on an engine and removes it at the end."""
    if engine == "sqlite":
        yield _sqlite_book(folder, sources, lots)
        return
    # Outside the folder, because a socket path must be short and accessible to the user of PostgreSQL.
    place = Path(tempfile.gettempdir()) / f"chaos-{uuid.uuid4().hex[:12]}"
    place.mkdir()
    place.chmod(REACHABLE)
    cluster = Cluster(place / "prepared", BUSY_DISK, SEGMENT_MEGABYTES)
    try:
        yield _postgres_book(cluster, sources, lots)
    finally:
        cluster.stop()
        shutil.rmtree(place)


def _sqlite_book(folder: Path, sources: Sequence[str], lots: int) -> SqliteBook:
    place = folder / "prepared"
    place.mkdir()
    _fill(f"sqlite:///{place / BOOK}", sources, lots)
    return SqliteBook(place, build_shim(folder))


def _postgres_book(cluster: Cluster, sources: Sequence[str], lots: int) -> PostgresBook:
    cluster.start()
    _fill(cluster.url(OWN_DATABASE), sources, lots)
    _narrow(cluster)
    cluster.halt("fast")
    return PostgresBook(cluster, build_shim(cluster.folder.parent))


def _fill(url: str, sources: Sequence[str], lots: int) -> None:
    server = Server(url).start()
    open_book(server.address, sources, lots)
    server.stop()


def _narrow(cluster: Cluster) -> None:
    """Drops unused databases and uses up the prepared log files."""
    for name in DROPPED:
        cluster.administer(f"ALTER DATABASE {name} IS_TEMPLATE false")
        cluster.administer(f"DROP DATABASE {name} WITH (FORCE)")
    _fill_log(cluster, SPARE_FILES, left=0)


def _fill_log(cluster: Cluster, files: int, left: int) -> None:
    """Writes to the log until ``files`` files are full, except for the last ``left`` bytes."""
    cluster.administer(FILL_LOG.format(size=SEGMENT_MEGABYTES * 1024 * 1024, files=files, left=left))


def _disk(library: Path, files: Path, place: Path) -> BadDisk:
    return BadDisk(library, files, place / "plan", place / "failed")
