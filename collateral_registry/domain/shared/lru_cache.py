"""Answers kept for the next who asks: a bounded number of them, the one not asked for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """At most ``limit`` values by key, safe between threads."""

    def __init__(self, limit: int) -> None:
        """Nothing is kept yet."""
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()
        self._changing = Lock()

    def get(self, key: K) -> V | None:
        """The value of a key; none when it is not kept."""
        with self._changing:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Keeps a value, and lets go what was not asked for longest."""
        with self._changing:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._limit:
                self._values.popitem(last=False)

    def held(self) -> list[K]:
        """The keys of what is kept."""
        with self._changing:
            return list(self._values)
