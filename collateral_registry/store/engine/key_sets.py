"""Which rows a statement is about: keys, texts or records, any number of them in one parameter.

So a statement can be built once and kept, by engine and by shape: the library takes 0.6 ms to build one of a few joins
and to find its compiled form, and a tenth of that to run one that is kept; a change of the book runs fifty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from valuation._typing import Int


class Speaking(Protocol):
    """A connection, of which we only need to know what its engine speaks."""

    @property
    def dialect(self) -> Dialect:
        """The engine's."""


class Shape(Enum):
    """How a statement says which rows it is about: not at all, from a first key to a last one, or by a list."""

    EVERY = auto()
    RANGE = auto()
    LISTED = auto()


class Among(NamedTuple):
    """What a statement that is kept must know of the keys it will be asked about: how many they are it need not."""

    dialect: str
    shape: Shape

    def __call__(self, column: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a column
        """Condition that a column is among the keys."""
        if self.shape is Shape.EVERY:
            return true()
        if self.shape is Shape.RANGE:
            return column.between(bindparam("first_key"), bindparam("last_key"))  # type: ignore[no-any-return] # the column is of any type
        return column.in_(select(key_rows(self.dialect).c.value))  # type: ignore[no-any-return] # the same


def among(connection: Speaking, keys: Int | None) -> tuple[Among, dict[str, Any]]:
    """How a statement asks about those keys, and the parameters by which it does; no keys given means every row."""
    dialect = connection.dialect.name
    if keys is None:
        return Among(dialect, Shape.EVERY), {}
    if _is_range(keys):
        return Among(dialect, Shape.RANGE), {"first_key": int(keys[0]), "last_key": int(keys[-1])}
    return Among(dialect, Shape.LISTED), listed_keys(dialect, keys)


def in_keys(connection: Speaking, column: Any, keys: Int | None) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """The condition with its keys inside, for a statement that is built anew each time."""
    if keys is None:
        return true()
    if _is_range(keys):
        return column.between(int(keys[0]), int(keys[-1]))  # type: ignore[no-any-return] # the column is of any type
    dialect = connection.dialect.name
    listed = bindparam(None, listed_keys(dialect, keys)["keys"], type_=_type_of_keys(dialect))
    return column.in_(select(_rows_of(dialect, listed).c.value))  # type: ignore[no-any-return] # the same


def key_rows(dialect: str) -> Any:  # noqa: ANN401 - a named table
    """A table ``keys(value)`` to join with: any number of keys in the parameter ``keys``."""
    return _rows_of(dialect, bindparam("keys", type_=_type_of_keys(dialect)))


def _type_of_keys(dialect: str) -> Text | ARRAY[int]:
    return Text() if dialect == "sqlite" else ARRAY(BigInteger)


def _rows_of(dialect: str, listed: BindParameter[Any]) -> Any:  # noqa: ANN401 - a named table
    if dialect == "sqlite":
        return func.json_each(listed).table_valued("value", name="keys")
    # The cast is for a list of none, written out: it has no type of its own.
    return func.unnest(cast(listed, ARRAY(BigInteger))).table_valued("value", name="keys").render_derived()


def listed_keys(dialect: str, keys: Int) -> dict[str, Any]:
    """The parameter of :func:`key_rows`."""
    listed = keys.tolist()
    return {"keys": json.dumps(listed) if dialect == "sqlite" else listed}


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


def in_texts(dialect: str, column: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Condition that a column is among the texts of the parameter ``among``.

    Beside a join with :func:`record_rows`, of which PostgreSQL does not know how many there are, it tells it.
    """
    if dialect == "sqlite":
        listed = func.json_each(bindparam("among", type_=Text)).table_valued("value", name="among")
        return column.in_(select(listed.c.value))  # type: ignore[no-any-return] # the column is of any type
    return column == any_(bindparam("among", type_=ARRAY(Text)))  # type: ignore[no-any-return] # the same


def among_texts(dialect: str, texts: Iterable[str]) -> dict[str, Any]:
    """The parameter of :func:`in_texts`."""
    return {"among": listed_texts(texts) if dialect == "sqlite" else list(texts)}


def _is_range(keys: Int) -> bool:
    """Whether keys in order leave none out between the first and the last."""
    return len(keys) > 1 and int(keys[-1]) - int(keys[0]) == len(keys) - 1 and bool((np.diff(keys) == 1).all())
