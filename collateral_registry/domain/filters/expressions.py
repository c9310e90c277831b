"""Filters as expressions: tests of fields joined by AND, OR and NOT.

Every test is true or false, never unknown: a comparison with an absent value is false, and NOT of it is true. All
evaluators (store/engine/filters.py, domain/reports/ltv_rows.py and ``matches``) follow this rule.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

Value = int | float | str
T = TypeVar("T")


class Operator(StrEnum):
    """Operator of a test. PREFIX and PRESENT are written with ``:``, as ``owner:Acme*`` and ``owner:*``."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "IN"
    PREFIX = ":"
    PRESENT = ":*"


@dataclass(frozen=True)
class Test:
    """A test of one field against values in the form in which they are stored.

    IN has any number of values, PRESENT has none, and every other operator has one.
    """

    field: str
    operator: Operator
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class AllOf:
    """True if all parts are true; without parts it is true."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class AnyOf:
    """True if a part is true."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    """True if its part is false."""

    part: Expression


Expression = Test | AllOf | AnyOf | Not

EVERYTHING = AllOf(())
"""The expression of an empty filter."""


@dataclass(frozen=True)
class Connectives(Generic[T]):
    """The AND, OR and NOT of an evaluator."""

    conjunction: Callable[[Sequence[T]], T]
    disjunction: Callable[[Sequence[T]], T]
    negation: Callable[[T], T]


def evaluate(expression: Expression, test: Callable[[Test], T], by: Connectives[T]) -> T:
    """Returns the value of an expression, given the value of each test and the connectives of the evaluator."""
    match expression:
        case Test():
            return test(expression)
        case AllOf(parts):
            return by.conjunction([evaluate(part, test, by) for part in parts])
        case AnyOf(parts):
            return by.disjunction([evaluate(part, test, by) for part in parts])
        case Not(part):
            return by.negation(evaluate(part, test, by))


def tests_in(expression: Expression) -> Iterator[Test]:
    """Yields every test of an expression."""
    match expression:
        case Test():
            yield expression
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from tests_in(part)
        case Not(part):
            yield from tests_in(part)


def conjuncts(expression: Expression) -> tuple[Expression, ...]:
    """Returns expressions that are all true exactly if the given one is."""
    return expression.parts if isinstance(expression, AllOf) else (expression,)


def narrowed(expression: Expression, field: str, value: Value) -> Expression:
    """Returns the expression for the rows in which a field also has a value."""
    return AllOf((*conjuncts(expression), Test(field, Operator.EQUAL, (value,))))


def within(expression: Expression, field: str, first: Value | None, last: Value | None) -> Expression:
    """Returns the expression for the rows in which a field is also in a range; None is no limit."""
    ends = ((Operator.AT_LEAST, first), (Operator.AT_MOST, last))
    tests = (Test(field, operator, (end,)) for operator, end in ends if end is not None)
    return AllOf((*conjuncts(expression), *tests))


COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}
"""The operators between two values, for plain values, arrays and SQL columns."""

_PLAIN = Connectives[bool](all, any, operator.not_)


def is_met(test: Test, value: Value | None) -> bool:
    """Returns whether a value meets a test; None is an absent value. Texts are ordered by code points."""
    if value is None:
        return False
    if test.operator is Operator.IN:
        return value in test.values
    if test.operator is Operator.PRESENT:
        return value != ""
    if test.operator is Operator.PREFIX:
        return str(value).startswith(str(test.values[0]))
    return bool(COMPARE[test.operator](value, test.values[0]))


def matches(expression: Expression, row: Mapping[str, Value | None]) -> bool:
    """Returns whether a row, given as stored values by field, matches an expression."""
    return evaluate(expression, lambda test: is_met(test, row[test.field]), _PLAIN)
