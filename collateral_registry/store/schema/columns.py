"""Column types and index options shared by all tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Float, Index, Integer, Text
from sqlalchemy import text as sql_text
from sqlmodel import Field

Big = BigInteger().with_variant(Integer(), "sqlite")


def big(**options: Any) -> Any:  # noqa: ANN401 - SQLModel's Field is typed Any
    """A 64-bit integer column."""
    return Field(sa_type=Big, **options)


def real(**options: Any) -> Any:  # noqa: ANN401 - SQLModel's Field is typed Any
    """A float64 column, for model numbers."""
    return Field(sa_type=Float(53), **options)


def text(**options: Any) -> Any:  # noqa: ANN401 - SQLModel's Field is typed Any
    """A text column."""
    return Field(sa_type=Text, **options)


def incremental(name: str, key: str) -> Index:
    """An index on the rows that a change of the book wrote; those of a run are found by its sequence alone."""
    only = sql_text("of_run = 0")
    return Index(name, key, "seq", sqlite_where=only, postgresql_where=only)


IN_ORDER = {"sqlite_with_rowid": False}
"""SQLite keeps the rows in the order of their key, so that a run only appends."""
