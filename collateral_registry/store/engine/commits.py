"""The commit log: what the newest change is, and which was the last before a moment."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select, update

from collateral_registry.store.engine.database import Write
from collateral_registry.store.schema.book import CommitRow


def newest_commit(connection: Connection) -> tuple[int, int]:
    """Sequence and business day of the newest commit; (0, 0) in an empty book."""
    row = connection.execute(_NEWEST).first()
    return (row[0], row[1]) if row else (0, 0)


_NEWEST = select(CommitRow.seq, CommitRow.market_day).order_by(CommitRow.seq.desc()).limit(1)


def market_day_of(connection: Connection, seq: int) -> int:
    """Business day of a commit; 0 before the first."""
    return int(connection.execute(select(CommitRow.market_day).where(CommitRow.seq == seq)).scalar() or 0)


def last_commit_known_by(connection: Connection, known_us: int) -> int:
    """The last commit known at a time; 0 when there was none."""
    return _last(connection, CommitRow.known_us <= known_us)


def last_commit_of_day(connection: Connection, day: int) -> int:
    """The last commit of a business day or before it; 0 when there was none."""
    return _last(connection, CommitRow.market_day <= day)


def _last(connection: Connection, condition: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.coalesce(func.max(CommitRow.seq), 0)).where(condition)).scalar_one())


def set_market_day(write: Write) -> None:
    """Gives the commit under way its business day."""
    write.connection.execute(update(CommitRow).where(CommitRow.seq == write.seq).values(market_day=write.market_day))
