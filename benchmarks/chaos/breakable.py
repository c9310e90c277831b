"""A prepared book on each engine, and copies of it on a disk that can fail."""

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
"""Durable, and so short of room that pages, checkpoints and new log files are written while the partner pushes."""

DROPPED = ("template0", "template1")
"""What nobody reads here: without them a copy is half as large."""

FILL_LOG = """
SELECT pg_logical_emit_message(true, 'filler', repeat('.', (bytes - used)::int))
FROM (SELECT {files} * {size} - {left} AS bytes, mod(pg_current_wal_insert_lsn() - '0/0', {size}) AS used) AS log
"""
SPARE_FILES = 8
"""More than initdb leaves ready for the log to go on in."""

LEFT_BYTES = 24 * 1024
"""What is left of the log's file when a partner begins to push: soon it needs a new one, and a checkpoint."""


class Copy(Protocol):
    """A copy of the prepared book, with a disk of its own."""

    @property
    def url(self) -> str:
        """The URL of its database."""

    @property
    def disk(self) -> BadDisk:
        """The disk that it is on."""

    def start_bad(self) -> Server:
        """A server on it while the disk can fail."""

    def start_mended(self) -> Server:
        """A server on it on a good disk, once the bad one is killed."""

    def remove(self) -> None:
        """Stops what runs, other than servers, and removes the files."""


class Prepared(Protocol):
    """The prepared book, which nobody has open."""

    def copy(self, name: str) -> Copy:
        """A copy of it."""


@dataclass(frozen=True)
class SqliteCopy:
    """A file that the server itself writes."""

    folder: Path
    disk: BadDisk

    @property
    def url(self) -> str:
        """The URL of the file."""
        return f"sqlite:///{self.folder / BOOK}"

    def start_bad(self) -> Server:
        """A server with the library in it."""
        return Server(self.url, environment=self.disk.environment).start()

    def start_mended(self) -> Server:
        """A server without it."""
        return Server(self.url).start()

    def remove(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder)


@dataclass(frozen=True)
class SqliteBook:
    """A prepared file in a folder."""

    folder: Path
    library: Path

    def copy(self, name: str) -> SqliteCopy:
        """A copy beside it."""
        place = self.folder.with_name(name)
        shutil.copytree(self.folder, place)
        return SqliteCopy(place, _disk(self.library, place / BOOK, place))


@dataclass(frozen=True)
class PostgresCopy:
    """A cluster of its own: the library is in its processes, not in the server."""

    cluster: Cluster
    disk: BadDisk

    @property
    def url(self) -> str:
        """The URL of the book in the cluster."""
        return self.cluster.url(OWN_DATABASE)

    def start_bad(self) -> Server:
        """The cluster with the library in it and little left of its log's file, and a server."""
        self.cluster.start_again(self.disk.environment)
        server = Server(self.url).start()
        _fill_log(self.cluster, 1, LEFT_BYTES)
        return server

    def start_mended(self) -> Server:
        """The cluster without it, recovered from its log, and a server."""
        self.cluster.halt()
        self.cluster.start_again()
        return Server(self.url).start()

    def remove(self) -> None:
        """Stops the cluster and removes its folder."""
        self.cluster.stop()


@dataclass(frozen=True)
class PostgresBook:
    """A prepared cluster that is stopped."""

    cluster: Cluster
    library: Path

    def copy(self, name: str) -> PostgresCopy:
        """A copy beside it."""
        copied = self.cluster.copy(self.cluster.folder.with_name(name))
        return PostgresCopy(copied, _disk(self.library, copied.data, copied.folder))


@contextmanager
def prepared_book(engine: str, folder: Path, sources: Sequence[str], lots: int) -> Iterator[Prepared]:
    """The book of these partners on an engine, for as long as it is needed."""
    if engine == "sqlite":
        yield _sqlite_book(folder, sources, lots)
        return
    # A path of its own outside of the folder: a socket's path must be short, and PostgreSQL's user must reach it.
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
    """Leaves of the data what is needed, and no file that the log could go on in."""
    for name in DROPPED:
        cluster.administer(f"ALTER DATABASE {name} IS_TEMPLATE false")
        cluster.administer(f"DROP DATABASE {name} WITH (FORCE)")
    _fill_log(cluster, SPARE_FILES, left=0)


def _fill_log(cluster: Cluster, files: int, left: int) -> None:
    """Writes to the log to the end of so many files, but for what is left."""
    cluster.administer(FILL_LOG.format(size=SEGMENT_MEGABYTES * 1024 * 1024, files=files, left=left))


def _disk(library: Path, files: Path, place: Path) -> BadDisk:
    return BadDisk(library, files, place / "plan", place / "failed")
