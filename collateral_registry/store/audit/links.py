"""Chains what each feed stores, outside the commits, and notes the heads of the chains in commits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlmodel import SQLModel

from collateral_registry.domain.audit.entries import NO_HASH, FactDigest, link_hash
from collateral_registry.store.audit.collector import Facts, in_order
from collateral_registry.store.audit.fact_sets import FactSet, FeedSet

Cursor = Any
"""A cursor of the driver."""

_HASH = "SELECT hash FROM audit_link WHERE feed = ? AND source_key = ? AND link = ?"
_INSERT = "INSERT INTO audit_link (feed, source_key, link, batches, items, hash) VALUES (?, ?, ?, ?, ?, ?)"
_HEADS = """
SELECT feed.source_key, feed.source_id, feed.link, audit_link.hash
FROM {feed} AS feed
JOIN audit_link ON audit_link.feed = ? AND audit_link.source_key = feed.source_key AND audit_link.link = feed.link
LEFT JOIN audit_head ON audit_head.feed = audit_link.feed AND audit_head.source_key = feed.source_key
WHERE audit_head.link IS NULL OR audit_head.link < feed.link
ORDER BY feed.source_key
"""
_NOTE = """
INSERT INTO audit_head (feed, source_key, link) VALUES (?, ?, ?)
ON CONFLICT (feed, source_key) DO UPDATE SET link = excluded.link
"""


def append_link(connection: Connection, facts: Facts, feeds: FeedSet, feed: tuple[int, str], number: int) -> None:
    """Appends a link for what the transaction has stored of a feed, which is given by its key and id."""
    key, source_id = feed
    batches, items = (_digest(one, facts, key) for one in (feeds.batches, feeds.items))
    found = _execute(connection, _HASH, (feeds.name, key, number - 1)).fetchone()
    previous = NO_HASH if found is None else bytes(found[0])
    hashed = link_hash(previous, f"{feeds.name}/{source_id}", number, batches, items)
    _execute(connection, _INSERT, (feeds.name, key, number, batches, items, hashed))


def note_heads(connection: Connection, facts: Facts, feed: type[SQLModel]) -> None:
    """States the heads of the chains of a kind of feeds that have grown since they were last stated."""
    name = str(feed.__tablename__)
    heads = _execute(connection, _HEADS.format(feed=name), (name,)).fetchall()
    for key, source_id, link, hashed in heads:
        facts.state(FactDigest(f"{name}/{source_id}", link, bytes(hashed)))
        _execute(connection, _NOTE, (name, key, link))


def _digest(one: FactSet, facts: Facts, source_key: int) -> bytes:
    columns, rows = facts.take(one.name, source_key)
    if not rows:
        return one.shape.digest_of_rows([])
    return one.shape.digest(in_order(columns, rows, one.key), rows)


def _execute(connection: Connection, statement: str, given: tuple[Any, ...]) -> Cursor:
    driver: Any = connection.connection.driver_connection
    return driver.execute(statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s"), given)
