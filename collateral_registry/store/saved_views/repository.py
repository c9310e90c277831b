"""Stores saved views. Each is a row that its owner replaces and deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, or_, select, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Boolean, Text, Time
from collateral_registry.domain.saved_views.saved_views import SavedView
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.rows import existing, from_row, insert_row
from collateral_registry.store.schema.book import SavedViewRow

SAVED_VIEW_FILTER = FilterTable(
    display_name=FilterField(Text(), SavedViewRow.display_name),
    path=FilterField(Text(), SavedViewRow.path),
    shared=FilterField(Boolean(), SavedViewRow.shared),
    owner=FilterField(Text(), SavedViewRow.owner),
    create_time=FilterField(Time(), SavedViewRow.created_us),
)
"""Fields by which saved views can be filtered."""


@dataclass(frozen=True)
class StoredView:
    """A saved view with its key, the principal that owns it, and its first time in microseconds UTC."""

    key: int
    view: SavedView
    owner: str
    created_us: int


def insert_view(write: Write, owner: str, view: SavedView) -> int:
    """Records a view of an owner and returns its key."""
    return insert_row(
        write.connection,
        SavedViewRow,
        owner=owner,
        display_name=view.display_name,
        path=view.path,
        shared=int(view.shared),
        created_us=write.known_us,
    )


def replace_view(write: Write, key: int, view: SavedView) -> None:
    """Replaces the path of a view and whether it is shared."""
    values = {"path": view.path, "shared": int(view.shared)}
    write.connection.execute(update(SavedViewRow).where(SavedViewRow.view_key == key).values(**values))


def delete_view(write: Write, key: int) -> None:
    """Deletes a view."""
    write.connection.execute(delete(SavedViewRow).where(SavedViewRow.view_key == key))


def find_own(connection: Connection, owner: str, display_name: str) -> StoredView | None:
    """Returns the view that an owner has under a name, if there is one."""
    found = _views(connection, [SavedViewRow.owner == owner, SavedViewRow.display_name == display_name], 1)
    return found[0] if found else None


def get_visible(connection: Connection, reader: str, key: int) -> StoredView:
    """Returns a view that a reader owns or that is shared; raises NotFound."""
    return existing(_views(connection, [_is_visible(reader), SavedViewRow.view_key == key], 1), f"savedViews/{key}")


def list_visible(
    connection: Connection, reader: str, wanted: Expression, after_key: int, limit: int
) -> list[StoredView]:
    """Returns a page of the views that a reader owns or that are shared, oldest first."""
    where = [_is_visible(reader), SAVED_VIEW_FILTER.where(wanted), SavedViewRow.view_key > after_key]
    return _views(connection, where, limit)


def count_own(connection: Connection, owner: str) -> int:
    """Returns the number of views of an owner."""
    return _count(connection, SavedViewRow.owner == owner)


def count_shared(connection: Connection) -> int:
    """Returns the number of shared views."""
    return _count(connection, SavedViewRow.shared == 1)


def _is_visible(reader: str) -> ColumnElement[bool]:
    return or_(SavedViewRow.owner == reader, SavedViewRow.shared == 1)


def _count(connection: Connection, where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(SavedViewRow).where(where)).scalar_one())


def _views(connection: Connection, where: list[ColumnElement[bool]], limit: int) -> list[StoredView]:
    statement = select(SavedViewRow.__table__).where(*where).order_by(SavedViewRow.view_key).limit(limit)
    return [_stored(row) for row in connection.execute(statement)]


def _stored(row: Row[Any]) -> StoredView:
    view = from_row(SavedView, row, shared=bool(row.shared))
    return StoredView(row.view_key, view, row.owner, row.created_us)
