"""Stores assignments with their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, insert, select, tuple_

from collateral_registry.domain.assignments.events import AssignmentEvent
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Id, Text, Time
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import existing, insert_row
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.assignments import AssignmentEventRow, AssignmentRow
from collateral_registry.store.schema.book import CommitRow

ASSIGNMENT_FILTER = FilterTable(
    assignment=FilterField(Text(), AssignmentRow.assignment_id),
    asset=FilterField(Id("assets"), AssetRow.asset_id),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which assignments can be filtered."""


@dataclass(frozen=True)
class RecordedEvent:
    """An event of an assignment, with who recorded it and when."""

    event: AssignmentEvent
    actor: str
    known_us: int


@dataclass(frozen=True)
class StoredAssignment:
    """An assignment with its keys, the id of its asset, and its events in the order in which they were recorded."""

    key: int
    asset_key: int
    asset_id: str
    assignment_id: str
    created_us: int
    events: Sequence[RecordedEvent]

    @property
    def name(self) -> str:
        """The resource name."""
        return f"assets/{self.asset_id}/assignments/{self.assignment_id}"


def insert_assignment(write: Write, asset_key: int, assignment_id: str) -> int:
    """Stores a new assignment without events and returns its key."""
    return insert_row(
        write.connection, AssignmentRow, asset_key=asset_key, assignment_id=assignment_id, created_seq=write.seq
    )


def insert_event(write: Write, assignment_key: int, asset_key: int, event: AssignmentEvent, actor: str) -> None:
    """Stores an event of an assignment."""
    values = {"assignment_key": assignment_key, "asset_key": asset_key, "seq": write.seq, "actor": actor}
    write.connection.execute(insert(AssignmentEventRow), {**values, "document": to_document(event)})


def find_assignment(connection: Connection, asset_id: str, assignment_id: str) -> StoredAssignment | None:
    """Returns one assignment; None if it does not exist."""
    is_it = (AssetRow.asset_id == asset_id) & (AssignmentRow.assignment_id == assignment_id)
    return next(iter(_assignments(connection, [is_it], 1)), None)


def get_assignment(connection: Connection, asset_id: str, assignment_id: str) -> StoredAssignment:
    """Returns one assignment; raises NotFound."""
    found = find_assignment(connection, asset_id, assignment_id)
    return existing([found] if found else [], f"assets/{asset_id}/assignments/{assignment_id}")


def list_assignments(
    connection: Connection, wanted: Expression, after: tuple[str, str], limit: int
) -> list[StoredAssignment]:
    """Returns a page of assignments, ordered by the ids of asset and assignment."""
    follows = tuple_(AssetRow.asset_id, AssignmentRow.assignment_id) > tuple_(*after)
    return _assignments(connection, [ASSIGNMENT_FILTER.where(wanted), follows], limit)


def _assignments(
    connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None
) -> list[StoredAssignment]:
    statement = (
        select(
            AssignmentRow.assignment_key,
            AssignmentRow.asset_key,
            AssetRow.asset_id,
            AssignmentRow.assignment_id,
            CommitRow.known_us,
        )
        .join(AssetRow, AssetRow.asset_key == AssignmentRow.asset_key)
        .join(CommitRow, CommitRow.seq == AssignmentRow.created_seq)
        .where(*where)
        .order_by(AssetRow.asset_id, AssignmentRow.assignment_id)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    events = _events_of(connection, [row.assignment_key for row in rows])
    return [
        StoredAssignment(
            row.assignment_key,
            row.asset_key,
            row.asset_id,
            row.assignment_id,
            row.known_us,
            events[row.assignment_key],
        )
        for row in rows
    ]


def _events_of(connection: Connection, keys: Sequence[int]) -> dict[int, list[RecordedEvent]]:
    events: dict[int, list[RecordedEvent]] = defaultdict(list)
    for row in connection.execute(_EVENTS, {"keys": keys}):
        event = from_document(AssignmentEvent, row.document)
        events[row.assignment_key].append(RecordedEvent(event, row.actor, row.known_us))
    return events


_EVENTS = (
    select(AssignmentEventRow.assignment_key, AssignmentEventRow.document, AssignmentEventRow.actor, CommitRow.known_us)
    .join(CommitRow, CommitRow.seq == AssignmentEventRow.seq)
    .where(is_one_of(AssignmentEventRow.assignment_key, KEYS))
    .order_by(AssignmentEventRow.record_key)
)
