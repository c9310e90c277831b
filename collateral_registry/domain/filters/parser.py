"""Parses filters, a subset of AIP-160 with IN; docs/filters.md has the grammar.

AND and OR are never mixed without parentheses, because AIP-160 binds OR more tightly and most languages do the
opposite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeVar

from collateral_registry.domain.filters.expressions import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Expression,
    Not,
    Operator,
    Test,
    Value,
)
from collateral_registry.domain.filters.fields import Amount, FieldType, Unreadable
from collateral_registry.domain.filters.scanner import SHOWN_CHARACTERS, Literal, Scanner, refused
from valuation.errors import InvalidInput

R = TypeVar("R")

FILTER_LIMIT_CHARACTERS = 20_000
FILTER_LIMIT_TESTS = 100
FILTER_LIMIT_VALUES = 1_000
"""Number of values in all the lists of a filter."""

FILTER_LIMIT_DEPTH = 20
"""Depth of nested parentheses and NOTs."""


def parse_filter(text: str, fields: Mapping[str, FieldType]) -> Expression:
    """Returns the expression of a filter on these fields; an empty filter matches everything.

    Raises InvalidInput, which names the position and what is wanted there.
    """
    if len(text) > FILTER_LIMIT_CHARACTERS:
        raise InvalidInput("filter", f"{len(text)} characters", f"at most {FILTER_LIMIT_CHARACTERS} characters")
    return _Parser(Scanner(text), fields).parse()


class _Parser:
    def __init__(self, scanner: Scanner, fields: Mapping[str, FieldType]) -> None:
        self.scanner = scanner
        self.fields = fields
        self.tests = 0
        self.values = 0

    def parse(self) -> Expression:
        if self.scanner.is_at_end:
            return EVERYTHING
        found = self._expression(0)
        if not self.scanner.is_at_end:
            raise self.scanner.error("AND, OR or the end of the filter (text with spaces needs quotes)")
        return found

    def _expression(self, depth: int) -> Expression:
        parts = [self._factor(depth)]
        joined_by = ""
        start = self.scanner.at
        while connective := self._connective():
            if joined_by and connective != joined_by:
                mixed = "parentheses where AND and OR are mixed, as in (a = 1 OR b = 2) AND c = 3"
                raise self.scanner.error(mixed, start)
            joined_by = connective
            parts.append(self._factor(depth))
            start = self.scanner.at
        if len(parts) == 1:
            return parts[0]
        return AllOf(tuple(parts)) if joined_by == "AND" else AnyOf(tuple(parts))

    def _connective(self) -> str:
        return next((word for word in ("AND", "OR") if self.scanner.skip(word)), "")

    def _factor(self, depth: int) -> Expression:
        start = self.scanner.at
        if depth > FILTER_LIMIT_DEPTH:
            raise self.scanner.error(f"at most {FILTER_LIMIT_DEPTH} nested parentheses and NOTs")
        if self.scanner.skip("NOT"):
            return Not(self._factor(depth + 1))
        if not self.scanner.skip("("):
            return self._test()
        found = self._expression(depth + 1)
        if not self.scanner.skip(")"):
            raise self.scanner.error(f"a closing parenthesis for that at position {start + 1}")
        return found

    def _test(self) -> Expression:
        start = self.scanner.at
        self.tests += 1
        if self.tests > FILTER_LIMIT_TESTS:
            raise self.scanner.error(f"at most {FILTER_LIMIT_TESTS} comparisons")
        field = self.scanner.word()
        if field not in self.fields:
            raise self.scanner.error("a field: " + ", ".join(self.fields), start)
        kind = self.fields[field]
        start = self.scanner.at
        name = self.scanner.operator() or ("IN" if self.scanner.skip("IN") else "")
        allowed = [str(one) for one in kind.operators if one is not Operator.PRESENT]
        if name == "" or (name not in allowed and name != Operator.PREFIX):
            raise self.scanner.error(f"an operator of {field}: {_written(kind)}", start)
        if name == Operator.IN:
            return _one_of(field, kind, self._list(kind.kind))
        literal = self.scanner.literal(kind.kind)
        if name == Operator.PREFIX:
            return _has(field, kind, literal)
        return _comparison(field, kind, Operator(name), literal)

    def _list(self, want: str) -> list[Literal]:
        if not self.scanner.skip("("):
            raise self.scanner.error('a list in parentheses, such as ("a", "b")')
        found: list[Literal] = []
        while not found or self.scanner.skip(","):
            self.values += 1
            if self.values > FILTER_LIMIT_VALUES:
                raise self.scanner.error(f"at most {FILTER_LIMIT_VALUES} values in lists")
            found.append(self.scanner.literal(want))
        if not self.scanner.skip(")"):
            raise self.scanner.error("a comma or a closing parenthesis")
        return found


def _written(kind: FieldType) -> str:
    """Returns the operators of a type as they are written."""
    names = [str(one) for one in kind.operators if one is not Operator.PREFIX]
    return ", ".join([*names, *([":prefix*"] if Operator.PREFIX in kind.operators else [])])


def _has(field: str, kind: FieldType, literal: Literal) -> Expression:
    if literal.text == "*":
        return Test(field, Operator.PRESENT)
    if isinstance(kind, Amount) or Operator.PREFIX not in kind.operators:
        raise _unreadable(literal, f"* after {field}:, which means any value")
    if not literal.text.endswith("*"):
        raise _unreadable(literal, 'a prefix that ends with *, such as "Acme*"')
    return Test(field, Operator.PREFIX, _whole(_read(Literal(literal.text[:-1], literal.at), kind.read)))


def _one_of(field: str, kind: FieldType, literals: list[Literal]) -> Expression:
    if isinstance(kind, Amount):
        return AnyOf(tuple(_comparison(field, kind, Operator.EQUAL, literal) for literal in literals))
    read = (_read(literal, kind.read) for literal in literals)
    return Test(field, Operator.IN, tuple(whole for value in read for whole in _whole(value)))


def _comparison(field: str, kind: FieldType, operator: Operator, literal: Literal) -> Expression:
    if isinstance(kind, Amount):
        currency, minor = _read(literal, kind.read)
        return AllOf((Test(kind.currency_field, Operator.EQUAL, (currency,)), _numeric(field, operator, minor)))
    value = _read(literal, kind.read)
    return _numeric(field, operator, value) if isinstance(value, Fraction) else Test(field, operator, (value,))


def _read(literal: Literal, read: Callable[[str], R]) -> R:
    try:
        return read(literal.text)
    except Unreadable as error:
        raise _unreadable(literal, str(error)) from None


def _unreadable(literal: Literal, want: str) -> InvalidInput:
    return refused(repr(literal.text[:SHOWN_CHARACTERS]), literal.at, want)


def _whole(value: Value | Fraction) -> tuple[Value, ...]:
    """Returns the value that a column can hold; none if the value is not a whole number of its unit."""
    if not isinstance(value, Fraction):
        return (value,)
    return (int(value),) if value.denominator == 1 else ()


def _numeric(field: str, operator: Operator, value: Fraction) -> Expression:
    """Returns a comparison of a column of whole numbers with any number."""
    if value.denominator == 1:
        return Test(field, operator, (int(value),))
    match operator:
        case Operator.EQUAL:
            return Test(field, Operator.IN)
        case Operator.NOT_EQUAL:
            return Test(field, Operator.PRESENT)
        case Operator.LESS | Operator.AT_MOST:
            return Test(field, Operator.AT_MOST, (math.floor(value),))
        case _:
            return Test(field, Operator.AT_LEAST, (math.ceil(value),))
