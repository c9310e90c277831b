"""Opens connections to a database, named by its URL, with the settings of the book."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from psycopg import Connection as PostgresConnection
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from collateral_registry.store.audit.collector import collect_from

BUSY_TIMEOUT_MILLISECONDS = 10_000
READERS_LIMIT = 8
MMAP_BYTES = 1 << 30
LOG_PAGES = 8_192
"""A commit copies a write-ahead log of this length, 32 MB; ``wal_checkpoints`` copies a shorter one."""

LOG_BYTES = 4 << 20
"""Length from which ``wal_checkpoints`` copies the log, and to which the file of a new one is shortened."""

CACHE_KIBIBYTES = 65_536

SQLITE_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MILLISECONDS}",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"wal_autocheckpoint={LOG_PAGES}",
    f"journal_size_limit={LOG_BYTES}",
    f"cache_size=-{CACHE_KIBIBYTES}",
    f"mmap_size={MMAP_BYTES}",
    "temp_store=MEMORY",
)
"""Settings of every SQLite connection; the busy timeout comes first, so that two processes can open a new file."""

EXISTING = "rw"
"""Mode of a SQLite URI that opens a file to read and write, and creates none."""

POSTGRES_COMMITS = """
SELECT set_config('synchronous_commit', CASE setting WHEN 'off' THEN 'on' ELSE setting END, false)
FROM current_setting('synchronous_commit') AS setting
"""
"""Turns off ``synchronous_commit = off`` in a session, and keeps settings that wait for more."""

KEEPALIVES = {"keepalives_idle": "20", "keepalives_interval": "5", "keepalives_count": "3"}
"""Seconds of silence, seconds between probes, and probes, after which a connection to a machine that is gone ends."""

POSTGRES_KEEPALIVES = "SELECT " + ", ".join(
    f"set_config('tcp_{name}', '{value}', false)" for name, value in KEEPALIVES.items()
)
"""Lets PostgreSQL end the session of a server that is gone, which may hold the lock of the writer, after 35 seconds."""

POSTGRES_SESSION = (POSTGRES_COMMITS, POSTGRES_KEEPALIVES)
"""Settings of every session of PostgreSQL."""


def libpq_url(url: str) -> str:
    """Returns the URL of a PostgreSQL database as its own library reads it, which takes a plus sign for itself."""
    text = _kept_alive(url).set(drivername="postgresql").render_as_string(hide_password=False)
    base, mark, parameters = text.partition("?")
    return base + mark + parameters.replace("+", "%20")


def sqlite_file(url: str) -> Path | None:
    """Returns the file that a SQLite URL names, without symbolic links; None for any other engine.

    SQLite also names the write-ahead log after the file itself and not after a link to it.
    """
    parsed = make_url(url)
    if not parsed.drivername.startswith("sqlite"):
        return None
    return Path(os.path.realpath((parsed.database or "").removeprefix("file:")))  # resolve() raises for a loop of links


def file_identity(path: Path | None) -> tuple[int, int] | None:
    """Returns device and number of a file, whatever its name; None without one."""
    if path is None:
        return None
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def uri_of_existing_file(path: Path) -> str:
    """Returns the URI with which SQLite opens a file and creates none."""
    return f"{path.as_uri()}?mode={EXISTING}"


def new_engine(url: str) -> Engine:
    """Returns the pool of connections of a database, whose connections have the settings of the book.

    Its errors do not state the parameters of statements, which are data of borrowers.
    """
    if not url.startswith("sqlite"):
        # The level is set explicitly: if the default of the server were stricter, the snapshot would precede the lock.
        engine = create_engine(
            _kept_alive(url),
            pool_size=READERS_LIMIT,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_postgres)
        collect_from(engine)
        return engine
    engine = create_engine(
        _of_existing_file(url),
        pool_size=READERS_LIMIT,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MILLISECONDS / 1e3},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    collect_from(engine)
    return engine


def _kept_alive(url: str) -> URL:
    """Returns a URL of PostgreSQL whose connections find out that the other machine is gone; its own values precede."""
    parsed = make_url(url)
    return parsed.set(query={**KEEPALIVES, **parsed.query})


def _of_existing_file(url: str) -> URL:
    """Returns a SQLite URL that opens a file and creates none; one that names its own mode is left as it is."""
    parsed, path = make_url(url), sqlite_file(url)
    if path is None or "mode" in parsed.query:
        return parsed
    return parsed.set(database=path.as_uri(), query={**parsed.query, "mode": EXISTING, "uri": "true"})


def _prepare_postgres(connection: PostgresConnection, _record: ConnectionPoolEntry) -> None:
    """Sets a new connection up, whatever the defaults of the database and the role: commits wait for the disk."""
    for setting in POSTGRES_SESSION:
        connection.execute(setting)
    connection.commit()


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a raw driver connection
    """Applies the SQLite settings to a new connection."""
    connection.isolation_level = None
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))
