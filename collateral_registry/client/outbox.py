"""Movements that the server has not yet made durable, in a local file that outlives every crash.

An item waits without a number, is cut into a numbered batch exactly once, and leaves when its batch is acknowledged.
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

from collateral_registry.client.movements import Movement, batch_of
from collateral_registry.v1 import stock_pb2

MICROSECOND_NANOSECONDS = 1_000
CUT_BATCHES = 16
"""Batches cut at a time: one sync for all of them, and still few beside what waits."""

BUSY_SECONDS = 10.0
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS feed (source TEXT NOT NULL, last_sequence INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS item (position INTEGER PRIMARY KEY, movement_id TEXT NOT NULL UNIQUE, "
    "sequence INTEGER, added_us INTEGER NOT NULL, content BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS item_sequence ON item (sequence)",
    "CREATE TABLE IF NOT EXISTS rejected (movement_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, "
    "reason TEXT NOT NULL, description TEXT NOT NULL)",
)
"""``feed`` is one row with the last sequence cut; an item has a sequence once cut, and a batch of it as its content."""


@dataclass(frozen=True)
class Backlog:
    """What is not durable at the server yet: items, batches cut of them, when the oldest was added (0 for none)."""

    items: int
    batches: int
    oldest_us: int


@dataclass(frozen=True)
class RejectedMovement:
    """A movement that the server did not book, in which batch, why and what it said."""

    movement_id: str
    sequence: int
    reason: str
    description: str


class Outbox:
    """The file of one source. Used by one thread; two processes may have it open at once."""

    def __init__(self, path: Path, source: str) -> None:
        """Opens or makes the file; raises ValueError when it is another source's or no outbox at all."""
        self.source = source
        try:
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            holder = self._open()
        except sqlite3.DatabaseError as error:
            raise ValueError(f"outbox: {path.name} cannot be used: {error}") from error
        if holder != source:
            self.close()
            raise ValueError(f"outbox: {path.name} holds the stock of {holder}, want {source}")

    def _open(self) -> str:
        """Makes what is missing, and returns whose file it is."""
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        with self._writing() as write:
            for statement in SCHEMA:
                write.execute(statement)
            write.execute("INSERT INTO feed SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM feed)", (self.source,))
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
        """Remembers movements in order; durable when it returns, with how many did not wait already.

        Raises ValueError when an id waits already with another content; nothing is remembered then.
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
        (held,) = write.execute("SELECT content FROM item WHERE movement_id = ?", (movement_id,)).fetchone()
        if held != content:
            raise ValueError(f"movement_id: {movement_id} waits already with another content, want an id of its own")
        return 0

    def backlog(self) -> Backlog:
        """What waits."""
        query = "SELECT count(*), count(DISTINCT sequence), coalesce(min(added_us), 0) FROM item"
        return Backlog(*self._connection.execute(query).fetchone())

    def waiting(self) -> list[str]:
        """Ids of the movements that wait, in order."""
        return [one for (one,) in self._connection.execute("SELECT movement_id FROM item ORDER BY position")]

    def batches(self, after: int, limit: int, server_last: int, batch_items: int) -> list[stock_pb2.StockBatch]:
        """Up to ``limit`` batches of a sequence beyond ``after``, each the same whenever it is asked for.

        When no cut ones are left, waiting items are cut, ``batch_items`` to a batch, and numbered on from the last of
        this file or of the server (``server_last``), whichever is later.
        """
        found = self._cut_beyond(after, limit)
        if not found and self._cut(server_last, batch_items):
            found = self._cut_beyond(after, limit)
        return [batch_of(sequence, self._contents(sequence)) for sequence in found]

    def _cut_beyond(self, after: int, limit: int) -> list[int]:
        query = "SELECT DISTINCT sequence FROM item WHERE sequence > ? ORDER BY sequence LIMIT ?"
        return [sequence for (sequence,) in self._connection.execute(query, (after, limit))]

    def _cut(self, server_last: int, batch_items: int) -> bool:
        """Numbers the longest waiting items, durably before any of them is sent; whether there were any."""
        query = "SELECT position FROM item WHERE sequence IS NULL ORDER BY position LIMIT ?"
        with self._writing() as write:
            positions = write.execute(query, (CUT_BATCHES * batch_items,)).fetchall()
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
        """Sequence of the last batch that was cut; 0 in a new file."""
        return int(self._connection.execute("SELECT last_sequence FROM feed").fetchone()[0])

    @property
    def last_acknowledged(self) -> int:
        """Sequence of the last batch before those that wait for their acknowledgement."""
        first = self._connection.execute("SELECT min(sequence) FROM item").fetchone()[0]
        return self.last_sequence if first is None else int(first) - 1

    def acknowledge(self, sequence: int, rejected: Iterable[RejectedMovement]) -> int:
        """Forgets the batches up to one, and lists what the server rejected of them; returns the items gone."""
        with self._writing() as write:
            write.execute(
                "DELETE FROM rejected WHERE movement_id IN (SELECT movement_id FROM item WHERE sequence <= ?)",
                (sequence,),
            )
            gone = write.execute("DELETE FROM item WHERE sequence <= ?", (sequence,)).rowcount
            write.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
                [(one.movement_id, one.sequence, one.reason, one.description) for one in rejected],
            )
        return gone

    def rejected(self) -> list[RejectedMovement]:
        """What the server rejected and nobody forgot yet, in the order of its answers."""
        query = "SELECT movement_id, sequence, reason, description FROM rejected ORDER BY sequence, rowid"
        return [RejectedMovement(*row) for row in self._connection.execute(query)]

    def forget_rejected(self, movement_ids: Iterable[str]) -> None:
        """Takes movements off that list, once somebody has dealt with them; what is booked later leaves by itself."""
        with self._writing() as write:
            write.executemany("DELETE FROM rejected WHERE movement_id = ?", [(one,) for one in movement_ids])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction; without trace when it does not come to its end."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
