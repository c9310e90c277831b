"""Types of the fields that a filter may name: how a value is written and stored, and which operators apply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from fractions import Fraction
from urllib.parse import unquote

from collateral_registry.domain.filters.expressions import Operator, Value
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import digits_of
from valuation.errors import InvalidInput

_EQUALITY = (Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN)
_ORDER = (Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)
_HAS = (Operator.PREFIX, Operator.PRESENT)

UNITS_LIMIT = 2**62
"""Absolute value, in stored units, below which a number must be."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")
_AMOUNT = re.compile(r"([+-]?[0-9.]+) ?([A-Z]{3})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    rf"{_DATE.pattern}T[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})"
)
_ID_PART = re.compile(r"[a-z0-9-]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unreadable(Exception):
    """Error for a value that is not of the type of its field; its text says what is wanted."""


@dataclass(frozen=True)
class Text:
    """Free text. A text that is not set is the empty text."""

    operators = (*_EQUALITY, *_ORDER, *_HAS)
    kind = "text"

    def read(self, text: str) -> Value:
        """Returns the value as it is stored; raises Unreadable."""
        return text


@dataclass(frozen=True)
class Id:
    """A reference to a resource of a collection by its id or by its resource name; only the id is stored."""

    collection: str
    operators = (*_EQUALITY, *_HAS)

    @property
    def kind(self) -> str:
        """The type in the reference of filters."""
        return f"{self.collection}/{{id}}, or the id alone"

    def read(self, text: str) -> Value:
        """Returns the id; raises Unreadable for the name of a resource of another collection."""
        found = text.removeprefix(f"{self.collection}/")
        if not _ID_PART.fullmatch(found):
            raise Unreadable(self.kind)
        return found


@dataclass(frozen=True)
class Reference:
    """A reference to a resource of a collection by its id, its resource name, or an identifier; stored as text."""

    collection: str
    operators = (*_EQUALITY, *_HAS)

    @property
    def kind(self) -> str:
        """The type in the reference of filters."""
        return f"{self.collection}/{{id}}, the id alone, or an identifier with its scheme"

    def read(self, text: str) -> Value:
        """Returns the id or the identifier."""
        return text.removeprefix(f"{self.collection}/")


@dataclass(frozen=True)
class EncodedName:
    """A resource of a collection whose ids are percent-encoded free text, by that text or by its resource name."""

    collection: str
    operators = Text.operators

    @property
    def kind(self) -> str:
        """The type in the reference of filters."""
        return f"{self.collection}/{{id}}, or the name alone"

    def read(self, text: str) -> Value:
        """Returns the name as it is stored, decoded if it is a resource name; raises Unreadable."""
        name = text.removeprefix(f"{self.collection}/")
        decoded = text if name == text else unquote(name)
        if "\0" in decoded:
            raise Unreadable("text without NUL")
        return decoded


@dataclass(frozen=True)
class Enum:
    """A name of an enumeration, with or without the prefix that it has in the contract; ``ordered`` allows < and >."""

    values: Mapping[str, Value]
    prefix: str
    ordered: bool = False

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators that apply."""
        return (*_EQUALITY, *_ORDER, Operator.PRESENT) if self.ordered else (*_EQUALITY, Operator.PRESENT)

    @property
    def kind(self) -> str:
        """The type in the reference of filters."""
        return "one of " + ", ".join(self.values)

    def read(self, text: str) -> Value:
        """Returns the value as it is stored; raises Unreadable."""
        name = text.removeprefix(self.prefix)
        if name not in self.values:
            raise Unreadable(self.kind)
        return self.values[name]


def enum(kind: type[IntEnum], prefix: str, *, ordered: bool = False) -> Enum:
    """Returns the type of a field with the names and numbers of an enumeration."""
    return Enum({member.name: int(member) for member in kind}, prefix, ordered)


@dataclass(frozen=True)
class Boolean:
    """True or false, stored as 1 or 0."""

    operators = (Operator.EQUAL, Operator.NOT_EQUAL, Operator.PRESENT)
    kind = "true or false"

    def read(self, text: str) -> Value:
        """Returns the value as it is stored; raises Unreadable."""
        if text not in {"true", "false"}:
            raise Unreadable(self.kind)
        return int(text == "true")


@dataclass(frozen=True)
class Day:
    """A date, stored as days since 1970-01-01."""

    operators = (*_EQUALITY, *_ORDER, Operator.PRESENT)
    kind = "a date, such as 2025-06-30"

    def read(self, text: str) -> Value:
        """Returns the value as it is stored; raises Unreadable."""
        try:
            found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            found = None
        if found is None:
            raise Unreadable(self.kind)
        return day_of(found)


@dataclass(frozen=True)
class Time:
    """A moment, stored as microseconds since 1970-01-01 UTC."""

    operators = (*_EQUALITY, *_ORDER, Operator.PRESENT)
    kind = "a time with its zone, such as 2025-06-30T16:00:00Z or 2025-06-30T16:00:00+08:00"

    def read(self, text: str) -> Value:
        """Returns the value as it is stored; raises Unreadable."""
        try:
            found = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
            if found is not None:
                return (found - _EPOCH) // timedelta(microseconds=1)
        except ValueError:
            pass
        raise Unreadable(self.kind)


@dataclass(frozen=True)
class Number:
    """A decimal number, stored as a whole number of 1 / ``scale``."""

    scale: int = 1
    operators = (*_EQUALITY, *_ORDER, Operator.PRESENT)
    kind = "a number"

    def read(self, text: str) -> Fraction:
        """Returns the exact number of stored units, which may have a fraction; raises Unreadable."""
        return _number(text, self.scale)


@dataclass(frozen=True)
class Measure:
    """A number that is stored in floating point."""

    operators = (*_ORDER, Operator.PRESENT)
    kind = "a number"

    def read(self, text: str) -> Value:
        """Returns the value as it is stored; raises Unreadable."""
        return float(_number(text))


@dataclass(frozen=True)
class Amount:
    """An amount with its currency, stored as minor units; ``currency_field`` is the field of the currency."""

    currency_field: str = "currency_code"
    operators = (*_EQUALITY, *_ORDER, Operator.PRESENT)
    kind = 'an amount with its currency, such as "1000000.00 USD"'

    def read(self, text: str) -> tuple[str, Fraction]:
        """Returns the currency and the exact number of minor units, which may have a fraction; raises Unreadable."""
        match = _AMOUNT.fullmatch(text)
        if match is None:
            raise Unreadable(self.kind)
        try:
            digits = digits_of(match[2])
        except InvalidInput:
            raise Unreadable("an amount in an ISO 4217 currency in use, such as USD") from None
        return match[2], _number(match[1], 10**digits)


FieldType = Text | Id | Reference | EncodedName | Enum | Boolean | Day | Time | Number | Measure | Amount


def _number(text: str, scale: int = 1) -> Fraction:
    """Returns a number in units of 1 / ``scale``; raises Unreadable."""
    if not _NUMBER.fullmatch(text):
        raise Unreadable("a number, such as 0.85")
    found = Fraction(text) * scale
    if abs(found) >= UNITS_LIMIT:
        raise Unreadable(f"a number between -{UNITS_LIMIT // scale} and {UNITS_LIMIT // scale}")
    return found
