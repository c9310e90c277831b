"""Locks a named part of the book until the end of a transaction."""

from __future__ import annotations

from sqlalchemy import func, select

from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.engine.database import lock_key


def hold_lock(connection: Source, shard: str) -> None:
    """Waits for the lock of a shard and holds it until the transaction ends.

    It does nothing on SQLite, which has only one writer at a time.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(lock_key(shard))))
