"""Columns in and out of tables: many rows as numpy arrays, never as objects."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Float,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

MILLION = 1_000_000

FETCH_ROWS = 4_096
"""Rows turned into arrays at a time: few enough that they never burden the garbage collector."""

POSTGRESQL_TYPES: Mapping[type, str] = {int: "int8", float: "float8", str: "text", bytes: "bytea"}
"""What a column of each kind is in PostgreSQL: a copy in binary form must name its types, and nothing is parsed."""

Columns = dict[str, Any]
"""Column name to array: int64, float64 with NaN for null, or object for text and bytes."""


class ColumnConnection(Protocol):
    """A connection that moves whole partitions (store/arrow.py), in a transaction."""

    dialect: Dialect

    def columns(self, statement: Select[Any]) -> Columns:
        """The columns of a select [rows]."""

    def append(self, table: type[SQLModel], columns: Mapping[str, Any], rows: int) -> None:
        """Appends rows given as columns; scalars are repeated."""

    def execute(self, statement: Any) -> None:  # noqa: ANN401 - any SQLAlchemy construct
        """Runs a statement whose rows nobody wants."""


Source = Connection | ColumnConnection
"""Where columns come from and go to: the connection of a change or of a snapshot, or one for whole partitions."""


def read_columns(connection: Source, statement: Select[Any]) -> Columns:
    """Runs a select and returns its columns [rows]; integer columns must not be null."""
    if not isinstance(connection, Connection):
        return connection.columns(statement)
    columns = list(statement.selected_columns)
    parts: list[list[NDArray[Any]]] = [[typed_column(column.type, ())] for column in columns]
    result = connection.execute(statement)
    with _collector_paused():
        while result.cursor is not None and (rows := result.cursor.fetchmany(FETCH_ROWS)):
            for part, column, data in zip(parts, columns, zip(*rows, strict=True), strict=True):
                part.append(typed_column(column.type, data))
    result.close()
    return {column.key or "": np.concatenate(part) for column, part in zip(columns, parts, strict=True)}


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No garbage collection inside: rows by the ten thousand hold no cycles, yet each pass would look at them all."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def typed_column(kind: Any, data: Sequence[Any]) -> NDArray[Any]:  # noqa: ANN401 - SQLAlchemy's type objects
    """An array of the column's type: float64 with NaN for null, int64, or object."""
    if isinstance(kind, Float):
        return np.array(data, dtype=np.float64)
    if kind.python_type is int:
        return np.array(data, dtype=np.int64)
    array = np.empty(len(data), dtype=object)
    array[:] = data
    return array


def insert_columns(connection: Source, table: type[SQLModel], columns: Mapping[str, Any], rows: int) -> None:
    """Appends rows given as columns; scalars are repeated. In the transaction of the connection."""
    if rows == 0:
        return
    if not isinstance(connection, Connection):
        connection.append(table, columns, rows)
        return
    names = list(columns)
    data = [_listed(columns[name], rows) for name in names]
    driver = connection.connection.driver_connection
    if driver is None:
        message = "the connection has no driver connection"
        raise RuntimeError(message)
    target = table.__tablename__
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(names))
        insert = f"INSERT INTO {target} ({','.join(names)}) VALUES ({marks})"  # noqa: S608 - names come from the schema
        with _collector_paused():
            driver.executemany(insert, zip(*data, strict=True))
        return
    with (
        _collector_paused(),
        driver.cursor() as cursor,
        cursor.copy(f"COPY {target} ({','.join(names)}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([POSTGRESQL_TYPES[table.__table__.c[name].type.python_type] for name in names])
        for row in zip(*data, strict=True):
            copy.write_row(row)


def update_columns(
    connection: Connection, table: type[SQLModel], key: str, columns: Mapping[str, Any], *also: ColumnElement[bool]
) -> None:
    """Sets columns [n] of the rows that the column ``key`` names, where they are also such.

    In the transaction of the connection; the keys, which are integers, must not be none.
    """
    names, target = [name for name in columns if name != key], table.__table__
    data = zip(*(_listed(columns[name], 0) for name in (key, *names)), strict=True)
    if connection.dialect.name == "sqlite":
        own: BindParameter[int] = bindparam("own")
        values: dict[str, BindParameter[Any]] = {name: bindparam(f"new_{name}") for name in names}
        statement = update(target).where(target.c[key] == own, *also).values(**values)
        marks = ("own", *(f"new_{name}" for name in names))
        connection.execute(statement, [dict(zip(marks, row, strict=True)) for row in data])
        return
    new = record_rows(connection.dialect.name, {name: target.c[name].type for name in (key, *names)})
    changed = update(target).where(target.c[key] == new.c[key], *also).values({name: new.c[name] for name in names})
    connection.execute(changed, {"records": listed_records(data)})


def new_keys(connection: Connection, table: type[SQLModel], count: int) -> list[int]:
    """Keys for new rows of a table with a numbered key; in a write transaction."""
    if not count:
        return []
    (key,) = table.__table__.primary_key
    if connection.dialect.name == "sqlite":
        last = connection.execute(select(func.coalesce(func.max(key), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    sequence = func.pg_get_serial_sequence(table.__tablename__, key.name)
    numbers = func.generate_series(1, count).table_valued("value").render_derived()
    return list(connection.execute(select(func.nextval(sequence)).select_from(numbers)).scalars())


def _listed(value: Any, rows: int) -> Sequence[Any]:  # noqa: ANN401 - an array or a scalar
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if isinstance(value, list) else [value] * rows


def wide_sum(name: str, column: Any) -> tuple[ColumnElement[int], ColumnElement[int]]:  # noqa: ANN401 - a column
    """The sum of whole numbers in two columns, whole millions and the rest; :func:`summed` puts them together.

    SQLite ends a sum beyond 64 bits with an error.
    """
    million: ColumnElement[int] = literal_column(str(MILLION), BigInteger)
    high, low = func.sum(column // million), func.sum(column % million)
    return high.label(f"{name}_millions"), low.label(f"{name}_rest")


def summed(millions: int, rest: int) -> int:
    """What :func:`wide_sum` has told."""
    return int(millions) * MILLION + int(rest)


def key_rows(connection: Source, keys: NDArray[np.int64]) -> Any:  # noqa: ANN401 - a named table value
    """A table ``keys(value)`` of the keys, to join with: any number of them in one bound parameter."""
    listed = keys.tolist()
    if connection.dialect.name == "sqlite":
        return func.json_each(bindparam(None, json.dumps(listed))).table_valued("value", name="keys")
    array = bindparam(None, listed, type_=ARRAY(BigInteger))
    return func.unnest(array).table_valued("value", name="keys").render_derived()


def text_rows(dialect: str) -> Any:  # noqa: ANN401 - a named table
    """A table ``texts(value)`` to join with: any number of them in the parameter ``texts``, a JSON list.

    JSON on both engines: the driver of PostgreSQL would escape an array text by text.
    """
    listed = bindparam("texts", type_=Text)
    if dialect == "sqlite":
        return func.json_each(listed).table_valued("value", name="texts")
    return func.json_array_elements_text(cast(listed, JSON)).table_valued("value", name="texts").render_derived()


def listed_texts(texts: Iterable[str]) -> str:
    """The parameter of :func:`text_rows`."""
    return json.dumps(list(texts))


def record_rows(dialect: str, kinds: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a named table
    """A table ``records`` of named and typed columns: any number in the parameter ``records``, a JSON list of lists."""
    listed = bindparam("records", type_=Text)
    if dialect == "sqlite":
        rows = func.json_each(listed).table_valued("value", name="listed")
        columns = [func.json_extract(rows.c.value, f"$[{place}]").label(name) for place, name in enumerate(kinds)]
    else:
        rows = func.jsonb_array_elements(cast(listed, JSONB)).table_valued("value", name="listed").render_derived()
        told = [rows.c.value.op("->>")(literal_column(str(place))) for place in range(len(kinds))]
        columns = [cast(text, kind).label(name) for text, (name, kind) in zip(told, kinds.items(), strict=True)]
    return select(*columns).subquery("records")


def listed_records(records: Iterable[Sequence[Any]]) -> str:
    """The parameter of :func:`record_rows`."""
    return json.dumps(list(records))


def in_texts(connection: Connection, column: Any, texts: Iterable[str]) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Condition that a column is among the texts.

    Beside a join with :func:`record_rows`, of which PostgreSQL does not know how many there are, it tells it.
    """
    if connection.dialect.name == "sqlite":
        listed = func.json_each(bindparam(None, listed_texts(texts))).table_valued("value", name="among")
        return column.in_(select(listed.c.value))  # type: ignore[no-any-return] # the column is of any type
    return column == any_(bindparam(None, list(texts), type_=ARRAY(Text)))  # type: ignore[no-any-return] # the same


def _is_range(keys: NDArray[np.int64]) -> bool:
    """Whether keys in order leave none out between the first and the last."""
    return len(keys) > 1 and int(keys[-1]) - int(keys[0]) == len(keys) - 1 and bool((np.diff(keys) == 1).all())


def in_keys(connection: Source, column: Any, keys: NDArray[np.int64] | None) -> ColumnElement[bool]:  # noqa: ANN401
    """Condition that a column is among the keys; no keys given means every row."""
    if keys is None:
        return true()
    if _is_range(keys):
        return column.between(int(keys[0]), int(keys[-1]))
    table = key_rows(connection, keys)
    return column.in_(select(table.c.value))
