"""Reads the entries of the audit log, and stores signed checkpoints of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select

from collateral_registry.domain.audit.merkle import leaf_hash
from collateral_registry.store.audit.tables import AuditCheckpointRow, AuditEntryRow


def log_range(connection: Connection) -> tuple[int, int]:
    """Returns the sequence of the first entry and the number of entries; (0, 0) before the first."""
    first, last = connection.execute(_RANGE).one()
    return (0, 0) if first is None else (int(first), int(last) - int(first) + 1)


_RANGE = select(
    select(func.min(AuditEntryRow.seq)).scalar_subquery(), select(func.max(AuditEntryRow.seq)).scalar_subquery()
)


def leaves(connection: Connection, first: int, start: int, end: int) -> Sequence[bytes]:
    """Returns the leaf hashes of the entries from index ``start`` to before ``end``."""
    rows = connection.execute(_HASHES, {"lowest": first + start, "highest": first + end - 1})
    return [leaf_hash(bytes(row[0])) for row in rows]


_HASHES = (
    select(AuditEntryRow.hash)
    .where(AuditEntryRow.__table__.c.seq.between(bindparam("lowest"), bindparam("highest")))
    .order_by(AuditEntryRow.__table__.c.seq)
)


def newest_checkpoint(connection: Connection) -> tuple[int, str]:
    """Returns the size and the signed note of the newest checkpoint; (0, "") if there is none."""
    row = connection.execute(_NEWEST).first()
    return (0, "") if row is None else (int(row.size), str(row.note))


_NEWEST = (
    select(AuditCheckpointRow.size, AuditCheckpointRow.note)
    .order_by(AuditCheckpointRow.__table__.c.size.desc())
    .limit(1)
)


def insert_checkpoint(connection: Connection, size: int, note: str) -> None:
    """Appends a checkpoint."""
    connection.execute(insert(AuditCheckpointRow), {"size": size, "note": note})
