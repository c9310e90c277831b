"""Copies a SQLite book into an archive while it is written, and an archive into a new file."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.backups.archive import (
    CHUNK_BYTES,
    PARTIAL_SUFFIX,
    Manifest,
    Part,
    Progress,
    check_parts,
    chunks_of,
    sync_to_disk,
)
from collateral_registry.store.engine.connections import uri_of_existing_file

PAGES = 2_048
"""Pages that are copied between two reports of progress."""

PART = "book.db"


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens a transaction that sees one commit of a book, which other processes go on writing; raises Refused."""
    if not path.is_file():
        raise Refused("NO_BOOK", f"database: got {path}, want the file of a book")
    with closing(sqlite3.connect(uri_of_existing_file(path), uri=True, isolation_level=None, timeout=10)) as connection:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the transaction begins with a read
        yield connection


def copy_pages(source: sqlite3.Connection, target: Path, progress: Progress) -> Part:
    """Copies the pages that a snapshot sees into an empty file.

    The open transaction of the source keeps SQLite from beginning again at each write of another process. Writers go
    on; meanwhile the write-ahead log grows by what they write.
    """
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")  # the archive is synchronised as a whole
        source.backup(copy, pages=PAGES, progress=lambda _, left, total: progress(1 - left / total if total else 1))
    digest = hashlib.sha256()
    with target.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return Part(name=PART, offset=0, bytes=target.stat().st_size, sha256=digest.hexdigest())


def check_pages(path: Path) -> None:
    """Opens the copy of a database and reads every page; raises Refused if one is damaged."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Refused("DAMAGED_BOOK", f"the database is damaged ({found}); restore an earlier backup")


def restore_file(archive: Path, manifest: Manifest, target: Path, progress: Progress) -> None:
    """Writes the database of an archive to a file that is missing or empty; raises Refused and OSError."""
    log = target.with_name(target.name + "-wal")
    for path in (target, log):
        if path.exists() and path.stat().st_size:
            raise Refused("BOOK_EXISTS", f"database: got {path}, which is not empty, want the name of a new file")
    check_parts(archive, manifest, lambda share: progress(share / 2))
    partial = target.with_name(f".{target.name}{PARTIAL_SUFFIX}")
    (part,) = manifest.parts
    done = 0
    try:
        with open(partial, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            for chunk in chunks_of(archive, part):
                file.write(chunk)
                done += len(chunk)
                progress(0.5 + done / part.bytes / 2)
            file.flush()
            os.fsync(file.fileno())
        check_pages(partial)
        partial.replace(target)
        sync_to_disk(target.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
