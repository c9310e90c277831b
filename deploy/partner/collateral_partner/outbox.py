"""Keeps movements that the server has not yet made durable in a local queue that survives crashes.

An item is stored without a sequence number, assigned to a numbered batch exactly once, and deleted when its batch is
acknowledged.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from collateral_partner.movements import Movement, batch_of
from collateral_partner.v1 import stock_pb2

MICROSECOND_NANOSECONDS = 1_000
ASSIGNED_BATCHES = 16
"""Number of batches assigned in one transaction, which needs one sync of the file."""

BUSY_SECONDS = 10.0
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS feed (source TEXT NOT NULL, last_sequence INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS item (position INTEGER PRIMARY KEY, movement_id TEXT NOT NULL UNIQUE, "
    "sequence INTEGER, added_us INTEGER NOT NULL, content BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS item_sequence ON item (sequence)",
    "CREATE TABLE IF NOT EXISTS rejected (movement_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, "
    "reason TEXT NOT NULL, description TEXT NOT NULL)",
)
"""``feed`` has one row with the last assigned sequence. An item has a sequence once it is assigned to a batch; its
content is a serialised batch of that item alone."""


@dataclass(frozen=True)
class Backlog:
    """How many items and batches are pending, and when the oldest item was added (us since 1970; 0 if none)."""

    items: int
    batches: int
    oldest_us: int


@dataclass(frozen=True)
class RejectedMovement:
    """A movement that the server rejected, with the sequence of its batch, the reason code and its description."""

    movement_id: str
    sequence: int
    reason: str
    description: str


class Outbox:
    """The outbox file of one feed. Only one thread may use an instance; several processes may open the same file.

    The constructor creates the file if it is missing. It raises ValueError if the file belongs to another feed or is
    not an outbox.
    """

    def __init__(self, path: Path, feed: str) -> None:
        self.feed = feed
        try:
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            owner = self._open()
        except sqlite3.DatabaseError as error:
            raise ValueError(f"outbox: {path.name} cannot be used: {error}") from error
        if owner != feed:
            self.close()
            raise ValueError(f"outbox: {path.name} holds the stock of {owner}, want {feed}")

    def _open(self) -> str:
        """Creates missing tables and returns the feed to which the file belongs."""
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        with self._writing() as write:
            for statement in SCHEMA:
                write.execute(statement)
            write.execute("INSERT INTO feed SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM feed)", (self.feed,))
            return str(write.execute("SELECT source FROM feed").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def add(self, movements: Iterable[Movement]) -> int:
        """Adds movements durably, in the order given; returns how many were not already pending.

        Raises ValueError if an id is already pending with different content, in which case no movement is added.
        """
        now_us = time.time_ns() // MICROSECOND_NANOSECONDS
        added = 0
        with self._writing() as write:
            for one in movements:
                content = one.message.SerializeToString(deterministic=True)
                added += self._add_one(write, one.movement_id, content, now_us)
        return added

    def _add_one(self, write: sqlite3.Connection, movement_id: str, content: bytes, now_us: int) -> int:
        insert = "INSERT INTO item (movement_id, added_us, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        if write.execute(insert, (movement_id, now_us, content)).rowcount:
            return 1
        (stored,) = write.execute("SELECT content FROM item WHERE movement_id = ?", (movement_id,)).fetchone()
        if stored != content:
            raise ValueError(f"movement_id: {movement_id} is already pending with different content, want a unique id")
        return 0

    def backlog(self) -> Backlog:
        """Returns how many items and batches are pending."""
        query = "SELECT count(*), count(DISTINCT sequence), coalesce(min(added_us), 0) FROM item"
        return Backlog(*self._connection.execute(query).fetchone())

    def waiting(self) -> list[str]:
        """Returns the ids of the pending movements in order."""
        return [one for (one,) in self._connection.execute("SELECT movement_id FROM item ORDER BY position")]

    def batches(self, after: int, limit: int, server_last: int, batch_items: int) -> list[stock_pb2.StockBatch]:
        """Returns up to ``limit`` batches with a sequence above ``after``; a batch never changes.

        If there is none, pending items are assigned to new batches of ``batch_items`` items each. The new sequences
        continue after the greater of the last sequence of this file and the last of the server (``server_last``).
        """
        sequences = self._assigned_after(after, limit)
        if not sequences and self._assign(server_last, batch_items):
            sequences = self._assigned_after(after, limit)
        return [batch_of(sequence, self._contents(sequence)) for sequence in sequences]

    def _assigned_after(self, after: int, limit: int) -> list[int]:
        query = "SELECT DISTINCT sequence FROM item WHERE sequence > ? ORDER BY sequence LIMIT ?"
        return [sequence for (sequence,) in self._connection.execute(query, (after, limit))]

    def _assign(self, server_last: int, batch_items: int) -> bool:
        """Durably assigns the oldest unassigned items to batches; returns whether there were any."""
        query = "SELECT position FROM item WHERE sequence IS NULL ORDER BY position LIMIT ?"
        with self._writing() as write:
            positions = write.execute(query, (ASSIGNED_BATCHES * batch_items,)).fetchall()
            first = max(server_last, self.last_sequence) + 1
            numbered = [(first + at // batch_items, position) for at, (position,) in enumerate(positions)]
            write.executemany("UPDATE item SET sequence = ? WHERE position = ?", numbered)
            write.executemany("UPDATE feed SET last_sequence = ?", [(sequence,) for sequence, _ in numbered[-1:]])
        return bool(numbered)

    def _contents(self, sequence: int) -> Iterator[bytes]:
        query = "SELECT content FROM item WHERE sequence = ? ORDER BY position"
        return (content for (content,) in self._connection.execute(query, (sequence,)))

    @property
    def last_sequence(self) -> int:
        """The sequence of the last batch formed; 0 in a new file."""
        return int(self._connection.execute("SELECT last_sequence FROM feed").fetchone()[0])

    @property
    def last_acknowledged(self) -> int:
        """The sequence of the last acknowledged batch."""
        first = self._connection.execute("SELECT min(sequence) FROM item").fetchone()[0]
        return self.last_sequence if first is None else int(first) - 1

    def acknowledge(self, sequence: int, rejected: Iterable[RejectedMovement]) -> int:
        """Deletes the items in batches up to ``sequence`` and returns their number; stores the rejected movements."""
        with self._writing() as write:
            write.execute(
                "DELETE FROM rejected WHERE movement_id IN (SELECT movement_id FROM item WHERE sequence <= ?)",
                (sequence,),
            )
            deleted = write.execute("DELETE FROM item WHERE sequence <= ?", (sequence,)).rowcount
            write.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
                [(one.movement_id, one.sequence, one.reason, one.description) for one in rejected],
            )
        return deleted

    def rejected(self) -> list[RejectedMovement]:
        """Returns the rejected movements, oldest first; movements booked since or forgotten are not included."""
        query = "SELECT movement_id, sequence, reason, description FROM rejected ORDER BY sequence, rowid"
        return [RejectedMovement(*row) for row in self._connection.execute(query)]

    def forget_rejected(self, movement_ids: Iterable[str]) -> None:
        """Deletes stored rejected movements; a movement that is booked later is deleted automatically."""
        with self._writing() as write:
            write.executemany("DELETE FROM rejected WHERE movement_id = ?", [(one,) for one in movement_ids])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Runs a durable transaction, which is rolled back unless it completes."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
