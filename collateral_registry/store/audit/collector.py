"""Collects what a write transaction records, and gives the digests of it.

Rows that are inserted as columns are digested from these columns. For all other statements only the table is noted, and
the rows of the commit are read back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine
from sqlalchemy.engine.default import DefaultExecutionContext

from collateral_registry.domain.audit.entries import FactDigest
from collateral_registry.store.audit.fact_sets import FACT_SETS, FEED_SETS, SETS_OF_TABLE, FactSet

Values = Any
"""A column: an array, a list, or the value of every row."""

FACTS = "facts"
"""Key of the collector in the information of the connection of a write transaction."""

_INSERTED = {table: tuple(one for one in sets if not one.stage or one.changes) for table, sets in SETS_OF_TABLE.items()}
_UPDATED = {table: tuple(one for one in sets if one.stage) for table, sets in SETS_OF_TABLE.items()}
_APPENDED = {one.table.name: one for one in FACT_SETS if not one.stage} | {
    part.table.name: part for one in FEED_SETS for part in (one.batches, one.items)
}


class Facts:
    """What a write transaction has recorded so far."""

    def __init__(self) -> None:
        self._noted: dict[str, FactSet] = {}
        self._parts: dict[str, list[tuple[Mapping[str, Any], int]]] = {}
        self._stated: list[FactDigest] = []

    def note(self, table: str, *, inserted: bool) -> None:
        """Notes that a statement has written a table."""
        for one in (_INSERTED if inserted else _UPDATED).get(table, ()):
            self._noted[one.name] = one

    def append(self, table: str, columns: Mapping[str, Any], rows: int) -> None:
        """Notes rows that were inserted as columns; the columns must not be changed afterwards."""
        found = _APPENDED.get(table)
        if found is None:
            return
        if columns.keys() >= set(found.names):
            self._parts.setdefault(found.name, []).append((columns, rows))
        else:
            self._noted[found.name] = found

    def state(self, fact: FactDigest) -> None:
        """Adds a digest that was made elsewhere."""
        self._stated.append(fact)

    def take(self, table: str, source_key: int) -> tuple[Mapping[str, Any], int]:
        """Returns and forgets the rows of a feed that were appended to a table; no rows if there are none."""
        parts = self._parts.get(table, [])
        for place, (columns, _) in enumerate(parts):
            of_feed = columns["source_key"]
            if of_feed == source_key if isinstance(of_feed, int) else source_key in of_feed:
                return parts.pop(place)
        return {}, 0

    def digests(self, connection: Connection, seq: int) -> tuple[FactDigest, ...]:
        """Returns the digests of what the commit ``seq`` has recorded, ordered by name."""
        found = list(self._stated)
        for one in self._noted.values():
            found += _read_back(connection, one, seq)
        for name, parts in self._parts.items():
            if name not in self._noted and parts:
                found.append(digest_of(_APPENDED[name], *_joined(parts)))
        return tuple(sorted(found, key=lambda fact: fact.name))


def collect_from(engine: Engine) -> None:
    """Lets every INSERT and UPDATE of an engine note its table in the collector of its transaction.

    The context of a statement notes it: an event of SQLAlchemy would cost each read of the engine as well.
    """
    context = engine.dialect.execution_ctx_cls
    engine.dialect.execution_ctx_cls = type(f"Noting{context.__name__}", (_Noting, context), {})


class _Noting(DefaultExecutionContext):
    """Notes what a statement has written, after it was executed."""

    def post_exec(self) -> None:
        """Notes the table of an INSERT or UPDATE."""
        post_exec: Callable[[], None] = super().post_exec
        post_exec()
        if self.isinsert or self.isupdate:
            facts = self.root_connection.info.get(FACTS)
            if facts is not None and self.compiled is not None:
                facts.note(self.compiled.statement.table.name, inserted=self.isinsert)


def digest_of(one: FactSet, columns: Mapping[str, Any], rows: int) -> FactDigest:
    """Returns the digest of rows given as columns, in any order."""
    return FactDigest(one.name, rows, one.shape.digest(in_order(columns, rows, one.key), rows))


def in_order(columns: Mapping[str, Any], rows: int, key: Sequence[str]) -> Mapping[str, Any]:
    """Returns rows given as columns in the order of their key; a scalar is the value of every row."""
    varied = [_comparable(columns[name]) for name in key if isinstance(columns[name], np.ndarray | list | tuple)]
    if rows < 2 or not varied:
        return columns
    if len(varied) == 1 and (varied[0][1:] > varied[0][:-1]).all():
        return columns
    order = np.lexsort(varied[::-1])
    if np.array_equal(order, np.arange(rows)):
        return columns
    return {name: _chosen(values, order) for name, values in columns.items()}


def _comparable(values: Values) -> np.ndarray[Any, Any]:
    if not isinstance(values, np.ndarray):
        return np.asarray(values)
    return np.asarray(values.tolist()) if values.dtype == object else values


def _chosen(values: Values, order: np.ndarray[Any, Any]) -> Values:
    if isinstance(values, np.ndarray):
        return values[order]
    return list(map(values.__getitem__, order.tolist())) if isinstance(values, list | tuple) else values


def _joined(parts: Sequence[tuple[Mapping[str, Any], int]]) -> tuple[Mapping[str, Any], int]:
    """Returns the rows of several insertions together."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in parts[0][0] if all(name in columns for columns, _ in parts)]
    joined = {name: [value for columns, rows in parts for value in _listed(columns[name], rows)] for name in names}
    return joined, sum(rows for _, rows in parts)


def _listed(values: Values, rows: int) -> Sequence[Any]:
    if isinstance(values, np.ndarray):
        return list(values.tolist())
    return values if isinstance(values, list | tuple) else [values] * rows


def _read_back(connection: Connection, one: FactSet, seq: int) -> list[FactDigest]:
    driver: Any = connection.connection.driver_connection
    rows = driver.execute(_rows_of_commit(one, connection.dialect.name), (seq,)).fetchall()
    if one.changes:
        return [FactDigest(row_name(one, row), 1, one.shape.digest_of_rows([row])) for row in rows]
    if not rows:
        return []
    if len(rows) > 1:
        places = [one.names.index(name) for name in one.key]
        rows.sort(key=lambda row: tuple(row[place] for place in places))
    return [FactDigest(one.name, len(rows), one.shape.digest_of_rows(rows))]


def row_name(one: FactSet, row: Sequence[Any]) -> str:
    """Returns the name of the digest of one row."""
    return "/".join([one.name, *(str(row[one.names.index(name)]) for name in one.key)])


_ROWS = "SELECT {columns} FROM {table} WHERE {where}"


@cache
def _rows_of_commit(one: FactSet, dialect: str) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    of_change = f" AND {one.run} = 0" if one.run else ""
    columns = ", ".join(f'"{name}"' for name in one.names)
    return _ROWS.format(columns=columns, table=one.table.name, where=f"{one.seq} = {mark}{of_change}")
