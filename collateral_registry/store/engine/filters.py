"""Compiles filters to SQL with bound parameters.

Both engines give the same rows: texts are compared by code points, whatever the collation of the database, and every
test is true or false, never null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Text as SqlText, and_, false, not_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from collateral_registry.domain.filters.expressions import (
    COMPARE,
    Connectives,
    Expression,
    Operator,
    Test,
    Value,
    evaluate,
)
from collateral_registry.domain.filters.fields import FieldType
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.engine.key_sets import is_one_of

SqlValue = Any
"""An SQL expression; SQLModel gives the columns of a table the types of their values."""


class _ByCodePoint(FunctionElement[str]):
    """A text that is ordered by code points: the order of SQLite, and the collation C of PostgreSQL."""

    inherit_cache = True
    type = SqlText()


@compiles(_ByCodePoint, "sqlite")
def _as_is(construct: _ByCodePoint, compiler: SQLCompiler, **options: object) -> str:
    return str(compiler.process(construct.clauses, **options))


@compiles(_ByCodePoint, "postgresql")
def _collated(construct: _ByCodePoint, compiler: SQLCompiler, **options: object) -> str:
    return f'({compiler.process(construct.clauses, **options)}) COLLATE "C"'


@dataclass(frozen=True)
class FilterField:
    """A field of a list: its type, the SQL expression of its value, and the condition that it has one."""

    kind: FieldType
    value: SqlValue
    present: ColumnElement[bool] | None = None
    """None if the field always has a value."""


def nullable(kind: FieldType, value: SqlValue) -> FilterField:
    """Returns a field that is absent where its column is null."""
    return FilterField(kind, value, value.is_not(None))


def unless(kind: FieldType, value: SqlValue, absent: Value) -> FilterField:
    """Returns a field that is absent where its column has a certain value."""
    return FilterField(kind, value, value != absent)


def optional_day(kind: FieldType, value: SqlValue) -> FilterField:
    """Returns a field of a date that may not be set."""
    return unless(kind, value, NO_DAY)


class FilterTable:
    """The fields by which a list can be filtered, in the order of its reference."""

    def __init__(self, **fields: FilterField) -> None:
        self.fields: Mapping[str, FilterField] = fields

    @cached_property
    def kinds(self) -> Mapping[str, FieldType]:
        """The type of each field."""
        return {name: field.kind for name, field in self.fields.items()}

    def parse(self, text: str) -> Expression:
        """Returns the expression of a filter; raises InvalidInput."""
        return parse_filter(text, self.kinds)

    def where(self, expression: Expression) -> ColumnElement[bool]:
        """Returns the SQL condition of an expression on these fields."""
        return evaluate(expression, lambda test: _condition(self.fields[test.field], test), _SQL)


_SQL = Connectives[ColumnElement[bool]](lambda parts: and_(true(), *parts), lambda parts: or_(false(), *parts), not_)

_BY_ORDER = (Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)


def _condition(field: FilterField, test: Test) -> ColumnElement[bool]:
    is_met = _is_met(field.value, test)
    return is_met if field.present is None else and_(field.present, is_met)


def _is_met(column: SqlValue, test: Test) -> ColumnElement[bool]:
    if test.operator is Operator.IN:
        return is_one_of(column, test.values)
    if test.operator is Operator.PRESENT:
        return column != "" if isinstance(column.type, SqlText) else true()
    if test.operator is Operator.PREFIX:
        return _starts_with(column, str(test.values[0]))
    (value,) = test.values
    if test.operator in _BY_ORDER and isinstance(column.type, SqlText):
        column = _ByCodePoint(column)
    found: ColumnElement[bool] = COMPARE[test.operator](column, value)
    return found


def _starts_with(column: SqlValue, prefix: str) -> ColumnElement[bool]:
    """Returns a range of texts, which an index can serve, and which needs no escapes of wildcards."""
    ordered = _ByCodePoint(column)
    first = ordered >= prefix
    after = _successor(prefix)
    return first if after is None else and_(first, ordered < after)


LAST_CHARACTER = "\U0010ffff"
BEFORE_SURROGATES, AFTER_SURROGATES = "\ud7ff", "\ue000"


def _successor(prefix: str) -> str | None:
    """Returns the first text after all texts that start with the prefix; None if there is none."""
    kept = prefix.rstrip(LAST_CHARACTER)
    if not kept:
        return None
    last = kept[-1]
    return kept[:-1] + (AFTER_SURROGATES if last == BEFORE_SURROGATES else chr(ord(last) + 1))
