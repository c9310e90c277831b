"""Listens for commits of other servers on the same PostgreSQL database, which ``Write.commit`` announces by NOTIFY."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import psycopg
from sqlalchemy.engine import make_url

CHANNEL = "collateral_book"
LISTEN_SECONDS = 1.0
RECONNECT_SECONDS = 1.0


def listen(url: str, on_commit: Callable[[], None], stop: Event) -> None:
    """Calls ``on_commit`` after every commit of the book at a PostgreSQL URL, until ``stop`` is set.

    Notifications are lost while the connection is down, so callers must also poll.
    """
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    while not stop.is_set():
        try:
            with psycopg.connect(libpq, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                while not stop.is_set():
                    for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                        on_commit()
        except psycopg.OperationalError:
            time.sleep(RECONNECT_SECONDS)
