"""Stops the statements of a read from another thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock
from time import monotonic
from typing import Any

from psycopg import Connection as PostgresConnection, Error as PostgresError
from sqlalchemy import Connection

CANCEL_SECONDS = 1.0
"""Longest time in which PostgreSQL receives the request to cancel a statement."""


FIRST_WAIT_SECONDS = 0.02
REPEAT_SECONDS = 10.0
"""A request is repeated, with growing waits, as long as the read goes on, at most for this time."""


class Interrupted(Exception):
    """The result of a read is not wanted any more."""


class Interrupt:
    """Stops the statements of one read, from another thread: those of a read whose caller has gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requested = False
        self._ended = Event()
        self._connection: Any = None

    def request(self) -> None:
        """Stops the statement that runs or that begins within REPEAT_SECONDS; makes a read fail that has not begun."""
        until, wait = monotonic() + REPEAT_SECONDS, FIRST_WAIT_SECONDS
        self._stop()
        # A connection between two statements ignores the request.
        while self._connection is not None and monotonic() < until and not self._ended.wait(wait):
            wait *= 2
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._requested = True
            if isinstance(self._connection, sqlite3.Connection):
                self._connection.interrupt()
            elif isinstance(self._connection, PostgresConnection):
                with suppress(PostgresError):  # then the statement runs to its end
                    self._connection.cancel_safe(timeout=CANCEL_SECONDS)

    @contextmanager
    def during(self, connection: Connection) -> Iterator[None]:
        """Lets ``request`` stop the statements of a connection while the block runs.

        Raises Interrupted if it has been requested already.
        """
        with self._lock:
            if self._requested:
                raise Interrupted
            self._connection = connection.connection.driver_connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None
            self._ended.set()
