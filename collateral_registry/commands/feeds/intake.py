"""Books batches of feeds: checks, books and stores a group of batches of one kind in one transaction.

The sequence of a feed is checked under the feed's lock, so that it is also correct if several processes write. A kind
of feed is a subclass of :class:`Group`, which books the items of the batches that are admitted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from collateral_registry.domain.feeds.items import ItemsT, Problems, joined
from collateral_registry.domain.shared.errors import Refused, RequestIdReused
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.feeds.batches import BatchPlaces, BatchRecord, Feed, FeedStore, FeedTables, StoredBatch
from collateral_registry.store.feeds.rejections import RejectionStore, printable

CALL = 0
"""Sequence and epoch of a batch that was sent in a single call, and so does not belong to a stream."""


@dataclass(frozen=True)
class Batch(Generic[ItemsT]):
    """A received batch of items of one feed.

    ``epoch`` is the epoch of the stream that sent the batch. ``scope`` is what the feed may report; None means
    anything.
    """

    source_id: str
    epoch: int
    sequence: int
    body_hash: str
    items: ItemsT
    scope: Any = None
    request_id: str = ""


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not booked, and the reason."""

    row: int
    item_id: str
    reason: int
    description: str


@dataclass(frozen=True)
class DurableBatch:
    """The result of a stored batch. ``repeated`` is true if an earlier request stored it."""

    sequence: int
    booked: int
    known: int
    rejected: Sequence[RejectedRow]
    repeated: bool = False


@dataclass(frozen=True)
class Gap:
    """The result of a batch that arrived before its predecessors. ``expected`` is the next sequence of the feed."""

    expected: int


Outcome = DurableBatch | Gap | Refused | RequestIdReused
"""The result of a batch. An error concerns only this batch."""


def source_shard(source_id: str) -> str:
    """Returns the name of a feed's shard."""
    return f"source {source_id}"


@dataclass
class Run(Generic[ItemsT]):
    """The batches of one feed that are to be booked now, in order, with their items together.

    The kind of the feed sets ``problems``, and after booking the rows that were booked and that were already known.
    """

    feed: Feed
    indexes: list[int]
    batches: list[Batch[ItemsT]]
    problems: Problems = field(default_factory=dict)
    booked: Sequence[int] = ()
    known: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.items = joined([batch.items for batch in self.batches])
        self.starts = np.cumsum([0, *(len(batch.items) for batch in self.batches)])
        # book_batches books batches of one feed with different scopes in different groups.
        self.scope = self.batches[0].scope

    def places(self) -> BatchPlaces:
        """Returns, for each row, the sequence of its batch and the index of the row in that batch."""
        counts = [len(batch.items) for batch in self.batches]
        numbers = np.repeat([batch.sequence for batch in self.batches], counts)
        return BatchPlaces(numbers.tolist(), (np.arange(len(numbers)) - np.repeat(self.starts[:-1], counts)).tolist())

    def rows(self) -> Sequence[int]:
        """Returns the rows without a problem."""
        rows = range(len(self.items))
        return [row for row in rows if row not in self.problems] if self.problems else rows

    def counts(self, rows: Sequence[int]) -> list[int]:
        """Returns how many of the given rows belong to each batch. The rows are in ascending order."""
        return [int(count) for count in np.diff(np.searchsorted(rows, self.starts))]

    def rejected(self) -> list[list[RejectedRow]]:
        """Returns the rows of each batch that were not booked."""
        found: list[list[RejectedRow]] = [[] for _ in self.batches]
        ids = self.items.ids
        for row, problem in sorted(self.problems.items()):
            batch = int(np.searchsorted(self.starts, row, side="right")) - 1
            name = printable(ids[row])
            row_in_batch = row - int(self.starts[batch])
            found[batch].append(RejectedRow(row_in_batch, name, int(problem.reason), problem.description))
        return found


class Group(ABC, Generic[ItemsT]):
    """Batches that are committed together, in a transaction that holds the locks of their shards."""

    feeds: ClassVar[FeedStore]
    rejections: ClassVar[RejectionStore[Any]]

    def __init__(self, intake: Intake, batches: Sequence[Batch[ItemsT]]) -> None:
        self.intake = intake
        self.batches = batches
        self.outcomes: list[Outcome | None] = [None] * len(batches)
        self.duplicates: dict[int, int] = {}
        self.runs = self._admitted()
        self.prepare()

    @staticmethod
    @abstractmethod
    def shards_of(items: ItemsT) -> set[str]:
        """Returns the names of the shards that items state, besides that of their feed."""

    @abstractmethod
    def prepare(self) -> None:
        """Checks the items of the runs and reads the earlier items that they refer to."""

    @abstractmethod
    def shards(self) -> set[str]:
        """Returns the names of all shards that the prepared runs change, besides those of their feeds."""

    @abstractmethod
    def book_runs(self) -> None:
        """Books the items of the runs, stores them, and sets the result of each run."""

    def book(self) -> list[Outcome]:
        """Books every run, stores the results and returns the outcome of each batch."""
        self.book_runs()
        for run in self.runs:
            self._store(run)
        self.feeds.store_progress(self.intake, [run.feed for run in self.runs])
        for index, first in self.duplicates.items():
            self.outcomes[index] = _repeat(self.outcomes[first])
        return [outcome for outcome in self.outcomes if outcome is not None]

    def _store(self, run: Run[ItemsT]) -> None:
        self.rejections.close(self.intake, run.feed, run.items, run.booked)
        self.rejections.store(self.intake, run.feed.key, run.items, run.places(), run.problems)
        records = [
            BatchRecord(run.feed.key, batch.sequence, batch.request_id, batch.body_hash, len(batch.items))
            for batch in run.batches
        ]
        booked, known = run.counts(run.booked), run.counts(run.known)
        self.feeds.store_batches(self.intake, run.feed, records, booked, known)
        for at, rejected in enumerate(run.rejected()):
            durable = DurableBatch(run.batches[at].sequence, booked[at], known[at], rejected)
            self.outcomes[run.indexes[at]] = durable

    def _admitted(self) -> list[Run[ItemsT]]:
        """Groups the batches to be booked by feed, and sets the outcome of all others."""
        connection, names = self.intake.connection, sorted({batch.source_id for batch in self.batches})
        feeds = self.feeds.find(connection, names)
        runs: dict[str, list[tuple[int, Batch[ItemsT]]]] = {}
        seen: dict[tuple[str, int | str], int] = {}
        for index, batch in enumerate(self.batches):
            if batch.source_id not in feeds:
                feeds[batch.source_id] = self.feeds.ensure(self.intake, batch.source_id)
            feed = feeds[batch.source_id]
            settled = self._settled(feed, batch, seen, index)
            if settled is not None:
                self.outcomes[index] = settled
            elif index not in self.duplicates:
                seen[batch.source_id, batch.request_id or batch.sequence] = index
                runs.setdefault(batch.source_id, []).append((index, _numbered(feed, batch)))
        return [
            Run(feeds[name], [index for index, _ in found], [batch for _, batch in found])
            for name, found in runs.items()
        ]

    def _settled(
        self, feed: Feed, batch: Batch[ItemsT], seen: dict[tuple[str, int | str], int], index: int
    ) -> Outcome | None:
        """Returns the outcome of a batch that is not booked now.

        Returns None for a batch that is to be booked, and for a duplicate of an earlier batch in the group.
        """
        if batch.sequence != CALL and batch.epoch != feed.epoch:
            return superseded(self.feeds.tables, feed.source_id)
        first = seen.get((batch.source_id, batch.request_id or batch.sequence)) if _is_identified(batch) else None
        if first is not None:
            if self.batches[first].body_hash != batch.body_hash:
                return self._reused(batch)
            self.duplicates[index] = first
            return None
        stored = self._stored(feed, batch)
        if stored is not None:
            return _repeated(stored) if stored.body_hash == batch.body_hash else self._reused(batch)
        return Gap(feed.last_sequence + 1) if batch.sequence > feed.last_sequence + 1 else None

    def _stored(self, feed: Feed, batch: Batch[ItemsT]) -> StoredBatch | None:
        connection = self.intake.connection
        if batch.sequence == CALL:
            return self.feeds.batch_of_request(connection, feed.key, batch.request_id)
        if batch.sequence > feed.last_sequence:
            return None
        return self.feeds.stored_batch(connection, feed.key, batch.sequence)

    def _reused(self, batch: Batch[ItemsT]) -> Refused | RequestIdReused:
        if batch.sequence == CALL:
            return RequestIdReused(batch.request_id)
        tables = self.feeds.tables
        durable = f"sequence: {batch.sequence} of {tables.name_of(batch.source_id)} is durable with other content"
        message = f"{durable}: continue after the last_sequence of {tables.opened}"
        return Refused("SEQUENCE_REUSED", message, sequence=str(batch.sequence))


GroupT = TypeVar("GroupT", bound=Group[Any])


def open_feed(database: Database, kind: type[Group[Any]], source_id: str) -> Feed:
    """Opens a new stream of a feed and returns the feed's progress; earlier streams may no longer write."""
    with database.intake([source_shard(source_id)]) as intake:
        feed = kind.feeds.open_epoch(intake, source_id)
        intake.commit()
    return feed


def book_batches(database: Database, kind: type[Group[Any]], batches: Sequence[Batch[Any]]) -> list[Outcome]:
    """Books batches in order and returns the outcome of each [n].

    They are committed together, unless batches of one feed have different scopes: a batch whose scope differs from that
    of the batch before begins another commit. If that commit fails, the batches before it are durable, and are
    recognised when they are sent again.
    """
    outcomes: list[Outcome] = []
    for part in _with_one_scope(batches):
        with locked_group(database, kind, part) as group:
            outcomes += group.book()
            group.intake.commit()
    return outcomes


def try_batch(database: Database, kind: type[Group[Any]], batch: Batch[Any]) -> Outcome:
    """Returns the outcome that a batch would have now; writes nothing."""
    with locked_group(database, kind, [batch]) as group:
        (outcome,) = group.book()
    return outcome


@contextmanager
def locked_group(database: Database, kind: type[GroupT], batches: Sequence[Batch[Any]]) -> Iterator[GroupT]:
    """Yields the batches in a transaction that locks every shard they touch; it is undone unless the caller commits."""
    shards = {source_shard(batch.source_id) for batch in batches}
    shards.update(*(kind.shards_of(batch.items) for batch in batches))
    while True:
        with database.intake(shards) as intake:
            group = kind(intake, batches)
            missing = group.shards() - shards
            if not missing:
                yield group
                return
        # A correction touches the shards of the item it corrects, which are known only once it is read. Locks are
        # acquired in order of their keys, so a new transaction acquires all of them.
        shards |= missing


def superseded(tables: FeedTables, source_id: str) -> Refused:
    """Builds the refusal for a stream whose feed has opened a newer stream."""
    name = tables.name_of(source_id)
    message = f"{name} was opened by another stream: run one stream for each feed, then open it again"
    return Refused("STREAM_SUPERSEDED", message, **{tables.field: name})


def _with_one_scope(batches: Sequence[Batch[Any]]) -> Iterator[list[Batch[Any]]]:
    """Yields the batches in order, in parts in which each feed has one scope."""
    part: list[Batch[Any]] = []
    scopes: dict[str, Any] = {}
    for batch in batches:
        if scopes.setdefault(batch.source_id, batch.scope) != batch.scope:
            yield part
            part, scopes = [], {batch.source_id: batch.scope}
        part.append(batch)
    yield part


def _is_identified(batch: Batch[Any]) -> bool:
    """Returns whether a batch can be recognised when it is repeated, by its sequence or its request id."""
    return batch.sequence != CALL or bool(batch.request_id)


def _numbered(feed: Feed, batch: Batch[ItemsT]) -> Batch[ItemsT]:
    """Returns the batch with its sequence, and advances the feed to it.

    The sequences of single calls count down from -1.
    """
    if batch.sequence == CALL:
        feed.last_call -= 1
        return replace(batch, sequence=feed.last_call)
    feed.last_sequence = batch.sequence
    return batch


def _repeated(stored: StoredBatch) -> DurableBatch:
    rejected = [RejectedRow(*row) for row in stored.rejected]
    return DurableBatch(stored.sequence, stored.booked, stored.known, rejected, repeated=True)


def _repeat(outcome: Outcome | None) -> Outcome | None:
    return replace(outcome, repeated=True) if isinstance(outcome, DurableBatch) else outcome
