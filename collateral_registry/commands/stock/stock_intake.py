"""Take in batches of movements: check, book, store with the sequence, in one transaction of the batches that wait.

Every rule of the sequence is decided here, under the lock of the source, so that it holds across processes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from collateral_registry.domain.shared.errors import Refused, RequestIdReused
from collateral_registry.domain.stock.movement_booking import Booked, Known, Lots, Place, book, places_of
from collateral_registry.domain.stock.movements import Movements, joined, problems_of
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.stock.booking import (
    BatchPlaces,
    BatchRecord,
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
"""Sequence and epoch of a single call, which has no place in the sequence of a stream."""


@dataclass(frozen=True)
class Batch:
    """A batch as it came: whose, by a stream of which epoch, and the warehouses the source may touch (None: any)."""

    source_id: str
    epoch: int
    sequence: int
    body_hash: str
    movements: Movements
    own_warehouses: Collection[str] | None = None
    request_id: str = ""


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not booked."""

    row: int
    movement_id: str
    reason: int
    description: str


@dataclass(frozen=True)
class DurableBatch:
    """A batch is durable; ``repeated`` when it was so before."""

    sequence: int
    booked: int
    known: int
    rejected: Sequence[RejectedRow]
    repeated: bool = False


@dataclass(frozen=True)
class Gap:
    """A batch came before its time."""

    expected: int


Outcome = DurableBatch | Gap | Refused | RequestIdReused
"""What becomes of a batch; an error concerns it alone."""


def open_feed(database: Database, source_id: str) -> Feed:
    """Where the source stands; from now on streams opened before may no longer write."""
    with database.intake([source_shard(source_id)]) as intake:
        source = open_feed_epoch(intake, source_id)
        intake.commit()
    return source


def book_batches(database: Database, batches: Sequence[Batch]) -> list[Outcome]:
    """Books batches in their order and makes all of them durable at once; returns the outcome of each [n]."""
    with locked_group(database, batches) as group:
        outcomes = group.book()
        group.intake.commit()
    return outcomes


@contextmanager
def locked_group(database: Database, batches: Sequence[Batch]) -> Iterator[Group]:
    """Yields the batches in a transaction that locks every shard they touch; durable once it is committed."""
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
    """The shard of a source."""
    return f"source {source_id}"


def warehouse_shard(warehouse: str) -> str:
    """The shard of the lots in a warehouse: two sources of one warehouse take turns."""
    return f"warehouse {warehouse}"


def _shards(batches: Sequence[Batch]) -> set[str]:
    shards = {source_shard(batch.source_id) for batch in batches}
    for batch in batches:
        named = {*batch.movements.warehouse, *batch.movements.to_warehouse}
        shards.update(map(warehouse_shard, named - {""}))
    return shards


@dataclass
class _Run:
    """The batches of one source that are booked now, one after the other."""

    source: Feed
    indexes: list[int]
    batches: list[Batch]
    now_us: int

    def __post_init__(self) -> None:
        self.movements = joined([batch.movements for batch in self.batches])
        self.starts = np.cumsum([0, *(len(batch.movements) for batch in self.batches)])
        self.problems = problems_of(self.movements, self.own_warehouses, self.now_us)
        self.past: dict[str, Known] = {}
        self.booked = Booked()

    @property
    def own_warehouses(self) -> Collection[str] | None:
        """The warehouses that the source may touch: of one source, so the same for every batch."""
        return self.batches[0].own_warehouses

    def places(self) -> BatchPlaces:
        """Sequence and row within its batch of every row."""
        counts = [len(batch.movements) for batch in self.batches]
        numbers = np.repeat([batch.sequence for batch in self.batches], counts)
        return BatchPlaces(numbers.tolist(), (np.arange(len(numbers)) - np.repeat(self.starts[:-1], counts)).tolist())

    def ids(self) -> set[str]:
        """The ids of the rows without a problem, and those that they correct."""
        run = self.movements
        if not self.problems:
            return {*run.movement_id, *run.corrects} - {""}
        rows = [row for row in range(len(run)) if row not in self.problems]
        return {name for row in rows for name in (run.movement_id[row], run.corrects[row]) if name}

    def counts(self, rows: Sequence[int]) -> list[int]:
        """How many of the rows, which rise, are of each batch."""
        return [int(count) for count in np.diff(np.searchsorted(rows, self.starts))]

    def rejected(self) -> list[list[RejectedRow]]:
        """The rows of each batch that were not booked."""
        found: list[list[RejectedRow]] = [[] for _ in self.batches]
        for row, problem in sorted(self.booked.problems.items()):
            place = int(np.searchsorted(self.starts, row, side="right")) - 1
            name = printable(self.movements.movement_id[row])
            inside = row - int(self.starts[place])
            found[place].append(RejectedRow(inside, name, int(problem.reason), problem.description))
        return found


class Group:
    """Batches that are made durable together, in the transaction that has their shards."""

    def __init__(self, intake: Intake, batches: Sequence[Batch]) -> None:
        self.intake = intake
        self.batches = batches
        self.outcomes: list[Outcome | None] = [None] * len(batches)
        self.twins: dict[int, int] = {}
        self.runs = self._admitted()
        for run in self.runs:
            run.past = known_movements(intake.connection, run.source.key, run.ids())
        self.places = self._places()

    def _places(self) -> set[Place]:
        """Every place whose lot may change."""
        places: set[Place] = set()
        for run in self.runs:
            places |= places_of(run.movements, run.problems)
            for known in run.past.values():
                places |= {known.place} if known.to_place is None else {known.place, known.to_place}
        return places

    def book(self) -> list[Outcome]:
        """Books every run and stores what came of it."""
        lots = read_lots(self.intake.connection, self.places)
        for run in self.runs:
            run.booked = book(run.movements, run.problems, lots, run.past, run.own_warehouses)
        store_lots(self.intake, lots)
        for run in self.runs:
            self._store(run, lots)
        store_lateness(self.intake, lots, [run.booked for run in self.runs])
        store_progress(self.intake, [run.source for run in self.runs])
        for index, first in self.twins.items():
            self.outcomes[index] = _repeat(self.outcomes[first])
        return [outcome for outcome in self.outcomes if outcome is not None]

    def _store(self, run: _Run, lots: Lots) -> None:
        places = run.places()
        store_movements(self.intake, run.source.key, run.movements, places, run.booked, lots)
        store_rejections(self.intake, run.source.key, run.movements, places, run.booked)
        records = [
            BatchRecord(run.source.key, batch.sequence, batch.request_id, batch.body_hash, len(batch.movements))
            for batch in run.batches
        ]
        booked, known = run.counts(run.booked.row), run.counts(run.booked.known)
        store_batches(self.intake, records, booked, known)
        for place, rejected in enumerate(run.rejected()):
            taken = DurableBatch(run.batches[place].sequence, booked[place], known[place], rejected)
            self.outcomes[run.indexes[place]] = taken

    def _admitted(self) -> list[_Run]:
        """The batches whose turn it is, by source; the outcome of every other one is settled."""
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
            elif index not in self.twins:
                seen[batch.source_id, batch.request_id or batch.sequence] = index
                runs.setdefault(batch.source_id, []).append((index, _numbered(source, batch)))
        return [
            _Run(sources[name], [index for index, _ in found], [batch for _, batch in found], self.intake.received_us)
            for name, found in runs.items()
        ]

    def _settled(
        self, source: Feed, batch: Batch, seen: dict[tuple[str, int | str], int], index: int
    ) -> Outcome | None:
        """What becomes of a batch that is not booked now; none for one whose turn it is, or that comes twice here."""
        if batch.sequence != CALL and batch.epoch != source.epoch:
            return superseded(source.source_id)
        first = seen.get((batch.source_id, batch.request_id or batch.sequence)) if _named(batch) else None
        if first is not None:
            if self.batches[first].body_hash != batch.body_hash:
                return _reused(batch)
            self.twins[index] = first
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


def _named(batch: Batch) -> bool:
    """Whether a batch can be told from another one: by its sequence or its request id."""
    return batch.sequence != CALL or bool(batch.request_id)


def _numbered(source: Feed, batch: Batch) -> Batch:
    """The batch with its number, which the source has come to now."""
    if batch.sequence == CALL:
        source.last_call -= 1
        return replace(batch, sequence=source.last_call)
    source.last_sequence = batch.sequence
    return batch


def superseded(source_id: str) -> Refused:
    """The refusal of a stream whose source has opened another one."""
    message = f"stockFeeds/{source_id} was opened by another stream, which has taken over"
    return Refused("STREAM_SUPERSEDED", message, stock_feed=f"stockFeeds/{source_id}")


def _reused(batch: Batch) -> Refused | RequestIdReused:
    if batch.sequence == CALL:
        return RequestIdReused(batch.request_id)
    message = f"sequence: {batch.sequence} of stockFeeds/{batch.source_id} is durable with other content"
    return Refused("SEQUENCE_REUSED", message, sequence=str(batch.sequence))


def _repeated(stored: StoredBatch) -> DurableBatch:
    rejected = [RejectedRow(*row) for row in stored.rejected]
    return DurableBatch(stored.sequence, stored.booked, stored.known, rejected, repeated=True)


def _repeat(outcome: Outcome | None) -> Outcome | None:
    return replace(outcome, repeated=True) if isinstance(outcome, DurableBatch) else outcome
