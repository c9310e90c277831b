"""Reads, inserts and updates many rows as numpy columns instead of one object per row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from sqlite3 import Connection as SqliteConnection
from typing import Any, Protocol, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as PostgresConnection
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    Float,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.store.audit.collector import FACTS
from collateral_registry.store.engine.key_sets import RecordSet
from valuation._typing import Int

FETCH_ROWS = 4_096
"""Number of rows converted to arrays in one step; a larger number would make garbage collection slow."""

POSTGRESQL_TYPES: Mapping[type, str] = {int: "int8", float: "float8", str: "text", bytes: "bytea"}
"""PostgreSQL type of each Python type, for COPY in binary format, which requires exact types."""

Columns = dict[str, Any]
"""Arrays by column name: int64, float64 (NaN for null), or object for text and bytes."""


class ColumnConnection(Protocol):
    """A connection that transfers whole partitions within a transaction (engine/arrow.py)."""

    dialect: Dialect

    def columns(self, statement: Select[Any], named: Mapping[str, Any]) -> Columns:
        """Returns the columns [rows] of a select with its named parameters."""

    def append(self, table: type[SQLModel], columns: Mapping[str, Any], rows: int) -> None:
        """Appends rows given as columns; scalars are repeated."""

    def execute(self, statement: Executable) -> None:
        """Executes a statement that returns no rows."""


Source = Connection | ColumnConnection
"""A connection of a change or of a snapshot, or one that transfers whole partitions."""


@contextmanager
def one_snapshot(source: Source) -> Iterator[Source]:
    """Yields a source whose reads all see the same commits, but nothing of what the transaction of ``source`` wrote.

    Entries and movements are booked while the book is written. On PostgreSQL each statement of a write transaction sees
    what was booked before it, so that two of them may see different ledgers.
    """
    if not isinstance(source, Connection) or source.dialect.name == "sqlite" or FACTS not in source.info:
        yield source
        return
    with source.engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def read_columns(connection: Source, statement: Select[Any], named: Mapping[str, Any] | None = None) -> Columns:
    """Executes a select with its named parameters and returns its columns [rows].

    Integer columns must not contain null, because an int64 array cannot represent it.
    """
    if not isinstance(connection, Connection):
        return connection.columns(statement, named or {})
    kinds = _kinds_of(statement)
    parts: list[list[NDArray[Any]]] = [[typed_column(kind, ())] for kind in kinds.values()]
    result = connection.execute(statement, named)
    while result.cursor is not None and (rows := result.cursor.fetchmany(FETCH_ROWS)):
        for part, kind, data in zip(parts, kinds.values(), zip(*rows, strict=True), strict=True):
            part.append(typed_column(kind, data))
    result.close()
    return {name: np.concatenate(part) for name, part in zip(kinds, parts, strict=True)}


def _kinds_of(statement: Select[Any]) -> dict[str, TypeEngine[Any]]:
    """Returns the types of a statement's columns by name.

    They are kept as long as the statement, because SQLAlchemy derives them again each time they are requested.
    """
    if statement not in _KINDS:
        _KINDS[statement] = {column.key or "": column.type for column in statement.selected_columns}
    return _KINDS[statement]


_KINDS: WeakKeyDictionary[Select[Any], dict[str, TypeEngine[Any]]] = WeakKeyDictionary()


def read_keys(connection: Source, statement: Select[Any], named: Mapping[str, Any] | None = None) -> Int:
    """Executes a select of one integer column and returns it [rows]."""
    (keys,) = read_columns(connection, statement, named).values()
    return np.asarray(keys, dtype=np.int64)


def typed_column(kind: TypeEngine[Any], data: Sequence[Any]) -> NDArray[Any]:
    """Returns an array of the column's type: float64 (NaN for null), int64 or object."""
    if isinstance(kind, Float):
        return np.array(data, dtype=np.float64)
    if kind.python_type is int:
        return np.array(data, dtype=np.int64)
    array = np.empty(len(data), dtype=object)
    array[:] = data
    return array


def insert_columns(connection: Source, table: type[SQLModel], columns: Mapping[str, Any], rows: int) -> None:
    """Appends rows given as columns in the connection's transaction; scalars are repeated."""
    if rows == 0:
        return
    if not isinstance(connection, Connection):
        connection.append(table, columns, rows)
        return
    facts = connection.info.get(FACTS)
    if facts is not None:
        facts.append(str(table.__tablename__), columns, rows)
    names = list(columns)
    data = [_listed(columns[name], rows) for name in names]
    driver = connection.connection.driver_connection
    target = table.__tablename__
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(names))
        insert = f"INSERT INTO {target} ({','.join(names)}) VALUES ({marks})"  # noqa: S608 - names come from the schema
        cast("SqliteConnection", driver).executemany(insert, zip(*data, strict=True))
        return
    with (
        cast("PostgresConnection[Any]", driver).cursor() as cursor,
        cursor.copy(f"COPY {target} ({','.join(names)}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([POSTGRESQL_TYPES[table.__table__.c[name].type.python_type] for name in names])
        for row in zip(*data, strict=True):
            copy.write_row(row)


class ColumnUpdate:
    """Updates columns in many rows, found by integer keys; skips rows that do not meet constant conditions."""

    def __init__(self, table: type[SQLModel], key: str, names: Sequence[str], *where: ColumnElement[bool]) -> None:
        target = table.__table__
        self._table = str(table.__tablename__)
        self._names = [f"new_{name}" for name in (key, *names)]
        own: BindParameter[int] = bindparam(f"new_{key}")
        values: dict[str, BindParameter[Any]] = {name: bindparam(f"new_{name}") for name in names}
        self._row_by_row = update(target).where(target.c[key] == own, *where).values(values)
        new = RecordSet({name: target.c[name].type for name in (key, *names)}).rows
        joined = update(target).where(target.c[key] == new.c[key], *where)
        self._at_once = joined.values({name: new.c[name] for name in names})

    def run(self, connection: Connection, keys: Sequence[int], *columns: Sequence[Any]) -> None:
        """Sets the columns [n] of the rows with the keys [n], in the transaction of the connection."""
        given = dict(zip(self._names, (keys, *columns), strict=True))
        if not len(keys):
            return
        if connection.dialect.name != "sqlite":
            connection.execute(self._at_once, {"records": list(zip(*given.values(), strict=True))})
            return
        # SQLite updates row by row, because records are JSON, of which it keeps only fifteen digits of a float, and
        # which it would parse again for each column.
        statement, names, constants = self._on_sqlite
        facts = connection.info.get(FACTS)
        if facts is not None:
            facts.note(self._table, inserted=False)
        rows = zip(*(given.get(name) or [constants[name]] * len(keys) for name in names), strict=True)
        cast("SqliteConnection", connection.connection.driver_connection).executemany(statement, rows)

    @cached_property
    def _on_sqlite(self) -> tuple[str, Sequence[str], Mapping[str, Any]]:
        """The update of one row for the driver, the names of its parameters in their order, and their constants."""
        compiled: Any = self._row_by_row.compile(dialect=sqlite.dialect(paramstyle="qmark"))
        return str(compiled), compiled.positiontup, compiled.params


def new_keys(connection: Connection, table: type[SQLModel], count: int) -> list[int]:
    """Reserves keys for new rows of a table with an automatic key; must be called in a write transaction."""
    if not count:
        return []
    if connection.dialect.name == "sqlite":
        last = connection.execute(_last_key(table)).scalar_one()
        return list(range(last + 1, last + 1 + count))
    return list(connection.execute(_next_keys(table), {"count": count}).scalars())


@cache
def _last_key(table: type[SQLModel]) -> Select[Any]:
    (key,) = table.__table__.primary_key
    return select(func.coalesce(func.max(key), 0))


@cache
def _next_keys(table: type[SQLModel]) -> Select[Any]:
    (key,) = table.__table__.primary_key
    sequence = func.pg_get_serial_sequence(table.__tablename__, key.name)
    numbers = func.generate_series(1, bindparam("count", type_=BigInteger)).table_valued("value").render_derived()
    return select(func.nextval(sequence)).select_from(numbers)


def _listed(value: object, rows: int) -> Sequence[Any]:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if isinstance(value, list | tuple) else [value] * rows


def wide_sum(name: str, column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Returns two sums over an integer column: of the whole millions, and of the remainders.

    :func:`summed` combines them. A plain sum could exceed 64 bits, in which case SQLite raises an error.
    """
    million: ColumnElement[int] = literal_column(str(MILLION), BigInteger)
    high, low = func.sum(column // million), func.sum(column % million)
    return high.label(f"{name}_millions"), low.label(f"{name}_rest")


def summed(millions: int, rest: int) -> int:
    """Returns the total of the two sums of :func:`wide_sum`."""
    return int(millions) * MILLION + int(rest)
