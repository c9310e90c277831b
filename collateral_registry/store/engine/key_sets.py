"""Passes any number of keys, strings or records to a statement as one bound parameter.

The text of such a statement does not depend on the number of keys. The statement is therefore a constant of its module,
and SQLAlchemy compiles it once for each engine::

    _BALANCES = select(LoanRow.loan_key, LoanRow.exposure_minor).where(is_one_of(LoanRow.loan_key, KEYS))
    connection.execute(_BALANCES, {"keys": loan_keys})

A constant must not contain values that differ between calls; they must be bound parameters too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Select,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from valuation._typing import Int

KeyType = type[BigInteger] | type[Text]
Keys = Int | Iterable[int] | Iterable[str]


class KeyList(TypeDecorator[Any]):
    """The type of a parameter that is a list of integers or strings: JSON on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: KeyType) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Returns the type used by the engine."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Returns the function that converts a list to text; the PostgreSQL driver would be far slower."""
        if dialect.name == "sqlite":
            return _as_json
        return _as_integer_array if self.item is BigInteger else _as_text_array

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Returns the converter of a list to an SQL literal, for statements without parameters (engine/arrow.py)."""
        as_text = self.bind_processor(dialect)
        array = "" if dialect.name == "sqlite" else f"::{self.item().compile(dialect)}[]"
        return lambda keys: "'" + as_text(keys).replace("'", "''") + "'" + array


def _listed(keys: Keys) -> list[Any]:
    return keys.tolist() if isinstance(keys, np.ndarray) else list(keys)


def _as_json(keys: Keys) -> str:
    return json.dumps(_listed(keys))


def _as_integer_array(keys: Keys) -> str:
    return "{" + ",".join(map(str, _listed(keys))) + "}"


def _as_text_array(keys: Iterable[str]) -> str:
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in keys)
    return "{" + ",".join(f'"{key}"' for key in quoted) + "}"


class _IsOneOf(FunctionElement[bool]):
    """The condition that the first argument equals an element of the second, which is a list."""

    inherit_cache = True


class _Elements(FunctionElement[Any]):
    """A table function that returns the elements of a list as rows."""

    inherit_cache = True


class _Records(FunctionElement[Any]):
    """A table function that returns the elements of a JSON array of arrays as rows."""

    inherit_cache = True


class _Field(FunctionElement[Any]):
    """The element of a JSON array at a position; it is text on PostgreSQL."""

    inherit_cache = True


class DocumentField(FunctionElement[str]):
    """The text of a field of a JSON document that is stored as text; null if the document lacks it."""

    inherit_cache = True
    type = Text()

    def __init__(self, document: Any, name: str) -> None:  # noqa: ANN401 - a column of any table
        super().__init__(document, literal_column(f"'{name}'"))


class Greatest(FunctionElement[int]):
    """The largest of its arguments, none of which may be null."""

    inherit_cache = True
    type = BigInteger()


def _compiled_as(element: type[FunctionElement[Any]], dialect: str, template: str) -> None:
    """Registers the SQL of a construct for an engine; the SQL of its arguments is inserted into the template."""

    def compile_(construct: FunctionElement[Any], compiler: SQLCompiler, **options: object) -> str:
        arguments = [compiler.process(one, **options) for one in construct.clauses]
        return template.format(*arguments, all=", ".join(arguments))

    compiles(element, dialect)(compile_)


_compiled_as(_IsOneOf, "sqlite", "{0} IN (SELECT value FROM json_each({1}))")
_compiled_as(_IsOneOf, "postgresql", "{0} = ANY ({1})")
_compiled_as(_Elements, "sqlite", "json_each({0})")
_compiled_as(_Elements, "postgresql", "unnest({0})")
_compiled_as(_Records, "sqlite", "json_each({0})")
_compiled_as(_Records, "postgresql", "jsonb_array_elements(CAST({0} AS JSONB))")
_compiled_as(_Field, "sqlite", "json_extract({0}, '$[{1}]')")
_compiled_as(_Field, "postgresql", "({0} ->> {1})")
_compiled_as(DocumentField, "sqlite", "json_extract({0}, '$.' || {1})")
_compiled_as(DocumentField, "postgresql", "(CAST({0} AS JSON) ->> {1})")
_compiled_as(Greatest, "sqlite", "max({all})")
_compiled_as(Greatest, "postgresql", "greatest({all})")


class KeySet:
    """A parameter with any number of keys; ``rows`` is a table of the keys, with the column ``value``."""

    def __init__(self, name: str, item: KeyType = BigInteger) -> None:
        self.parameter = bindparam(name, type_=KeyList(item))
        self.rows = select(_Elements(self.parameter).column_valued("value")).subquery(name)


class RecordSet:
    """A parameter with any number of records, each a sequence of values; ``rows`` is a table of the records.

    ``columns`` are the names and types of the values. PostgreSQL plans for a hundred records, however many there are. A
    statement that joins ``rows`` with a large table should therefore repeat a key in ``is_one_of``, so that PostgreSQL
    can estimate the number of rows.
    """

    def __init__(self, columns: Mapping[str, Any], name: str = "records") -> None:
        record = _Records(bindparam(name, type_=RecordList())).column_valued("value")
        fields = [
            cast(_Field(record, literal_column(str(place))), kind).label(column)
            for place, (column, kind) in enumerate(columns.items())
        ]
        self.rows = select(*fields).subquery(name)


class RecordList(TypeDecorator[Any]):
    """The type of a parameter that is a list of records, which is JSON on both engines."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[Sequence[Any]] | None, _dialect: Dialect) -> str:
        """Returns the records as JSON."""
        return json.dumps(list(value or ()))


KEYS = KeySet("keys")
"""Integer keys, in the parameter ``keys``."""

TEXTS = KeySet("texts", Text)
"""Strings, in the parameter ``texts``."""


def is_one_of(column: ColumnElement[Any], keys: KeySet | Keys) -> ColumnElement[bool]:
    """Returns the condition that a column equals one of the keys; the keys are a parameter or a list of values."""
    if isinstance(keys, KeySet):
        return _IsOneOf(column, keys.parameter)
    item = Text if isinstance(column.type, Text) else BigInteger
    return _IsOneOf(column, bindparam(None, keys, type_=KeyList(item)))


class KeyedSelect:
    """A select of the rows with given keys, in two forms: one for a list of keys and one for consecutive keys.

    A revaluation run reads long ranges of consecutive keys, which a database finds faster by the first and last key.
    """

    def __init__(self, statement: Select[Any], *columns: ColumnElement[Any]) -> None:
        ends: tuple[BindParameter[int], BindParameter[int]] = (bindparam("first_key"), bindparam("last_key"))
        self._listed = statement.where(*(is_one_of(column, KEYS) for column in columns))
        self._between = statement.where(*(column.between(*ends) for column in columns))

    def of(self, keys: Int) -> tuple[Select[Any], dict[str, Any]]:
        """Returns the statement that selects these keys, and its parameters."""
        if len(keys) > 1 and bool((np.diff(keys) == 1).all()):
            return self._between, {"first_key": int(keys[0]), "last_key": int(keys[-1])}
        return self._listed, {"keys": keys}
