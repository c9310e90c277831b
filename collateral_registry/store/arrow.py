"""Columns in and out without a Python object for a value: the road of whole partitions (ADBC).

A connection of its own, beside those of the engine: it sees what is committed and commits what it appends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection as AdbcConnection
from adbc_driver_sqlite import StatementOptions
from numpy.typing import NDArray
from sqlalchemy import Dialect, Executable, Float, Select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from collateral_registry.store.database import SQLITE_PRAGMAS, sqlite_file, sqlite_turn

TYPED_ROWS = 65_536
"""Rows that the SQLite driver looks at before it decides on a column's type: more than any partition has."""

Columns = dict[str, Any]


class ArrowConnection:
    """A connection that reads and appends columns."""

    def __init__(self, url: str) -> None:
        """Connects; raises the driver's error when the database cannot be reached."""
        self._file = sqlite_file(url)
        self.dialect: Dialect = postgresql.dialect() if self._file is None else sqlite.dialect()  # type: ignore[no-untyped-call]
        self._options = {StatementOptions.BATCH_ROWS.value: str(TYPED_ROWS)} if self._file else {}
        self._connection = _connect(url)

    @contextmanager
    def read(self) -> Iterator[ArrowConnection]:
        """A snapshot: everything read inside is of one moment."""
        try:
            if self._file is None:
                self.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield self
        finally:
            self._connection.rollback()

    @contextmanager
    def write(self) -> Iterator[ArrowConnection]:
        """A write transaction, committed at the end unless something is raised."""
        with sqlite_turn(self._file):
            try:
                yield self
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def columns(self, statement: Select[Any]) -> Columns:
        """The columns of a select [rows], as ``read_columns`` gives them."""
        with self._connection.cursor(adbc_stmt_kwargs=self._options) as cursor:
            cursor.execute(self._sql(statement))
            table = cursor.fetch_arrow_table()
        chosen = statement.selected_columns
        return {column.key or "": _numpy(data, column.type) for column, data in zip(chosen, table.columns, strict=True)}

    def append(self, table: type[SQLModel], columns: Mapping[str, Any], rows: int) -> None:
        """Appends rows given as columns; scalars are repeated."""
        arrays = {name: _arrow(data, rows) for name, data in columns.items()}
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(str(table.__tablename__), pa.table(arrays), mode="append")

    def execute(self, statement: Executable | str) -> int:
        """Runs a statement that returns no rows; returns how many rows it touched, -1 when the driver does not say."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement if isinstance(statement, str) else self._sql(statement))
            return int(cursor.rowcount)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _sql(self, statement: Any) -> str:  # noqa: ANN401 - any SQLAlchemy construct
        return str(statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))


def _connect(url: str) -> AdbcConnection:
    path = sqlite_file(url)
    if path is None:
        libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        return cast("AdbcConnection", adbc_driver_postgresql.dbapi.connect(libpq))
    connection = cast("AdbcConnection", adbc_driver_sqlite.dbapi.connect(str(path), autocommit=True))
    with connection.cursor() as cursor:
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
    connection.adbc_connection.set_autocommit(False)
    return connection


def _numpy(data: pa.ChunkedArray, kind: Any) -> NDArray[Any]:  # noqa: ANN401 - SQLAlchemy's type objects
    """float64 with NaN for null, int64, or object; a text that stands in many rows is one object."""
    if isinstance(kind, Float):
        return np.asarray(data.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    if kind.python_type is int:
        return np.asarray(data.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
    encoded = data.combine_chunks().dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    return distinct[encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)]


def _arrow(data: Any, rows: int) -> pa.Array:  # noqa: ANN401 - an array, a list or a scalar
    if isinstance(data, np.ndarray):
        return pa.array(data, from_pandas=True)
    return pa.array(data) if isinstance(data, list) else pa.repeat(pa.scalar(data), rows)
