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

CACHED_SNAPSHOTS = 3
"""Number of snapshots that are kept: the newest, and older ones whose pages are being read."""


class Snapshots:
    """The most recently used snapshots of one book."""

    def __init__(self) -> None:
        self._words = Words()
        self._kept: LruCache[int, Snapshot] = LruCache(CACHED_SNAPSHOTS)
        self._newest = Lock()
        self._past = Lock()

    def at(self, connection: Connection, seq: int) -> Snapshot:
        """Returns the book as of a commit: updates the nearest earlier snapshot, or reads everything.

        While one caller updates the newest snapshot, others wait for it. Reading an older snapshot blocks nothing.
        """
        with self._newest if seq >= max(self._kept.held(), default=0) else self._past:
            known = self._kept.get(seq)
            if known is None:
                known = self._made(connection, seq)
                self._kept.put(seq, known)
        return known

    def _made(self, connection: Connection, seq: int) -> Snapshot:
        nearest = max((key for key in self._kept.held() if key < seq), default=0)
        before = self._kept.get(nearest) or empty_snapshot(self._words)
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
