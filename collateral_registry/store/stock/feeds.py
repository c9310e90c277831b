"""Stores feeds of stock movements and reads their durable batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Id, Number, Time
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.filters import FilterField, FilterTable, unless
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.engine.rows import columns_of, existing, insert_row, values_of
from collateral_registry.store.schema.stock import StockBatchRow, StockFeedRow, StockRejectionRow


@dataclass
class Feed:
    """A feed with its last durable sequence, the number of its latest single call, and the epoch of its stream."""

    key: int
    source_id: str
    last_sequence: int
    last_call: int
    epoch: int
    received_us: int


FEED_FILTER = FilterTable(
    name=FilterField(Id("stockFeeds"), StockFeedRow.source_id),
    last_sequence=FilterField(Number(), StockFeedRow.last_sequence),
    receive_time=unless(Time(), StockFeedRow.received_us, 0),
)
"""Fields by which feeds can be filtered."""


@dataclass(frozen=True)
class StoredBatch:
    """A durable batch with its digest, counts and rejections (row, movement id, reason and description of each)."""

    sequence: int
    body_hash: str
    booked: int
    known: int
    rejected: Sequence[tuple[int, str, int, str]]


def find_feeds(connection: Connection, source_ids: Sequence[str]) -> dict[str, Feed]:
    """Returns the feeds among ``source_ids`` that exist, by id."""
    rows = connection.execute(_NAMED_FEEDS, {"texts": source_ids})
    return {row.source_id: Feed(*row) for row in rows}


def get_feed(connection: Connection, source_id: str) -> Feed:
    """Returns one feed; raises NotFound."""
    return existing([*find_feeds(connection, [source_id]).values()], f"stockFeeds/{source_id}")


def list_feeds(connection: Connection, wanted: Expression, after: str, limit: int) -> list[Feed]:
    """Returns a page of feeds, ordered by id."""
    later = (
        _FEEDS.where(FEED_FILTER.where(wanted), StockFeedRow.source_id > after)
        .order_by(StockFeedRow.source_id)
        .limit(limit)
    )
    return [Feed(*row) for row in connection.execute(later)]


def open_feed_epoch(intake: Intake, source_id: str) -> Feed:
    """Returns the feed with a new epoch; creates it if necessary. Streams of older epochs may no longer write."""
    found = find_feeds(intake.connection, [source_id]).get(source_id)
    if found is None:
        return _new_source(intake, source_id)
    found.epoch += 1
    intake.connection.execute(
        update(StockFeedRow).where(StockFeedRow.source_key == found.key).values(epoch=found.epoch)
    )
    return found


def ensure_feed(intake: Intake, source_id: str) -> Feed:
    """Returns the feed; creates it if necessary."""
    return find_feeds(intake.connection, [source_id]).get(source_id) or _new_source(intake, source_id)


def store_progress(intake: Intake, sources: Sequence[Feed]) -> None:
    """Stores the last sequence and the last call of each feed."""
    rows = [
        {"key": one.key, "sequence": one.last_sequence, "call": one.last_call, "now": intake.received_us}
        for one in sources
    ]
    if rows:
        intake.connection.execute(_PROGRESS, rows)


_PROGRESS = (
    update(StockFeedRow)
    .where(StockFeedRow.source_key == bindparam("key"))
    .values(last_sequence=bindparam("sequence"), last_call=bindparam("call"), received_us=bindparam("now"))
)


def stored_batches(connection: Connection, source_key: int, sequences: Sequence[int]) -> dict[int, StoredBatch]:
    """Returns those of the batches that are durable, keyed by sequence."""
    where = (StockBatchRow.source_key == source_key, is_one_of(StockBatchRow.sequence, sequences))
    return {batch.sequence: batch for batch in _batches(connection, *where)} if sequences else {}


def batch_of_request(connection: Connection, source_key: int, request_id: str) -> StoredBatch | None:
    """Returns the batch stored with a request id; None for a new or empty id."""
    where = (StockBatchRow.source_key == source_key, StockBatchRow.request_id == request_id)
    return next(iter(_batches(connection, *where)), None) if request_id else None


def _new_source(intake: Intake, source_id: str) -> Feed:
    feed = Feed(0, source_id, 0, 0, 1, 0)
    values = values_of(feed, "source_id", "last_sequence", "last_call", "epoch", "received_us")
    feed.key = insert_row(intake.connection, StockFeedRow, **values, created_us=intake.received_us)
    return feed


_FEEDS = select(
    *columns_of(StockFeedRow, "source_key", "source_id", "last_sequence", "last_call", "epoch", "received_us")
)


_NAMED_FEEDS = _FEEDS.where(is_one_of(StockFeedRow.source_id, TEXTS))


def _batches(connection: Connection, *where: ColumnElement[bool]) -> list[StoredBatch]:
    rows = connection.execute(select(StockBatchRow.__table__).where(*where)).all()
    found = []
    for row in rows:
        rejected = (
            select(*columns_of(StockRejectionRow, "batch_row", "movement_id", "reason", "description"))
            .where(StockRejectionRow.source_key == row.source_key, StockRejectionRow.sequence == row.sequence)
            .order_by(StockRejectionRow.batch_row)
        )
        items = [tuple(item) for item in connection.execute(rejected)] if row.item_count > row.booked_count else []
        found.append(StoredBatch(row.sequence, row.body_hash, row.booked_count, row.known_count, items))
    return found
