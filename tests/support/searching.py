"""How much a search of a SQLite database reads."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from collateral_registry.store.engine.database import Database


def steps_of(database: Database, search: Callable[[Connection], object]) -> int:
    """Returns how many steps of SQLite a search takes, in tens, once its statements are compiled."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.read() as connection:
        search(connection)
        driver = connection.connection.driver_connection
        driver.set_progress_handler(count, 10)
        search(connection)
        driver.set_progress_handler(None, 0)
    return steps
