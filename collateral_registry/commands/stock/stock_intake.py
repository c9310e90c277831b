"""Books batches of stock movements: checks, books and stores a group of batches in one transaction.

The sequence of a feed is checked under the feed's lock, so that it is also correct if several processes write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from collateral_registry.domain.shared.errors import Refused, RequestIdReused
from collateral_registry.domain.shared.units import NO_SPELLINGS, UnitsBySpelling
from collateral_registry.domain.stock.movement_booking import Booked, Known, Lots, Place, book, places_of
from collateral_registry.domain.stock.movements import Movements, joined, problems_of, unclear_units
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.prices.unit_spellings import units_of_owner
from collateral_registry.store.stock.booking import (
    BatchPlaces,
    BatchRecord,
    close_rejections,
    known_movements,
    printable,
    read_lots,
    store_batches,
    store_lateness,
    store_lots,
    store_movements,
    store_rejections,
)
from collateral_registry.store.stock.feeds import (
    Feed,
    StoredBatch,
    batch_of_request,
    ensure_feed,
    find_feeds,
    open_feed_epoch,
    store_progress,
    stored_batches,
)

CALL = 0
"""Sequence and epoch of a batch that was sent in a single call, and so does not belong to a stream."""


@dataclass(frozen=True)
class Batch:
    """A received batch of movements of one feed.

    ``epoch`` is the epoch of the stream that sent the batch. ``own_warehouses`` are the warehouses that the feed may
    report; None means any.
    """

    source_id: str
    epoch: int
    sequence: int
    body_hash: str
    movements: Movements
    own_warehouses: Collection[str] | None = None
    request_id: str = ""


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not booked, and the reason."""

    row: int
    movement_id: str
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


def open_feed(database: Database, source_id: str) -> Feed:
    """Opens a new stream of a feed and returns the feed's progress; earlier streams may no longer write."""
    with database.intake([source_shard(source_id)]) as intake:
        source = open_feed_epoch(intake, source_id)
        intake.commit()
    return source


def book_batches(database: Database, batches: Sequence[Batch]) -> list[Outcome]:
    """Books batches in order and commits them together; returns the outcome of each [n]."""
    with locked_group(database, batches) as group:
        outcomes = group.book()
        group.intake.commit()
    return outcomes


def try_batch(database: Database, batch: Batch) -> Outcome:
    """Returns the outcome that a batch would have now; writes nothing."""
    with locked_group(database, [batch]) as group:
        (outcome,) = group.book()
    return outcome


@contextmanager
def locked_group(database: Database, batches: Sequence[Batch]) -> Iterator[Group]:
    """Yields the batches in a transaction that locks every shard they touch; it is undone unless the caller commits."""
    shards = _shards(batches)
    while True:
        with database.intake(shards) as intake:
            group = Group(intake, batches)
            missing = {warehouse_shard(place[0]) for place in group.places} - shards
            if not missing:
                yield group
                return
        # A correction touches the warehouses of the movement it corrects, which are known only once it is read. Locks
        # are acquired in order of their keys, so a new transaction acquires all of them.
        shards |= missing


def source_shard(source_id: str) -> str:
    """Returns the name of a feed's shard."""
    return f"source {source_id}"


def warehouse_shard(warehouse: str) -> str:
    """Returns the name of a warehouse's shard, which serialises feeds of the same warehouse."""
    return f"warehouse {warehouse}"


def _shards(batches: Sequence[Batch]) -> set[str]:
    shards = {source_shard(batch.source_id) for batch in batches}
    for batch in batches:
        named = {*batch.movements.warehouse, *batch.movements.to_warehouse}
        shards.update(map(warehouse_shard, named - {""}))
    return shards


@dataclass
class _Run:
    """The batches of one feed that are to be booked now, in order."""

    source: Feed
    indexes: list[int]
    batches: list[Batch]
    intake: Intake

    def __post_init__(self) -> None:
        self.movements = joined([batch.movements for batch in self.batches])
        self.own_units = self._own_units()
        self.starts = np.cumsum([0, *(len(batch.movements) for batch in self.batches)])
        self.problems = problems_of(self.movements, self.own_warehouses, self.intake.received_us, self.own_units)
        self.past: dict[str, Known] = {}
        self.booked = Booked()

    @property
    def own_warehouses(self) -> Collection[str] | None:
        """The warehouses that the feed may report. They are the same for all of its batches."""
        return self.batches[0].own_warehouses

    def _own_units(self) -> UnitsBySpelling:
        """Returns the feed's own spellings of units, which are read only if the registry does not decide a unit."""
        if not unclear_units(self.movements):
            return NO_SPELLINGS
        return units_of_owner(self.intake.connection, f"stockFeeds/{self.source.source_id}")

    def places(self) -> BatchPlaces:
        """Returns, for each row, the sequence of its batch and the index of the row in that batch."""
        counts = [len(batch.movements) for batch in self.batches]
        numbers = np.repeat([batch.sequence for batch in self.batches], counts)
        return BatchPlaces(numbers.tolist(), (np.arange(len(numbers)) - np.repeat(self.starts[:-1], counts)).tolist())

    def ids(self) -> set[str]:
        """Returns the ids of the valid rows and of the movements that these rows correct."""
        run = self.movements
        if not self.problems:
            return {*run.movement_id, *run.corrects} - {""}
        rows = [row for row in range(len(run)) if row not in self.problems]
        return {name for row in rows for name in (run.movement_id[row], run.corrects[row]) if name}

    def counts(self, rows: Sequence[int]) -> list[int]:
        """Returns how many of the given rows belong to each batch. The rows are in ascending order."""
        return [int(count) for count in np.diff(np.searchsorted(rows, self.starts))]

    def rejected(self) -> list[list[RejectedRow]]:
        """Returns the rows of each batch that were not booked."""
        found: list[list[RejectedRow]] = [[] for _ in self.batches]
        for row, problem in sorted(self.booked.problems.items()):
            batch = int(np.searchsorted(self.starts, row, side="right")) - 1
            name = printable(self.movements.movement_id[row])
            row_in_batch = row - int(self.starts[batch])
            found[batch].append(RejectedRow(row_in_batch, name, int(problem.reason), problem.description))
        return found


class Group:
    """Batches that are committed together, in a transaction that holds the locks of their shards."""

    def __init__(self, intake: Intake, batches: Sequence[Batch]) -> None:
        self.intake = intake
        self.batches = batches
        self.outcomes: list[Outcome | None] = [None] * len(batches)
        self.duplicates: dict[int, int] = {}
        self.runs = self._admitted()
        for run in self.runs:
            run.past = known_movements(intake.connection, run.source.key, run.ids())
        self.places = self._places()

    def _places(self) -> set[Place]:
        """Returns every place whose lot may change."""
        places: set[Place] = set()
        for run in self.runs:
            places |= places_of(run.movements, run.problems)
            for known in run.past.values():
                places |= {known.place} if known.to_place is None else {known.place, known.to_place}
        return places

    def book(self) -> list[Outcome]:
        """Books every run, stores the results and returns the outcome of each batch."""
        lots = read_lots(self.intake.connection, self.places)
        for run in self.runs:
            run.booked = book(run.movements, run.problems, lots, run.past, run.own_warehouses, run.own_units)
        since_us = min((min(run.booked.effective_us) for run in self.runs if run.booked.row), default=0)
        store_lots(self.intake, lots, since_us)
        for run in self.runs:
            self._store(run, lots)
        store_lateness(self.intake, lots, [run.booked for run in self.runs])
        store_progress(self.intake, [run.source for run in self.runs])
        for index, first in self.duplicates.items():
            self.outcomes[index] = _repeat(self.outcomes[first])
        return [outcome for outcome in self.outcomes if outcome is not None]

    def _store(self, run: _Run, lots: Lots) -> None:
        places = run.places()
        store_movements(self.intake, run.source.key, run.movements, places, run.booked, lots)
        close_rejections(self.intake, run.source.key, run.source.source_id, run.movements, run.booked)
        store_rejections(self.intake, run.source.key, run.movements, places, run.booked)
        records = [
            BatchRecord(run.source.key, batch.sequence, batch.request_id, batch.body_hash, len(batch.movements))
            for batch in run.batches
        ]
        booked, known = run.counts(run.booked.row), run.counts(run.booked.known)
        store_batches(self.intake, records, booked, known)
        for at, rejected in enumerate(run.rejected()):
            durable = DurableBatch(run.batches[at].sequence, booked[at], known[at], rejected)
            self.outcomes[run.indexes[at]] = durable

    def _admitted(self) -> list[_Run]:
        """Groups the batches to be booked by feed, and sets the outcome of all others."""
        connection, names = self.intake.connection, sorted({batch.source_id for batch in self.batches})
        sources = find_feeds(connection, names)
        runs: dict[str, list[tuple[int, Batch]]] = {}
        seen: dict[tuple[str, int | str], int] = {}
        for index, batch in enumerate(self.batches):
            if batch.source_id not in sources:
                sources[batch.source_id] = ensure_feed(self.intake, batch.source_id)
            source = sources[batch.source_id]
            settled = self._settled(source, batch, seen, index)
            if settled is not None:
                self.outcomes[index] = settled
            elif index not in self.duplicates:
                seen[batch.source_id, batch.request_id or batch.sequence] = index
                runs.setdefault(batch.source_id, []).append((index, _numbered(source, batch)))
        return [
            _Run(sources[name], [index for index, _ in found], [batch for _, batch in found], self.intake)
            for name, found in runs.items()
        ]

    def _settled(
        self, source: Feed, batch: Batch, seen: dict[tuple[str, int | str], int], index: int
    ) -> Outcome | None:
        """Returns the outcome of a batch that is not booked now.

        Returns None for a batch that is to be booked, and for a duplicate of an earlier batch in the group.
        """
        if batch.sequence != CALL and batch.epoch != source.epoch:
            return superseded(source.source_id)
        first = seen.get((batch.source_id, batch.request_id or batch.sequence)) if _is_identified(batch) else None
        if first is not None:
            if self.batches[first].body_hash != batch.body_hash:
                return _reused(batch)
            self.duplicates[index] = first
            return None
        stored = self._stored(source, batch)
        if stored is not None:
            return _repeated(stored) if stored.body_hash == batch.body_hash else _reused(batch)
        return Gap(source.last_sequence + 1) if batch.sequence > source.last_sequence + 1 else None

    def _stored(self, source: Feed, batch: Batch) -> StoredBatch | None:
        connection = self.intake.connection
        if batch.sequence == CALL:
            return batch_of_request(connection, source.key, batch.request_id)
        if batch.sequence > source.last_sequence:
            return None
        return stored_batches(connection, source.key, [batch.sequence])[batch.sequence]


def _is_identified(batch: Batch) -> bool:
    """Returns whether a batch can be recognised when it is repeated, by its sequence or its request id."""
    return batch.sequence != CALL or bool(batch.request_id)


def _numbered(source: Feed, batch: Batch) -> Batch:
    """Returns the batch with its sequence, and advances the feed to it.

    The sequences of single calls count down from -1.
    """
    if batch.sequence == CALL:
        source.last_call -= 1
        return replace(batch, sequence=source.last_call)
    source.last_sequence = batch.sequence
    return batch


def superseded(source_id: str) -> Refused:
    """Builds the refusal for a stream whose feed has opened a newer stream."""
    message = f"stockFeeds/{source_id} was opened by another stream: run one stream for each feed, then open it again"
    return Refused("STREAM_SUPERSEDED", message, stock_feed=f"stockFeeds/{source_id}")


def _reused(batch: Batch) -> Refused | RequestIdReused:
    if batch.sequence == CALL:
        return RequestIdReused(batch.request_id)
    durable = f"sequence: {batch.sequence} of stockFeeds/{batch.source_id} is durable with other content"
    message = f"{durable}: continue after the last_sequence of PushStockOpened"
    return Refused("SEQUENCE_REUSED", message, sequence=str(batch.sequence))


def _repeated(stored: StoredBatch) -> DurableBatch:
    rejected = [RejectedRow(*row) for row in stored.rejected]
    return DurableBatch(stored.sequence, stored.booked, stored.known, rejected, repeated=True)


def _repeat(outcome: Outcome | None) -> Outcome | None:
    return replace(outcome, repeated=True) if isinstance(outcome, DurableBatch) else outcome
