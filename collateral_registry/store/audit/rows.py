"""Streams rows of facts in the order of their digests: by sequence and key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Text

from collateral_registry.domain.audit.canonical import BLOCK_ROWS
from collateral_registry.store.audit.fact_sets import FactSet

NOT_YET = 1 << 62
"""Commit of breaches that are not cured; others state 0 until there is one."""

_SELECT = "SELECT {columns} FROM {table} WHERE {where} ORDER BY {places}"

Rows = list[tuple[Any, ...]]


def blocks_of(connection: Connection, one: FactSet, where: str) -> Iterator[Rows]:
    """Yields the rows of a set that meet a condition of SQL, in blocks; all but the last have BLOCK_ROWS rows."""
    columns = ", ".join(f'"{name}"' for name in one.names)
    places = ", ".join(_ordered(one, name, connection.dialect.name) for name in order_of(one))
    statement = _SELECT.format(columns=columns, table=one.table.name, where=where, places=places)
    with streamed(connection, statement) as cursor:
        while rows := cursor.fetchmany(BLOCK_ROWS):
            yield [tuple(row) for row in rows]


@contextmanager
def streamed(connection: Connection, statement: str) -> Iterator[Any]:
    """Yields the cursor of a select that is read row by row. Damaged texts have surrogates for the damaged bytes."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        with driver.cursor("audit") as cursor:
            cursor.execute(statement)
            yield cursor
        return
    before, driver.text_factory = driver.text_factory, _text
    try:
        yield driver.execute(statement)
    finally:
        driver.text_factory = before


def where_filled(one: FactSet) -> str:
    """Returns the condition of the rows whose columns of the set are filled."""
    return f"{one.seq} > 0 AND {one.seq} < {NOT_YET}" if one.stage else "1 = 1"


def order_of(one: FactSet) -> tuple[str, ...]:
    """Returns the columns by which the rows of a set are ordered."""
    first = (one.seq, one.run) if one.run else (one.seq,)
    return one.order or (*first, *(name for name in one.key if name != one.seq))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _ordered(one: FactSet, name: str, dialect: str) -> str:
    collated = dialect != "sqlite" and isinstance(one.table.columns[name].type, Text)
    return f'"{name}" COLLATE "C"' if collated else f'"{name}"'
