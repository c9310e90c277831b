"""Column types and index options shared by all tables."""

from __future__ import annotations

from functools import partial

from sqlalchemy import BigInteger, Float, Index, Integer, Text, text as sql_text
from sqlmodel import Field

Big = BigInteger().with_variant(Integer(), "sqlite")


big = partial(Field, sa_type=Big)
"""Declares a 64-bit integer column."""

real = partial(Field, sa_type=Float(53))
"""Declares a float64 column, used for model inputs and results."""

text = partial(Field, sa_type=Text)
"""Declares a text column."""


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Returns an index on the rows that meet a condition, in SQL."""
    only = sql_text(where)
    return Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)


def incremental(name: str, key: str) -> Index:
    """Returns a partial index on the rows written by changes of the book; rows of a run are found by its sequence."""
    return partial_index(name, key, "seq", where="of_run = 0")


IN_ORDER = {"sqlite_with_rowid": False}
"""Table option for SQLite: store rows in primary key order, so that a run appends them."""
