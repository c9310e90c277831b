"""Opens connections and transactions: one writer at a time, and readers on snapshots.

Writers are serialised (SQLite: BEGIN IMMEDIATE; PostgreSQL: one advisory transaction lock). Sequences are therefore in
the order of commits, and a reader that sees a sequence also sees all earlier ones.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from psycopg import Error as PostgresError, OperationalError as PostgresOperationalError
from sqlalchemy import BigInteger, Connection, Select, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, OperationalError

from collateral_registry.clock import Clock, microseconds
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.audit.entries import Entry
from collateral_registry.domain.shared.errors import StoreUnavailable, StoreUnusable
from collateral_registry.logs import masked
from collateral_registry.store.audit.collector import FACTS, Facts
from collateral_registry.store.audit.log import append_entry
from collateral_registry.store.engine.commit_listener import channel_of_schema
from collateral_registry.store.engine.connections import file_identity, new_engine, sqlite_file
from collateral_registry.store.engine.interrupts import Interrupt
from collateral_registry.store.engine.locks import lock_key, of_schema, sqlite_turn
from collateral_registry.store.engine.touched import Touched
from collateral_registry.store.schema.book import CommitRow

__all__ = ["Connection", "Database", "Intake", "Write"]

WRITER_LOCK_KEY = 0x636F6C6C61746572
"""Advisory lock of the one writer on PostgreSQL: "collater" in ASCII."""

LOST_FILE = "the file of the database has been deleted, moved or replaced"

WRONG_CLOCK_US = 3_600 * 1_000_000
"""A commit that is further ahead of the clock has the time of a wrong clock."""


_PRIMARY_CODE = 0xFF
"""The part of an error code of SQLite that an extended code refines."""

_SQLITE_REFUSALS = frozenset({sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
_SQLITE_DAMAGE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})

_POSTGRES_REFUSALS = re.compile(
    "authentication failed|no password supplied|no pg_hba.conf entry|does not exist|permission denied"
    "|not permitted to log in|does not support SSL|certificate|invalid (connection option|URI|value|port)"
)
"""Texts with which PostgreSQL and its driver refuse a connection until an operator acts. Such an error has no code, and
texts in other languages count as temporary."""


@dataclass
class Write:
    """A write transaction: its connection, sequence and time. It is rolled back unless ``commit()`` is called.

    Commands declare in ``touched`` what they have changed; commands/pipeline/settle.py settles it before the commit.
    ``facts`` and ``request``, the digest of the request in hexadecimal digits, become part of the audit log.
    """

    connection: Connection
    seq: int
    known_us: int
    market_day: int
    kind: str
    author: Author
    facts: Facts
    request: str = ""
    committed: bool = False
    touched: Touched = field(default_factory=Touched)

    @property
    def actor(self) -> str:
        """The person for whom the change is made."""
        return self.author.actor

    def commit(self) -> None:
        """Commits the transaction with its entry of the audit log, and notifies the other servers of the book.

        Raises RuntimeError if something touched is not settled, because a commit must never leave a loan unjudged.
        """
        if self.touched:
            raise RuntimeError("the change touched assets or loans that were not settled before the commit")
        self._append_entry()
        if self.connection.dialect.name != "sqlite":
            self.connection.execute(_NOTIFY)
        self.connection.commit()
        self.committed = True

    def _append_entry(self) -> None:
        entry = Entry(
            seq=self.seq,
            known_us=self.known_us,
            market_day=self.market_day,
            method=self.kind,
            principal=self.author.principal,
            actor=self.author.actor,
            request=self.request,
            facts=self.facts.digests(self.connection, self.seq),
        )
        append_entry(self.connection, entry)


@dataclass
class Intake:
    """A transaction that books stock. It locks its shards and is not part of the commit log of the book.

    ``facts`` become links in the chains of the feeds.
    """

    connection: Connection
    received_us: int
    facts: Facts

    def commit(self) -> None:
        """Commits the transaction."""
        self.connection.commit()


class Database:
    """A database on SQLite or PostgreSQL; connections are opened on demand."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.engine = new_engine(url)
        self._file = sqlite_file(url)
        self._identity = file_identity(self._file)
        self.clock = clock
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    def create_file(self) -> None:
        """Creates the file of a SQLite database that has none. Connections never do: a lost book is no empty one."""
        if self._file is not None:
            with _translated_errors():
                sqlite3.connect(self._file).close()
            self._identity = file_identity(self._file)

    @property
    def has_its_file(self) -> bool:
        """Whether the SQLite file is the first one that was there; true of any other engine."""
        found = file_identity(self._file)
        if self._identity is None:
            self._identity = found
        return found == self._identity

    def prepare(self) -> None:
        """Sets a new SQLite file to write-ahead logging; must be called once, before any other use."""
        if self.is_sqlite:
            with _translated_errors(), self.engine.connect() as connection:
                connection.connection.execute("PRAGMA journal_mode=WAL")

    @contextmanager
    def read(self, interrupt: Interrupt | None = None) -> Iterator[Connection]:
        """Opens a snapshot: all reads within it see the same commits. ``interrupt`` stops them from another thread."""
        with _translated_errors(), self.engine.connect() as connection:
            connection.execution_options(**self._read_options())
            with (interrupt or Interrupt()).during(connection), connection.begin():
                yield connection

    @contextmanager
    def write(self, kind: str, author: Author, market_day: int | None = None) -> Iterator[Write]:
        """Opens a write transaction of the book. ``market_day`` sets the business date; None keeps the current one."""
        with self._writing() as connection:
            if not self.is_sqlite:
                connection.execute(_WRITER_LOCK)
            with _collected(connection) as facts:
                yield self._opened(connection, facts, kind, author, market_day)

    @contextmanager
    def intake(self, shards: Iterable[str]) -> Iterator[Intake]:
        """Opens a transaction that locks named shards (feeds, warehouses, runs) but not the book.

        On PostgreSQL each shard is an advisory lock. Locks are acquired in order of their keys, which excludes
        deadlocks. SQLite has only one writer.
        """
        with self._writing() as connection:
            if not self.is_sqlite:
                connection.execute(_locks(), {"keys": sorted({lock_key(shard) for shard in shards})}).all()
            with _collected(connection) as facts:
                yield Intake(connection, microseconds(self.clock()), facts)

    @contextmanager
    def alone(self, what: str) -> Iterator[bool]:
        """Yields whether this server holds the named lock; a SQLite book has one server, which always holds it."""
        if self.is_sqlite:
            yield True
            return
        key = of_schema(lock_key(what))
        with self.outside_transactions() as connection:
            alone = bool(connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one())
            try:
                yield alone
            finally:
                if alone:
                    connection.execute(select(func.pg_advisory_unlock(key)))

    @contextmanager
    def outside_transactions(self) -> Iterator[Connection]:
        """Opens a connection in autocommit mode."""
        with _translated_errors(), self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """Opens a transaction that changes the schema, which no server may use meanwhile; other changes of it wait."""
        with _translated_errors(), self.engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(_WRITER_LOCK)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Opens a write transaction, which is rolled back unless it is committed."""
        if not self.has_its_file:
            raise StoreUnavailable(f"{LOST_FILE}; nothing was written")
        with _translated_errors(), sqlite_turn(self._file), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(sqlite_begin="BEGIN IMMEDIATE")
            transaction = connection.begin()
            try:
                yield connection
            finally:
                if transaction.is_active:
                    transaction.rollback()

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    def _read_options(self) -> dict[str, Any]:
        return {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def _opened(self, connection: Connection, facts: Facts, kind: str, author: Author, market_day: int | None) -> Write:
        last = connection.execute(_LAST_COMMIT).first()
        seq, day, known_us = (last.seq + 1, last.market_day, last.known_us) if last else (1, 0, 0)
        write = Write(
            connection=connection,
            seq=seq,
            known_us=_time_of_commit(microseconds(self.clock()), known_us),
            market_day=day if market_day is None else market_day,
            kind=kind,
            author=author,
            facts=facts,
        )
        row = {
            "seq": seq,
            "known_us": write.known_us,
            "market_day": write.market_day,
            "kind": kind,
            "actor": author.actor,
        }
        connection.execute(_NEW_COMMIT, row)
        return write


@contextmanager
def _collected(connection: Connection) -> Iterator[Facts]:
    """Yields the collector of what the open transaction of a connection records."""
    facts = connection.info[FACTS] = Facts()
    try:
        yield facts
    finally:
        if not connection.invalidated:
            del connection.info[FACTS]


def _time_of_commit(now_us: int, last_us: int) -> int:
    """Returns the time of a commit: that of the clock, not before the last commit unless that was far ahead of it."""
    return now_us if last_us - now_us > WRONG_CLOCK_US else max(now_us, last_us)


_LAST_COMMIT = (
    select(CommitRow.seq, CommitRow.market_day, CommitRow.known_us).order_by(CommitRow.seq.desc()).limit(1)  # type: ignore[attr-defined] # the class stands for its columns
)

_NEW_COMMIT = insert(CommitRow)


@cache
def _locks() -> Select[Any]:
    """Returns the statement that acquires the advisory locks of the keys, in the order given."""
    keys = func.unnest(bindparam("keys", type_=ARRAY(BigInteger))).table_valued("key").render_derived()
    return select(func.pg_advisory_xact_lock(of_schema(keys.c.key))).select_from(keys)


_WRITER_LOCK = select(func.pg_advisory_xact_lock(of_schema(WRITER_LOCK_KEY)))
_NOTIFY = select(func.pg_notify(channel_of_schema(), ""))


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raises StoreUnavailable for errors of the database itself: locked, full, read-only, unreachable, damaged."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable("the database cannot be used now; nothing was written", str(error)) from error
    except (DBAPIError, sqlite3.DatabaseError, PostgresError) as error:
        found = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(found, "sqlite_errorcode", 0) & _PRIMARY_CODE
        if code in _SQLITE_DAMAGE:
            raise StoreUnusable(f"the database file is damaged ({found}); restore a backup") from error
        cause = masked((str(found).strip() or "no message").splitlines()[0])
        is_without_code = isinstance(found, PostgresError) and found.sqlstate is None
        if code in _SQLITE_REFUSALS or (is_without_code and _POSTGRES_REFUSALS.search(cause)):
            raise StoreUnusable("the database cannot be used; nothing was written", cause) from error
        if isinstance(error, OperationalError | sqlite3.OperationalError | PostgresOperationalError):
            raise StoreUnavailable("the database cannot be used now; nothing was written", cause) from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise StoreUnavailable("the connection to the database was lost; nothing was written") from error
        raise
