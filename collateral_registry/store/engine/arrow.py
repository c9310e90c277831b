"""Transfers whole columns through ADBC for revaluation workers, without a Python object for each value.

Two copies of the SQLite library must not open the same file in one process, because closing it in one copy drops the
locks of the other (https://www.sqlite.org/howtocorrupt.html, section 2.2.1). The ADBC driver has its own copy. On
SQLite, only worker processes that do not open the database in any other way may therefore use this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection as AdbcConnection, Error as AdbcError
from adbc_driver_sqlite import StatementOptions
from numpy.typing import NDArray
from sqlalchemy import Dialect, Executable, Float, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.store.engine.connections import (
    POSTGRES_SESSION,
    SQLITE_PRAGMAS,
    libpq_url,
    sqlite_file,
    uri_of_existing_file,
)
from collateral_registry.store.engine.locks import lock_key, of_schema, sqlite_turn

TYPED_ROWS = 65_536
"""The SQLite driver reads this many rows before it decides on the type of a column; no partition has more."""

Columns = dict[str, Any]


class ArrowConnection:
    """A connection in a transaction that reads and appends columns."""

    def __init__(self, connection: AdbcConnection, dialect: Dialect) -> None:
        self.dialect = dialect
        self._connection = connection
        self._options = {StatementOptions.BATCH_ROWS.value: str(TYPED_ROWS)} if dialect.name == "sqlite" else {}

    def columns(self, statement: Select[Any], named: Mapping[str, Any]) -> Columns:
        """Returns the columns [rows] of a select with its named parameters, as ``read_columns`` does."""
        with self._connection.cursor(adbc_stmt_kwargs=self._options) as cursor:
            cursor.execute(self._sql(statement.params(named)))
            table = cursor.fetch_arrow_table()
        chosen = statement.selected_columns
        return {column.key or "": _numpy(data, column.type) for column, data in zip(chosen, table.columns, strict=True)}

    def append(self, table: type[SQLModel], columns: Mapping[str, Any], rows: int) -> None:
        """Appends rows given as columns; scalars are repeated."""
        arrays = {name: _arrow(data, rows) for name, data in columns.items()}
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(str(table.__tablename__), pa.table(arrays), mode="append")

    def execute(self, statement: Executable) -> None:
        """Executes a statement that returns no rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._sql(statement))

    def _sql(self, statement: Executable) -> str:
        return str(statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))


@dataclass
class ArrowIntake:
    """A write transaction that is not part of the commit log."""

    connection: ArrowConnection
    driver: AdbcConnection

    def commit(self) -> None:
        """Commits the whole transaction."""
        self.driver.commit()


class ArrowDatabase:
    """ADBC counterpart of ``Database``: read snapshots and shard transactions.

    The constructor connects to the database; it raises StoreUnavailable if the database cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._file = sqlite_file(url)
        # The PostgreSQL dialect would double each percent sign in a literal if it kept its default parameter style.
        self._dialect: Dialect = (
            postgresql.dialect(paramstyle="named") if self._file is None else sqlite.dialect(paramstyle="named")
        )
        with _translated_errors():
            self._driver = _connect(url)

    @contextmanager
    def read(self) -> Iterator[ArrowConnection]:
        """Opens a snapshot: all reads within it see the same commits."""
        with self._rolled_back():
            if self._file is None:
                self._execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield ArrowConnection(self._driver, self._dialect)

    @contextmanager
    def intake(self, shards: Iterable[str]) -> Iterator[ArrowIntake]:
        """Opens a write transaction that locks the named shards; it is rolled back unless it is committed."""
        with sqlite_turn(self._file), self._rolled_back():
            if self._file is None:
                for key in sorted({lock_key(shard) for shard in shards}):
                    lock = select(func.pg_advisory_xact_lock(of_schema(key)))
                    self._execute(str(lock.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True})))
            yield ArrowIntake(ArrowConnection(self._driver, self._dialect), self._driver)

    def close(self) -> None:
        """Closes the connection."""
        self._driver.close()

    @contextmanager
    def _rolled_back(self) -> Iterator[None]:
        """Rolls back at the end what has not been committed."""
        with _translated_errors():
            try:
                yield
            finally:
                self._driver.rollback()

    def _execute(self, statement: str) -> None:
        with self._driver.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Translates errors of the driver to StoreUnavailable, which can be pickled and sent to another process."""
    try:
        yield
    except AdbcError as error:
        cause = str(error).strip().splitlines()[0]
        raise StoreUnavailable("the database cannot be used now; nothing was written", cause) from None


def _connect(url: str) -> AdbcConnection:
    path = sqlite_file(url)
    if path is None:
        connection = cast("AdbcConnection", adbc_driver_postgresql.dbapi.connect(libpq_url(url)))
        settings = [*POSTGRES_SESSION]
    else:
        connection = cast("AdbcConnection", adbc_driver_sqlite.dbapi.connect(uri_of_existing_file(path)))
        settings = [f"PRAGMA {pragma}" for pragma in SQLITE_PRAGMAS]
    # Inside a transaction SQLite refuses settings, and PostgreSQL takes them back if it is undone.
    connection.adbc_connection.set_autocommit(True)
    with connection.cursor() as cursor:
        for setting in settings:
            cursor.execute(setting)
            cursor.fetchall()
    connection.adbc_connection.set_autocommit(False)
    return connection


def _numpy(data: pa.ChunkedArray, kind: TypeEngine[Any]) -> NDArray[Any]:
    """Converts a column to float64 (NaN for null), int64 or object.

    Equal strings share one Python object: the column is dictionary-encoded, and only its distinct values are converted.
    """
    if isinstance(kind, Float):
        return np.asarray(data.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    if kind.python_type is int:
        return np.asarray(data.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
    encoded = data.combine_chunks().dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    return distinct[encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)]


def _arrow(data: object, rows: int) -> pa.Array:
    if isinstance(data, np.ndarray):
        return pa.array(data, from_pandas=True)
    return pa.array(data) if isinstance(data, list) else pa.repeat(pa.scalar(data), rows)
