"""Domain types as JSON text and back; amounts and decimals keep every digit."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def to_document(value: object) -> str:
    """The value as JSON."""
    return _adapter(type(value)).dump_json(value).decode()


def from_document(kind: type[T], document: str) -> T:
    """The value of a kind from JSON; the type's own checks run again."""
    return _adapter(kind).validate_json(document)
