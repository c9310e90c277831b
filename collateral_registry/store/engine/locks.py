"""Locks of named parts of the book until the end of a transaction, and the turn of a writer of a SQLite file."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import BigInteger, ColumnElement, func, select

from collateral_registry.store.engine.bulk import Source


def hold_lock(connection: Source, shard: str) -> None:
    """Waits for the lock of a shard and holds it until the transaction ends.

    It does nothing on SQLite, which has only one writer at a time.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(of_schema(lock_key(shard)))))


def of_schema(key: ColumnElement[int] | int) -> ColumnElement[int]:
    """Returns the advisory lock of a key in the current schema of PostgreSQL.

    Advisory locks belong to a database, in which each schema may hold a book.
    """
    return func.hashtextextended(func.current_schema(), key, type_=BigInteger)


def lock_key(shard: str) -> int:
    """Returns the key of the lock of a shard: 64 bits of the digest of its name."""
    return int.from_bytes(hashlib.blake2b(shard.encode(), digest_size=8).digest(), signed=True)


@contextmanager
def sqlite_turn(path: Path | None) -> Iterator[None]:
    """Locks a SQLite file for one writer, across threads and processes; does nothing for any other engine.

    SQLite's busy handler polls with pauses of up to a tenth of a second; a file lock wakes the next writer immediately.
    """
    if path is None:
        yield
        return
    with open(turn_file(path), "wb", opener=_private) as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def turn_file(path: Path) -> Path:
    """Returns the file whose lock is the turn of a writer; nothing is stored in it."""
    return path.with_name(path.name + ".turn")


def _private(path: str, flags: int) -> int:
    """Opens a file that only its owner may open: another user's lock would stop every writer."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
