"""Lists the entries of the audit log with their commits."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Number, Text, Time
from collateral_registry.store.audit.tables import AuditEntryRow
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.rows import columns_of, from_row
from collateral_registry.store.schema.book import CommitRow


@dataclass(frozen=True)
class StoredEntry:
    """An entry with its commit."""

    seq: int
    known_us: int
    market_day: int
    kind: str
    principal: str
    actor: str
    request: str
    facts: str
    previous: bytes
    hash: bytes


AUDIT_FILTER = FilterTable(
    sequence=FilterField(Number(), AuditEntryRow.seq),
    commit_time=FilterField(Time(), CommitRow.known_us),
    market_date=FilterField(Day(), CommitRow.market_day),
    method=FilterField(Text(), CommitRow.kind),
    principal=FilterField(Text(), AuditEntryRow.principal),
    actor=FilterField(Text(), CommitRow.actor),
)
"""Fields by which entries can be filtered."""


def list_entries(connection: Connection, wanted: Expression, before: int, limit: int) -> list[StoredEntry]:
    """Returns a page of the entries before a commit, newest first."""
    statement = _ENTRIES.where(AUDIT_FILTER.where(wanted), AuditEntryRow.seq < before).limit(limit)
    return [from_row(StoredEntry, row) for row in connection.execute(statement)]


_ENTRIES = (
    select(
        *columns_of(AuditEntryRow, "seq", "principal", "request", "facts", "previous", "hash"),
        *columns_of(CommitRow, "known_us", "market_day", "kind", "actor"),
    )
    .join(CommitRow, CommitRow.__table__.c.seq == AuditEntryRow.__table__.c.seq)
    .order_by(AuditEntryRow.__table__.c.seq.desc())
)
