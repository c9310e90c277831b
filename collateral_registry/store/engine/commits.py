"""Queries the commit log: the newest commit, and the last commit up to a time or a business day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.book import CommitRow


def newest_commit(connection: Connection) -> tuple[int, int]:
    """Returns the sequence and the business day of the newest commit; (0, 0) in an empty book."""
    row = connection.execute(_NEWEST).first()
    return (row[0], row[1]) if row else (0, 0)


class Commit(NamedTuple):
    """A commit; its sequence alone does not identify it, because that of an undone commit is used again."""

    seq: int
    known_us: int
    kind: str


NO_COMMIT = Commit(0, 0, "")
"""Stands for the commit of what no commit has computed yet."""


def commits_since(connection: Connection, first_seq: int, most: int) -> list[Commit]:
    """Returns at most ``most`` commits from a sequence on, in order, with the one that the connection is writing."""
    return [Commit(*row) for row in connection.execute(_SINCE, {"first": first_seq, "most": most})]


_SINCE = (
    select(*columns_of(CommitRow, *Commit._fields))
    .where(CommitRow.seq >= bindparam("first"))
    .order_by(CommitRow.__table__.c.seq)
    .limit(bindparam("most"))
)


def newest_time(connection: Connection) -> int:
    """Returns the time of the newest commit, in microseconds since 1970; 0 in an empty book."""
    return int(connection.execute(_NEWEST_TIME).scalar() or 0)


_NEWEST_TIME = select(CommitRow.known_us).order_by(CommitRow.seq.desc()).limit(1)

_NEWEST = select(CommitRow.seq, CommitRow.market_day).order_by(CommitRow.seq.desc()).limit(1)


def market_day_of(connection: Connection, seq: int) -> int:
    """Returns the business day of a commit; 0 if there is no such commit."""
    return int(connection.execute(select(CommitRow.market_day).where(CommitRow.seq == seq)).scalar() or 0)


def market_days_of(connection: Connection, seqs: Iterable[int]) -> dict[int, int]:
    """Returns the business day of each commit by its sequence."""
    return {row.seq: row.market_day for row in connection.execute(_MARKET_DAYS, {"keys": seqs})}


_MARKET_DAYS = select(*columns_of(CommitRow, "seq", "market_day")).where(is_one_of(CommitRow.__table__.c.seq, KEYS))


def last_commit_known_by(connection: Connection, known_us: int) -> int:
    """Returns the sequence of the last commit known at ``known_us`` (microseconds since 1970); 0 if there was none."""
    return _last(connection, CommitRow.known_us <= known_us)


def last_commit_of_day(connection: Connection, day: int) -> int:
    """Returns the sequence of the last commit on or before a business day; 0 if there was none."""
    return _last(connection, CommitRow.market_day <= day)


def _last(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.coalesce(func.max(CommitRow.seq), 0)).where(*conditions)).scalar_one())


class ClosedDay(NamedTuple):
    """A business day and the last commit whose business day is on or before it."""

    market_day: int
    seq: int


def days_before(connection: Connection, seq: int, first_day: int, before_day: int, limit: int) -> list[ClosedDay]:
    """Returns the newest business days of the commits up to ``seq``, at most ``limit``, newest first.

    They are on or after ``first_day`` and before ``before_day``.
    """
    bounds = {"seq": seq, "first": first_day, "before": before_day, "most": limit}
    days = [ClosedDay(*row) for row in connection.execute(_DAYS, bounds)]
    if not days:
        return []
    # After a repaired business date, commits of an earlier day may follow those of a later one.
    last = _last(connection, CommitRow.market_day < days[-1].market_day, CommitRow.seq <= seq)
    found = []
    for day in reversed(days):
        last = max(last, day.seq)
        found.append(ClosedDay(day.market_day, last))
    return found[::-1]


_DAYS = (
    select(CommitRow.market_day, func.max(CommitRow.seq))
    .where(
        CommitRow.seq <= bindparam("seq"),
        CommitRow.market_day >= bindparam("first"),
        CommitRow.market_day < bindparam("before"),
    )
    .group_by(CommitRow.market_day)
    .order_by(CommitRow.__table__.c.market_day.desc())
    .limit(bindparam("most"))
)


def set_market_day(write: Write) -> None:
    """Stores the business day of the current commit."""
    write.connection.execute(update(CommitRow).where(CommitRow.seq == write.seq).values(market_day=write.market_day))
