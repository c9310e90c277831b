"""Converts between rows and domain types, inserts a row under an unused id, and returns a row that must exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, insert, literal, select
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import SQLModel

from collateral_registry.domain.shared.errors import AlreadyExists, NotFound
from collateral_registry.domain.shared.names import with_visible_characters
from collateral_registry.store.engine.database import Write
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
D = TypeVar("D", bound="DataclassInstance")


def columns_of(table: type[SQLModel], *names: str) -> list[InstrumentedAttribute[Any]]:
    """Returns the columns of a table with these names."""
    return [getattr(table, name) for name in names]


def values_of(item: object, *names: str) -> dict[str, Any]:
    """Returns attributes of an object as values for the columns with the same names; enumerations become integers."""
    values = {name: getattr(item, name) for name in names}
    return {name: int(value) if isinstance(value, IntEnum | IntFlag) else value for name, value in values.items()}


def from_row(kind: type[D], row: Row[Any], /, **given: object) -> D:
    """Builds a dataclass: ``given`` sets some fields, and the other fields get the columns with the same names."""
    columns = {field.name: getattr(row, field.name) for field in fields(kind) if field.name not in given}
    try:
        return kind(**columns, **given)
    except InvalidInput:  # an earlier version stored a text with characters that its check refuses today
        return kind(**{name: _readable(value) for name, value in columns.items()}, **given)


def _readable(value: object) -> object:
    """Returns the value of a column; characters that no text may have today are replaced in a text."""
    return with_visible_characters(value) if isinstance(value, str) else value


def of_first_revision(write: Write) -> dict[str, int]:
    """Returns the revision columns of a new row: revision 1, created and updated by the current commit."""
    return {"revision": 1, "created_seq": write.seq, "updated_seq": write.seq}


def insert_row(connection: Connection, table: type[SQLModel], **values: object) -> int:
    """Inserts a row into a table with an automatic key and returns the key."""
    (key,) = table.__table__.primary_key
    return int(connection.execute(insert(table).returning(key), values).scalar_one())


def check_unused(connection: Connection, name: str, *where: ColumnElement[bool]) -> None:
    """Raises AlreadyExists with the resource name if a row meets the conditions."""
    if connection.execute(select(literal(1)).where(*where).limit(1)).first() is not None:
        raise AlreadyExists(f"id {name.rpartition('/')[2]}", name)


def existing(rows: Sequence[T], name: str) -> T:
    """Returns the first row; raises NotFound with the resource name if there is none."""
    if not rows:
        raise NotFound(name)
    return rows[0]
