"""Listens for commits of other servers on the same PostgreSQL database, which ``Write.commit`` announces by NOTIFY."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import ColumnElement, func

CHANNEL_PREFIX = "collateral_book_"
LISTEN_SECONDS = 1.0
RECONNECT_SECONDS = 1.0


def channel_of_schema() -> ColumnElement[str]:
    """Returns the channel of the current schema, because notifications reach all schemas of a database."""
    return func.concat(CHANNEL_PREFIX, func.hashtextextended(func.current_schema(), 0))


_CHANNEL = SQL("SELECT {} || hashtextextended(current_schema(), 0)").format(CHANNEL_PREFIX)


def listen(libpq: str, on_commit: Callable[[], None], stop: Event) -> None:
    """Calls ``on_commit`` after every commit of the book at a URL of libpq, until ``stop`` is set.

    Notifications are lost while the connection is down, so callers must also poll.
    """
    while not stop.is_set():
        try:
            with psycopg.connect(libpq, autocommit=True) as connection:
                row = connection.execute(_CHANNEL).fetchone()
                connection.execute(SQL("LISTEN {}").format(Identifier(row[0] if row else "")))
                while not stop.is_set():
                    for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                        on_commit()
        except psycopg.OperationalError:
            time.sleep(RECONNECT_SECONDS)
