"""Word of commits that other servers make: PostgreSQL sends it with the commit, a thread of ours waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import psycopg
from sqlalchemy.engine import make_url

CHANNEL = "collateral_book"
LISTEN_SECONDS = 1.0
RECONNECT_SECONDS = 1.0


def listen(url: str, heard: Callable[[], None], stop: Event) -> None:
    """BookRunner ``heard`` after every commit of the book at a PostgreSQL URL, until told to stop.

    While the connection is lost no word comes; whoever waits must also look for itself now and then.
    """
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    while not stop.is_set():
        try:
            with psycopg.connect(libpq, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                while not stop.is_set():
                    for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                        heard()
        except psycopg.OperationalError:
            time.sleep(RECONNECT_SECONDS)
