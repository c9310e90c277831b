"""Copies the tables of a PostgreSQL book into an archive from one snapshot, and an archive into an empty database.

COPY's binary format is read with a digest of each table, needs no program of PostgreSQL's on the machine, and passes
between versions of PostgreSQL. The schema is not part of it: the migrations of this program create it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from psycopg import Connection, sql
from psycopg.abc import Buffer

from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.backups.archive import CHUNK_BYTES, Manifest, Part, Progress, chunks_of

_TABLES = """
SELECT c.relname, pg_table_size(c.oid), array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
GROUP BY c.oid, c.relname ORDER BY c.relname
"""

_COUNTERS = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace"


def copy_tables(source: Connection, file: BinaryIO, progress: Progress) -> Iterator[Part]:
    """Writes every table that the open transaction sees to a file, and yields each as a part."""
    tables = source.execute(_TABLES).fetchall()
    whole, done, offset = sum(size for _, size, _ in tables) or 1, 0, file.tell()
    for table, size, columns in tables:
        digest, length = hashlib.sha256(), 0
        statement = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(sql.Identifier(table), _names(columns))
        with source.cursor() as cursor:
            with cursor.copy(statement) as rows:
                for chunk in _joined(rows):
                    file.write(chunk)
                    digest.update(chunk)
                    length += len(chunk)
                    progress(min(1.0, (done + min(size, length)) / whole))
            count = cursor.rowcount
        done += size
        yield Part(name=table, offset=offset, bytes=length, sha256=digest.hexdigest(), columns=columns, rows=count)
        offset += length


def _joined(rows: Iterable[Buffer]) -> Iterator[bytearray]:
    """Yields the bytes of a table in chunks; the server sends each row by itself."""
    chunk = bytearray()
    for row in rows:
        chunk += row
        if len(chunk) >= CHUNK_BYTES:
            yield chunk
            chunk = bytearray()
    yield chunk


def counters(source: Connection) -> dict[str, int]:
    """Returns the last number of each counter; 0 if it has given none."""
    found = {}
    for (name,) in source.execute(_COUNTERS).fetchall():
        read = sql.SQL("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}").format(sql.Identifier(name))
        row = source.execute(read).fetchone()
        found[name] = int(row[0]) if row else 0
    return found


def refuse_tables(target: Connection) -> None:
    """Raises Refused if the database has tables."""
    if target.execute(_TABLES).fetchone():
        message = "database: got a database with tables, want an empty one such as createdb makes"
        raise Refused("BOOK_EXISTS", message)


def restore_tables(archive: Path, manifest: Manifest, target: Connection, progress: Progress) -> None:
    """Fills the tables of a schema of the archive's version in the open transaction; what migrations stored goes."""
    whole, done = sum(part.bytes for part in manifest.parts) or 1, 0
    target.execute(sql.SQL("TRUNCATE {}").format(_names([part.name for part in manifest.parts])))
    for part in manifest.parts:
        into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
            sql.Identifier(part.name), _names(part.columns)
        )
        with target.cursor() as cursor, cursor.copy(into) as rows:
            for chunk in chunks_of(archive, part):
                rows.write(chunk)
                done += len(chunk)
                progress(done / whole)
    for name, last in manifest.counters.items():
        if last:
            target.execute("SELECT setval(%s::regclass, %s)", (sql.Identifier(name).as_string(target), last))


def _names(names: list[str] | tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
