"""Keeps ladders of statements in memory, so that the pages of a list and its invoices do not compute them again.

The statement of a commit never changes, and neither do the entries, facts and policy from which its ladder follows.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

from collateral_registry.domain.receivables.pool_ladder import Ladder
from collateral_registry.store.engine.commits import Commit
from collateral_registry.store.engine.database import Connection

INVOICES_LIMIT = 200_000
"""Invoices of all kept ladders, about 100 MB; those that were used least recently are dropped first."""

LADDERS_LIMIT = 250
"""Kept ladders; one without invoices takes 20 kB."""


class LadderKey(NamedTuple):
    """A pool, and the commit of its statement."""

    asset_key: int
    commit: Commit


class KeptLadders:
    """The kept ladders of one database; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[LadderKey, Ladder] = OrderedDict()
        self._invoices = 0

    def get(self, key: LadderKey) -> Ladder | None:
        """Returns a kept ladder."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: LadderKey, ladder: Ladder) -> None:
        """Keeps a ladder, unless it is larger than all kept ladders may be."""
        if _size(ladder) > INVOICES_LIMIT:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = ladder
            self._invoices += _size(ladder)
            while self._invoices > INVOICES_LIMIT or len(self._kept) > LADDERS_LIMIT:
                self._invoices -= _size(self._kept.popitem(last=False)[1])


def kept_ladders(connection: Connection) -> KeptLadders:
    """Returns the kept ladders of the database of a connection."""
    return _KEPT.setdefault(connection.engine, KeptLadders())


_KEPT: WeakKeyDictionary[object, KeptLadders] = WeakKeyDictionary()


def _size(ladder: Ladder) -> int:
    return len(ladder.pool.ledger.open_minor) + 1
