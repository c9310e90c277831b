"""Stores the items of feeds that were not booked, and their resolutions, in the tables of one kind of feed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from collateral_registry.domain.feeds.items import ItemsT, Problems, RejectionState, item_of
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Enum, Id, Number, Text, Time, enum
from collateral_registry.store.engine.bulk import insert_columns
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.filters import FilterField, FilterTable, unless
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.engine.rows import existing
from collateral_registry.store.feeds.batches import BatchPlaces, Feed, FeedTables

NOT_RESOLVED = {"resolved_us": 0, "resolved_by": "", "note": ""}
"""Columns of an open rejection that its resolution sets."""

LISTED_STATES = {one.name: int(one) for one in RejectionState if one is not RejectionState.REPEATED}


@dataclass(frozen=True)
class StoredRejection(Generic[ItemsT]):
    """An item that was not booked, with the reason and the resolution."""

    key: int
    source_id: str
    sequence: int
    batch_row: int
    item: ItemsT
    reason: IntEnum
    description: str
    received_us: int
    state: RejectionState
    resolved_us: int
    resolved_by: str
    note: str


class RejectionStore(Generic[ItemsT]):
    """Rejected items of one kind of feed. ``filter`` has the fields by which they can be filtered.

    ``collection`` names the rejected items of a feed, ``id_field`` is the field of the filter with the partner's id.
    """

    def __init__(
        self, tables: FeedTables, kind: type[ItemsT], reasons: type[IntEnum], collection: str, id_field: str,
        reason_prefix: str,
    ) -> None:  # fmt: skip
        self.tables, self.kind, self.reasons, self.collection = tables, kind, reasons, collection
        self._row, self._feed = tables.rejection.__table__, tables.feed.__table__
        row = self._row
        self._item_id = row.c[tables.item_id]
        self.filter = FilterTable(
            feed=FilterField(Id(tables.collection), self._feed.c.source_id),
            state=FilterField(Enum(LISTED_STATES, "REJECTION_STATE_"), row.c.state),
            reason=FilterField(enum(reasons, reason_prefix), row.c.reason),
            **{id_field: FilterField(Text(), self._item_id)},
            sequence=FilterField(Number(), row.c.sequence),
            receive_time=FilterField(Time(), row.c.received_us),
            resolve_time=unless(Time(), row.c.resolved_us, 0),
            resolver=FilterField(Text(), row.c.resolved_by),
        )
        self._rejected = select(self._item_id, row.c.item).where(
            row.c.source_key == bindparam("source"), is_one_of(self._item_id, TEXTS)
        )
        is_open = (row.c.source_key == bindparam("source")) & (row.c.state == int(RejectionState.OPEN))
        self._has_open = select(row.c.rejection_key).where(is_open).limit(1)
        self._close = (
            update(row)
            .where(is_open, is_one_of(self._item_id, TEXTS))
            .values(
                state=int(RejectionState.BOOKED),
                resolved_us=bindparam("now"),
                resolved_by=bindparam("feed"),
                note="booked when it was reported again",
            )
        )

    def name_of(self, source_id: str, key: int) -> str:
        """Returns the resource name of a rejected item."""
        return f"{self.tables.name_of(source_id)}/{self.collection}/{key}"

    def store(self, intake: Intake, source_key: int, run: ItemsT, places: BatchPlaces, problems: Problems) -> None:
        """Appends the rows that were not booked, with their reasons.

        Those that were rejected before with the same content are not open again.
        """
        if not problems:
            return
        found, ids = sorted(problems.items()), run.ids
        names = [printable(ids[row]) for row, _ in found]
        texts = [json.dumps(run.item(row)) for row, _ in found]
        before = intake.connection.execute(self._rejected, {"source": source_key, "texts": {*names}})
        known = {(row[0], row[1]) for row in before}
        states = []
        for rejected in zip(names, texts, strict=True):
            states.append(int(RejectionState.REPEATED if rejected in known else RejectionState.OPEN))
            known.add(rejected)
        columns = {
            "source_key": source_key,
            "sequence": [places.sequence[row] for row, _ in found],
            "batch_row": [places.batch_row[row] for row, _ in found],
            self.tables.item_id: names,
            "reason": [int(problem.reason) for _, problem in found],
            "description": [problem.description for _, problem in found],
            "item": texts,
            "received_us": intake.received_us,
            "state": states,
            **NOT_RESOLVED,
        }
        insert_columns(intake.connection, self.tables.rejection, columns, len(found))

    def close(self, intake: Intake, feed: Feed, run: ItemsT, booked: Sequence[int]) -> None:
        """Closes the open rejections of items that have been booked now, because the feed reported them again."""
        if intake.connection.execute(self._has_open, {"source": feed.key}).first() is None:
            return
        ids = run.ids
        named = {"source": feed.key, "texts": {ids[row] for row in booked}}
        name = self.tables.name_of(feed.source_id)
        intake.connection.execute(self._close, {**named, "now": intake.received_us, "feed": name})

    def open_counts(self, connection: Connection, feeds: Sequence[Feed]) -> dict[int, int]:
        """Returns, by feed key, the number of rejected items that are still open."""
        row = self._row
        of_feeds = is_one_of(row.c.source_key, [feed.key for feed in feeds])
        statement = select(row.c.source_key, func.count()).where(of_feeds, row.c.state == int(RejectionState.OPEN))
        return {one[0]: one[1] for one in connection.execute(statement.group_by(row.c.source_key))}

    def get(self, connection: Connection, source_id: str, key: int) -> StoredRejection[ItemsT]:
        """Returns one item; raises NotFound."""
        where = [self._row.c.rejection_key == key, self._feed.c.source_id == source_id]
        return existing(self._stored(connection, where, 1), self.name_of(source_id, key))

    def page(
        self, connection: Connection, wanted: Expression, before_key: int, limit: int
    ) -> list[StoredRejection[ItemsT]]:
        """Returns a page of items, newest first."""
        where = [self.filter.where(wanted), self._row.c.rejection_key < before_key]
        return self._stored(connection, where, limit)

    def settle(self, intake: Intake, key: int, state: RejectionState, actor: str, note: str) -> bool:
        """Stores the resolution of an open item; returns False and changes nothing if it is already resolved."""
        row = self._row
        values = {"state": int(state), "resolved_us": intake.received_us, "resolved_by": actor, "note": note}
        is_open = row.c.state == int(RejectionState.OPEN)
        statement = update(row).where(row.c.rejection_key == key, is_open).values(**values)
        return bool(intake.connection.execute(statement).rowcount)

    def _stored(
        self, connection: Connection, where: Sequence[ColumnElement[bool]], limit: int
    ) -> list[StoredRejection[ItemsT]]:
        row = self._row
        statement = (
            select(row, self._feed.c.source_id)
            .join(self._feed, self._feed.c.source_key == row.c.source_key)
            .where(*where, row.c.state != int(RejectionState.REPEATED))
            .order_by(row.c.rejection_key.desc())
            .limit(limit)
        )
        return [
            StoredRejection(
                key=one.rejection_key,
                source_id=one.source_id,
                sequence=one.sequence,
                batch_row=one.batch_row,
                item=item_of(self.kind, json.loads(one.item)),
                reason=self.reasons(one.reason),
                description=one.description,
                received_us=one.received_us,
                state=RejectionState(one.state),
                resolved_us=one.resolved_us,
                resolved_by=one.resolved_by,
                note=one.note,
            )
            for one in connection.execute(statement)
        ]


def printable(text: str) -> str:
    """Returns a string that any database can store: control characters are escaped, and it is cut at 200 characters."""
    return (text if text.isprintable() else text.encode("unicode_escape").decode())[:200]
