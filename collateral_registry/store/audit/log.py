"""Appends the entries of commits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from collateral_registry.domain.audit.entries import NO_HASH, Entry, facts_as_text
from collateral_registry.store.audit.anchor import anchor_of

_HASH = "SELECT hash FROM audit_entry WHERE seq = {mark}"
_INSERT = (
    "INSERT INTO audit_entry (seq, principal, request, facts, previous, hash) "
    "VALUES ({mark}, {mark}, {mark}, {mark}, {mark}, {mark})"
)
_STATEMENTS = {
    dialect: tuple(statement.format(mark=mark) for statement in (_HASH, _INSERT))
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%s"))
}


def hash_of(connection: Connection, seq: int) -> bytes | None:
    """Returns the hash of the entry of a commit; None if it has none."""
    driver: Any = connection.connection.driver_connection
    row = driver.execute(_STATEMENTS[connection.dialect.name][0], (seq,)).fetchone()
    return None if row is None else bytes(row[0])


def append_entry(connection: Connection, entry: Entry) -> None:
    """Stores the entry of the commit that the transaction is about to make, after that of the commit before.

    The first entry of a book with earlier commits anchors their facts.
    """
    previous = NO_HASH if entry.seq == 1 else hash_of(connection, entry.seq - 1)
    if previous is None:
        entry = replace(entry, facts=(*anchor_of(connection, entry.seq), *entry.facts))
    entry = replace(entry, previous=previous or NO_HASH)
    facts = facts_as_text(entry.facts)
    driver: Any = connection.connection.driver_connection
    values = (entry.seq, entry.principal, entry.request, facts, entry.previous, entry.hash)
    driver.execute(_STATEMENTS[connection.dialect.name][1], values)
