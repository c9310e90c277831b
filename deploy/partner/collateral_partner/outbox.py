"""Keeps items of a feed that the server has not yet made durable in a local queue that survives crashes.

An item is stored without a sequence number, assigned to a numbered batch exactly once, and deleted when its batch is
acknowledged. The last acknowledged batch is kept, because only the book that made it durable recognises it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from collateral_partner.feeds.codec import FeedCodec, Item, Message
from collateral_partner.movements import STOCK

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
    "CREATE TABLE IF NOT EXISTS acknowledged (sequence INTEGER PRIMARY KEY, items INTEGER NOT NULL, "
    "at_us INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS last_batch (sequence INTEGER NOT NULL, content BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS destination (server TEXT NOT NULL)",
)
"""``feed`` has one row with the last assigned sequence. ``movement_id`` is the id of an item of a feed of any kind. An
item has a sequence once it is assigned to a batch; its content is a serialised batch of that item alone. ``last_batch``
has the content of the last acknowledged batch, and ``destination`` the server that acknowledged it."""

RENUMBER = (
    "UPDATE item SET sequence = NULL",
    "UPDATE feed SET last_sequence = 0",
    "DELETE FROM acknowledged",
    "DELETE FROM last_batch",
    "DELETE FROM destination",
)
"""Forgets the numbers and acknowledgements of a book; the items stay."""

CONTENTS = "SELECT movement_id, content FROM item"

ACKNOWLEDGED_BATCHES = 100_000
"""Number of acknowledged batches that are remembered."""


@dataclass(frozen=True)
class Backlog:
    """How many items and batches are pending, and when the oldest item was added (us since 1970; 0 if none)."""

    items: int
    batches: int
    oldest_us: int


@dataclass(frozen=True)
class RejectedItem:
    """An item that the server rejected, with the sequence of its batch, the reason code and its description."""

    item_id: str
    sequence: int
    reason: str
    description: str


@dataclass(frozen=True)
class Acknowledged:
    """Batches that were acknowledged: how many with how many items, and when the first and the last (us since 1970)."""

    batches: int
    items: int
    first_us: int
    last_us: int


def pending_in(path: Path) -> dict[str, bytes]:
    """Returns the content of the pending items of an outbox file by their ids, without changing the file.

    Raises sqlite3.DatabaseError if the file is not an outbox.
    """
    # Without a log next to it, the file is complete; reading it as immutable then creates no log.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as connection:
        return dict(connection.execute(CONTENTS).fetchall())


class Outbox:
    """The outbox file of one feed. Only one thread may use an instance; several processes may open the same file.

    The constructor creates the file if it is missing. It raises ValueError if the file belongs to another feed or is
    not an outbox.
    """

    def __init__(self, path: Path, feed: str, codec: FeedCodec = STOCK) -> None:
        self.feed, self.codec = feed, codec
        # A file of an earlier version, of stock, has the id of the feed alone.
        self._owner = feed if codec is STOCK else f"{codec.collection}/{feed}"
        try:
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            owner = self._open()
        except sqlite3.DatabaseError as error:
            raise ValueError(f"outbox: {path.name} cannot be used: {error}") from error
        if owner != self._owner:
            self.close()
            want = f"want {self._owner}; each feed has an outbox of its own"
            raise ValueError(f"outbox: {path.name} holds the {codec.subject} of {owner}, {want}")

    def _open(self) -> str:
        """Creates missing tables and returns the feed to which the file belongs."""
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        with self._writing() as write:
            for statement in SCHEMA:
                write.execute(statement)
            write.execute("INSERT INTO feed SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM feed)", (self._owner,))
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

    def add(self, items: Iterable[Item]) -> int:
        """Adds items durably, in the order given; returns how many were not already pending.

        Raises ValueError if an id is already pending with different content, in which case no item is added.
        """
        now_us = time.time_ns() // MICROSECOND_NANOSECONDS
        added = 0
        with self._writing() as write:
            for one in items:
                added += self._add_one(write, one.item_id, one.content, now_us)
        return added

    def _add_one(self, write: sqlite3.Connection, item_id: str, content: bytes, now_us: int) -> int:
        insert = "INSERT INTO item (movement_id, added_us, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        if write.execute(insert, (item_id, now_us, content)).rowcount:
            return 1
        (stored,) = write.execute("SELECT content FROM item WHERE movement_id = ?", (item_id,)).fetchone()
        if stored != content:
            field = self.codec.id_field
            raise ValueError(f"{field}: {item_id} is already pending with different content, want a unique id")
        return 0

    def backlog(self) -> Backlog:
        """Returns how many items and batches are pending."""
        query = "SELECT count(*), count(DISTINCT sequence), coalesce(min(added_us), 0) FROM item"
        return Backlog(*self._connection.execute(query).fetchone())

    def contents(self) -> dict[str, bytes]:
        """Returns the contents of the pending items by their ids."""
        return dict(self._connection.execute(CONTENTS).fetchall())

    def waiting(self) -> list[str]:
        """Returns the ids of the pending items in order."""
        return [one for (one,) in self._connection.execute("SELECT movement_id FROM item ORDER BY position")]

    def batches(self, after: int, limit: int, server_last: int, batch_items: int) -> list[Message]:
        """Returns up to ``limit`` batches with a sequence above ``after``; a batch never changes.

        If there is none, pending items are assigned to new batches of ``batch_items`` items each. The new sequences
        continue after the greater of the last sequence of this file and the last of the server (``server_last``).
        """
        sequences = self._assigned_after(after, limit)
        if not sequences and self._assign(server_last, batch_items):
            sequences = self._assigned_after(after, limit)
        return [self.codec.batch_of(sequence, self._contents(sequence)) for sequence in sequences]

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

    def acknowledge(self, sequence: int, rejected: Iterable[RejectedItem]) -> int:
        """Deletes the items in batches up to ``sequence`` and returns their number; stores the rejected items.

        Rejected items that these batches book or correct are deleted.
        """
        rejected = list(rejected)
        with self._writing() as write:
            self._remember(write, sequence)
            corrected = self._corrected(sequence, {one.item_id for one in rejected})
            write.executemany("DELETE FROM rejected WHERE movement_id = ?", corrected)
            write.execute(
                "DELETE FROM rejected WHERE movement_id IN (SELECT movement_id FROM item WHERE sequence <= ?)",
                (sequence,),
            )
            deleted = write.execute("DELETE FROM item WHERE sequence <= ?", (sequence,)).rowcount
            write.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
                [(one.item_id, one.sequence, one.reason, one.description) for one in rejected],
            )
        return deleted

    def _corrected(self, sequence: int, rejected: Container[str]) -> list[tuple[str]]:
        """Returns the ids of the items that batches up to a sequence correct, except by rejected corrections."""
        if self._connection.execute("SELECT 1 FROM rejected LIMIT 1").fetchone() is None:
            return []
        contents = self._connection.execute("SELECT content FROM item WHERE sequence <= ?", (sequence,))
        batch = self.codec.batch_of(sequence, (content for (content,) in contents))
        # A column that is empty in every row is omitted.
        pairs = zip(self.codec.ids_of(batch), batch.corrects, strict=bool(batch.corrects))
        return [(corrects,) for item_id, corrects in pairs if corrects and item_id not in rejected]

    def _remember(self, write: sqlite3.Connection, sequence: int) -> None:
        """Stores that the pending batches up to a sequence are acknowledged, and the content of the last of them."""
        content = b"".join(self._contents(sequence))
        if not content:
            return
        write.execute(
            "INSERT OR REPLACE INTO acknowledged SELECT sequence, count(*), ? FROM item WHERE sequence <= ? "
            "GROUP BY sequence",
            (time.time_ns() // MICROSECOND_NANOSECONDS, sequence),
        )
        write.execute("DELETE FROM acknowledged WHERE sequence <= ?", (sequence - ACKNOWLEDGED_BATCHES,))
        write.execute("DELETE FROM last_batch")
        write.execute("INSERT INTO last_batch VALUES (?, ?)", (sequence, content))

    def last_acknowledged_batch(self) -> Message | None:
        """Returns the last acknowledged batch; None if there is none, or an earlier version did not keep it."""
        row = self._connection.execute("SELECT sequence, content FROM last_batch").fetchone()
        return self.codec.batch_of(row[0], row[1:]) if row else None

    def acknowledged_after(self, sequence: int) -> Acknowledged:
        """Returns which remembered batches after a sequence were acknowledged."""
        query = (
            "SELECT count(*), coalesce(sum(items), 0), coalesce(min(at_us), 0), coalesce(max(at_us), 0) "
            "FROM acknowledged WHERE sequence > ?"
        )
        return Acknowledged(*self._connection.execute(query, (sequence,)).fetchone())

    @property
    def destination(self) -> str:
        """The server that acknowledged the last batch; empty if it is not known."""
        row = self._connection.execute("SELECT server FROM destination").fetchone()
        return str(row[0]) if row else ""

    @destination.setter
    def destination(self, server: str) -> None:
        if server != self.destination:
            with self._writing() as write:
                write.execute("DELETE FROM destination")
                write.execute("INSERT INTO destination VALUES (?)", (server,))

    def renumber(self) -> int:
        """Prepares the outbox for another book and returns the number of pending items, all of which stay pending.

        They get new numbers after the last one of the book to which they are pushed next. Items that this book has
        are recognised by their ids.
        """
        with self._writing() as write:
            for statement in RENUMBER:
                write.execute(statement)
        return self.backlog().items

    def rejected(self) -> list[RejectedItem]:
        """Returns the rejected items, oldest first; items booked since or forgotten are not included."""
        query = "SELECT movement_id, sequence, reason, description FROM rejected ORDER BY sequence, rowid"
        return [RejectedItem(*row) for row in self._connection.execute(query)]

    def forget_rejected(self, item_ids: Iterable[str]) -> None:
        """Deletes stored rejected items; an item that is booked later is deleted automatically."""
        with self._writing() as write:
            write.executemany("DELETE FROM rejected WHERE movement_id = ?", [(one,) for one in item_ids])

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
