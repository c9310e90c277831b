"""Converts domain types to JSON text and back without losing digits of amounts and decimals."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def to_document(value: object) -> str:
    """Returns the value as JSON."""
    return _adapter(type(value)).dump_json(value).decode()


def from_document(kind: type[T], document: str) -> T:
    """Builds a value of the given type from JSON; the checks of the type run again."""
    return _adapter(kind).validate_json(document)
