"""Stores feeds and their durable batches, in the tables of one kind of feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select, update
from sqlmodel import SQLModel

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Id, Number, Time
from collateral_registry.store.audit.fact_sets import FEED_SET_NAMED
from collateral_registry.store.audit.links import append_link
from collateral_registry.store.engine.bulk import insert_columns
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.filters import FilterField, FilterTable, unless
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.engine.rows import columns_of, existing, insert_row, values_of


@dataclass
class Feed:
    """A feed with its last durable sequence, the number of its latest single call, and the epoch of its stream.

    ``link`` is the number of the last link in its chain of the audit log.
    """

    key: int
    source_id: str
    last_sequence: int
    last_call: int
    epoch: int
    received_us: int
    link: int


@dataclass(frozen=True)
class StoredBatch:
    """A durable batch with its digest, counts and rejections (row, item id, reason and description of each)."""

    sequence: int
    body_hash: str
    booked: int
    known: int
    rejected: Sequence[tuple[int, str, int, str]]


@dataclass(frozen=True)
class BatchRecord:
    """A batch as it is stored, with its feed, sequence, digest and number of rows."""

    source_key: int
    sequence: int
    request_id: str
    body_hash: str
    item_count: int


@dataclass(frozen=True)
class BatchPlaces:
    """For each row [n] of a run: the sequence of the batch that contains the row, and its row number there."""

    sequence: Sequence[int]
    batch_row: Sequence[int]


@dataclass(frozen=True)
class FeedTables:
    """The tables of one kind of feed, and its names in the contract.

    ``id_word`` is the word for the id of a feed in a pattern, ``field`` names a feed in requests and errors, ``opened``
    is the message that opens a stream, and ``item_id`` the column with the partner's id of an item.
    """

    collection: str
    id_word: str
    field: str
    opened: str
    item_id: str
    feed: type[SQLModel]
    batch: type[SQLModel]
    rejection: type[SQLModel]

    def name_of(self, source_id: str) -> str:
        """Returns the resource name of a feed."""
        return f"{self.collection}/{source_id}"


FEED_COLUMNS = ("source_key", "source_id", "last_sequence", "last_call", "epoch", "received_us", "link")


class FeedStore:
    """Feeds of one kind and their durable batches. ``filter`` has the fields by which feeds can be filtered."""

    def __init__(self, tables: FeedTables) -> None:
        self.tables = tables
        feed, rejection = tables.feed.__table__, tables.rejection.__table__
        self.filter = FilterTable(
            name=FilterField(Id(tables.collection), feed.c.source_id),
            last_sequence=FilterField(Number(), feed.c.last_sequence),
            receive_time=unless(Time(), feed.c.received_us, 0),
        )
        self._feeds = select(*columns_of(tables.feed, *FEED_COLUMNS))
        self._named = self._feeds.where(is_one_of(feed.c.source_id, TEXTS))
        self._progress = (
            update(feed)
            .where(feed.c.source_key == bindparam("key"))
            .values(
                last_sequence=bindparam("sequence"),
                last_call=bindparam("call"),
                received_us=bindparam("now"),
                link=bindparam("last_link"),
            )
        )
        self._rejected = (
            select(*(rejection.c[name] for name in ("batch_row", tables.item_id, "reason", "description")))
            .where(rejection.c.source_key == bindparam("source"), rejection.c.sequence == bindparam("batch"))
            .order_by(rejection.c.batch_row)
        )

    def find(self, connection: Connection, source_ids: Sequence[str]) -> dict[str, Feed]:
        """Returns the feeds among ``source_ids`` that exist, by id."""
        return {row.source_id: Feed(*row) for row in connection.execute(self._named, {"texts": source_ids})}

    def get(self, connection: Connection, source_id: str) -> Feed:
        """Returns one feed; raises NotFound."""
        return existing([*self.find(connection, [source_id]).values()], self.tables.name_of(source_id))

    def page(self, connection: Connection, wanted: Expression, after: str, limit: int) -> list[Feed]:
        """Returns a page of feeds, ordered by id."""
        source_id = self.tables.feed.__table__.c.source_id
        later = self._feeds.where(self.filter.where(wanted), source_id > after).order_by(source_id).limit(limit)
        return [Feed(*row) for row in connection.execute(later)]

    def open_epoch(self, intake: Intake, source_id: str) -> Feed:
        """Returns the feed with a new epoch; creates it if necessary. Streams of older epochs may no longer write."""
        found = self.find(intake.connection, [source_id]).get(source_id)
        if found is None:
            return self._new(intake, source_id)
        found.epoch += 1
        feed = self.tables.feed.__table__
        intake.connection.execute(update(feed).where(feed.c.source_key == found.key).values(epoch=found.epoch))
        return found

    def ensure(self, intake: Intake, source_id: str) -> Feed:
        """Returns the feed; creates it if necessary."""
        return self.find(intake.connection, [source_id]).get(source_id) or self._new(intake, source_id)

    def store_progress(self, intake: Intake, sources: Sequence[Feed]) -> None:
        """Stores the last sequence, the last call and the last link of each feed."""
        rows = [
            {
                "key": one.key,
                "sequence": one.last_sequence,
                "call": one.last_call,
                "now": intake.received_us,
                "last_link": one.link,
            }
            for one in sources
        ]
        if rows:
            intake.connection.execute(self._progress, rows)

    def stored_batch(self, connection: Connection, source_key: int, sequence: int) -> StoredBatch:
        """Returns a durable batch by its sequence."""
        batch = self.tables.batch.__table__
        (found,) = self._batches(connection, batch.c.source_key == source_key, batch.c.sequence == sequence)
        return found

    def batch_of_request(self, connection: Connection, source_key: int, request_id: str) -> StoredBatch | None:
        """Returns the batch stored with a request id; None for a new or empty id."""
        batch = self.tables.batch.__table__
        where = (batch.c.source_key == source_key, batch.c.request_id == request_id)
        return next(iter(self._batches(connection, *where)), None) if request_id else None

    def store_batches(
        self, intake: Intake, feed: Feed, records: Sequence[BatchRecord], booked: Sequence[int], known: Sequence[int]
    ) -> None:
        """Appends batches of a feed, each with its number of booked rows and its number of rows already known.

        They and the items that were booked for them become the next link in the chain of the feed.
        """
        columns: dict[str, Any] = {
            name: [getattr(record, name) for record in records]
            for name in ("source_key", "sequence", "request_id", "body_hash", "item_count")
        }
        columns.update(booked_count=booked, known_count=known, received_us=intake.received_us)
        feed.link += 1
        columns.update(epoch=feed.epoch, link=feed.link)
        insert_columns(intake.connection, self.tables.batch, columns, len(records))
        chained = FEED_SET_NAMED[str(self.tables.feed.__tablename__)]
        append_link(intake.connection, intake.facts, chained, (feed.key, feed.source_id), feed.link)

    def _new(self, intake: Intake, source_id: str) -> Feed:
        feed = Feed(0, source_id, 0, 0, 1, 0, 0)
        values = values_of(feed, *FEED_COLUMNS[1:])
        feed.key = insert_row(intake.connection, self.tables.feed, **values, created_us=intake.received_us)
        return feed

    def _batches(self, connection: Connection, *where: ColumnElement[bool]) -> list[StoredBatch]:
        rows = connection.execute(select(self.tables.batch.__table__).where(*where)).all()
        found = []
        for row in rows:
            named = {"source": row.source_key, "batch": row.sequence}
            has_rejections = row.item_count > row.booked_count
            items = [tuple(item) for item in connection.execute(self._rejected, named)] if has_rejections else []
            found.append(StoredBatch(row.sequence, row.body_hash, row.booked_count, row.known_count, items))
        return found
