"""Keeps snapshots of the book for reports. The newest is updated by later commits, and older ones are read by SQL."""

from __future__ import annotations

from threading import Lock

from collateral_registry.domain.reports.snapshot import (
    PLACE_TEXTS,
    Changes,
    Snapshot,
    Words,
    brought_forward,
    empty_snapshot,
)
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.store.assets.repository import places_since
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import claims_since, judgements_since
from collateral_registry.store.loans.repository import terms_since

CACHED_SNAPSHOTS = 12
"""Number of snapshots that are kept for further pages of a report."""

NEWEST_SNAPSHOTS = 4
"""Number of the newest snapshots that are kept, because calls may still read the commits before the newest one."""


class Snapshots:
    """The newest snapshots of one book, and those that were read most recently."""

    def __init__(self) -> None:
        self._words = Words()
        self._newest = empty_snapshot(self._words)
        self._recent: LruCache[int, Snapshot] = LruCache(NEWEST_SNAPSHOTS)
        self._read: LruCache[int, Snapshot] = LruCache(CACHED_SNAPSHOTS)
        self._updating = Lock()
        self._past = Lock()

    def at(self, connection: Connection, seq: int) -> Snapshot:
        """Returns the book as of a commit, and keeps it for further pages.

        While one caller updates the newest snapshot, others wait for it. Reading an older snapshot blocks nothing.
        """
        if seq >= self._newest.seq:
            found = self.newest(connection, seq)
        else:
            with self._past:
                found = self._made(connection, seq)
        self._read.put(seq, found)
        return found

    def newest(self, connection: Connection, seq: int) -> Snapshot:
        """Returns the book as of the newest commit, by updating the newest snapshot.

        If another caller has updated it to a later commit, the book as of the requested one is read.
        """
        with self._updating:
            if seq > self._newest.seq:
                self._newest = self._brought_to(connection, self._newest, seq)
                self._recent.put(seq, self._newest)
            found = self._newest
        return found if found.seq == seq else self._made(connection, seq)

    def _made(self, connection: Connection, seq: int) -> Snapshot:
        """Returns the book as of a commit from the nearest snapshot that is kept, or reads everything."""
        kept = [*self._read.held(), *self._recent.held()]
        nearest = max((key for key in kept if key <= seq), default=0)
        found = self._read.get(nearest) or self._recent.get(nearest) or empty_snapshot(self._words)
        return found if found.seq == seq else self._brought_to(connection, found, seq)

    def _brought_to(self, connection: Connection, before: Snapshot, seq: int) -> Snapshot:
        changes = Changes(
            terms=self._numbered(terms_since(connection, before.seq, seq), "loan_id", "borrower", "currency"),
            covers=judgements_since(connection, before.seq, seq),
            claims=claims_since(connection, before.seq, seq),
            places=self._numbered(places_since(connection, before.seq, seq), *PLACE_TEXTS),
        )
        return brought_forward(before, seq, changes)

    def _numbered(self, columns: Columns, *texts: str) -> Columns:
        """Encodes the string columns named in ``texts``: each string is replaced with its number."""
        return {**columns, **{name: getattr(self._words, name).numbers(columns[name]) for name in texts}}
