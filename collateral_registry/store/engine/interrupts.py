"""Stops the statements of a read from another thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from psycopg import Connection as PostgresConnection, Error as PostgresError
from sqlalchemy import Connection

CANCEL_SECONDS = 1.0
"""Longest time in which PostgreSQL receives the request to cancel a statement."""


class Interrupted(Exception):
    """The result of a read is not wanted any more."""


class Interrupt:
    """Stops the statements of one read, from another thread: those of a read whose caller has gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requested = False
        self._connection: Any = None

    def request(self) -> None:
        """Stops the statement that runs, and makes the read fail if it has not begun."""
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
