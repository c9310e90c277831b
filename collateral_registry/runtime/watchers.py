"""Bounds the watchers of one server process: streams that stay open and wait for something new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collateral_registry.domain.shared.errors import Busy
from collateral_registry.metrics import WATCHERS, WATCHERS_REFUSED


class Watchers:
    """Counts the open watchers of all methods together; at most ``limit`` are open."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0

    @contextmanager
    def opened(self, method: str) -> Iterator[None]:
        """Counts a watcher as long as the block runs; raises Busy if there are too many."""
        if self._open >= self._limit:
            WATCHERS_REFUSED.inc()
            raise Busy(f"watchers: got {self._open} open, want at most {self._limit}; close one or try again later")
        self._open += 1
        WATCHERS.labels(method).inc()
        try:
            yield
        finally:
            self._open -= 1
            WATCHERS.labels(method).dec()
