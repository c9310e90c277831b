"""Selects the current row of each key, now or as of a commit, in tables written by changes and revaluation runs.

A change writes rows with its own sequence (``of_run`` 0). A run writes rows with the sequence of its start (``of_run``
above 0); they take effect with the commit that publishes the run. A change made during the run has a later sequence and
therefore stays current. The current row of a key is the later of two: the newest row written by a change, and the row
of the newest run published up to that commit.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, ScalarSelect, func, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import SQLModel

from collateral_registry.store.engine.key_sets import KEYS, Greatest, KeySet
from collateral_registry.store.schema.revaluation import RunRow

NEVER = 0
"""A sequence before the first commit."""

MOMENTS = KeySet("moments")
"""Sequences of commits, in the parameter ``moments``."""


def newest_run(seq: int | None = None, after: int = NEVER) -> ScalarSelect[Any]:
    """Selects the sequence of the newest run published after commit ``after`` up to ``seq`` (None: now); else NEVER."""
    published = RunRow.published_seq > after if seq is None else came_between(RunRow.published_seq, after, seq)
    return select(func.coalesce(func.max(RunRow.seq), NEVER)).where(published).scalar_subquery()


def newest_seq(
    table: type[SQLModel], column: ColumnElement[int], key: ColumnElement[int], seq: int | None = None
) -> ColumnElement[int]:
    """Returns an expression for the sequence of the current row of a key, as of commit ``seq`` or now.

    The sequence is NEVER if the key has no row. ``column`` is the key column of the table; ``key`` is a
    column of another table in the enclosing statement.
    """
    # Each key needs two lookups: the newest change in the partial index on (key, seq) with of_run = 0, and the row of
    # the newest run by the primary key (seq, key).
    changed = select(table.seq).where(column == key, table.of_run == 0)
    if seq is not None:
        changed = changed.where(table.seq <= seq)
    changed_seq = changed.order_by(table.seq.desc()).limit(1).correlate(key.table).scalar_subquery()
    in_run = select(table.seq).where(table.seq == newest_run(seq), column == key, table.of_run > 0)
    run_seq = in_run.correlate(key.table).scalar_subquery()
    return Greatest(func.coalesce(changed_seq, NEVER), func.coalesce(run_seq, NEVER))


def newest_of(table: type[SQLModel], column: ColumnElement[int], seq: int | None = None) -> CTE:
    """Returns a table ``newest(key, version)`` with the sequence of the current row of each key in ``keys``.

    The row is that as of commit ``seq``, or the one of now.

    The table is materialised; otherwise the database would compute it again for every row of a joined history.
    """
    key = KEYS.rows.c.value
    found = select(key.label("key"), newest_seq(table, column, key, seq).label("version"))
    return found.cte("newest").prefix_with("MATERIALIZED")


def newest_at_moments(table: type[SQLModel], column: ColumnElement[int]) -> CTE:
    """Returns ``newest(key, moment, version)``: the current row of each key in ``keys`` as of each of ``moments``.

    The version is NEVER if the key had no row. Each pair takes two lookups in indexes, however many rows a key has.
    """
    asked = MOMENTS.rows.c.value
    run = select(func.coalesce(func.max(RunRow.seq), NEVER)).where(RunRow.published_seq <= asked).scalar_subquery()
    moments = select(asked.label("moment"), run.label("run")).cte("moments").prefix_with("MATERIALIZED")
    key = KEYS.rows.c.value
    changed = select(table.seq).where(column == key, table.of_run == 0, table.seq <= moments.c.moment)
    changed = changed.order_by(table.seq.desc()).limit(1).correlate(KEYS.rows, moments)
    in_run = select(table.seq).where(table.seq == moments.c.run, column == key, table.of_run > 0)
    in_run = in_run.correlate(KEYS.rows, moments)
    version = Greatest(func.coalesce(changed.scalar_subquery(), NEVER), func.coalesce(in_run.scalar_subquery(), NEVER))
    found = select(key.label("key"), moments.c.moment, version.label("version")).join_from(KEYS.rows, moments, true())
    return found.cte("newest").prefix_with("MATERIALIZED")


def came_between(seq_column: ColumnElement[int], after: int, seq: int) -> ColumnElement[bool]:
    """Returns the condition that a row was stored after commit ``after`` and up to commit ``seq``."""
    known: ColumnElement[bool] = seq_column <= seq
    return (seq_column > after) & known if after else known


def newest_between(
    owner_key: InstrumentedAttribute[int],
    key: ColumnElement[int],
    order: ColumnElement[int],
    seq_column: ColumnElement[int],
    after: int,
    seq: int,
) -> CTE:
    """Returns a table ``newest(key, version)``: for each key, the largest ``order`` among its rows in an interval.

    The rows are those stored after commit ``after`` and up to commit ``seq``. If ``after`` is 0, the rows of each key
    are searched from the newest down, so that the length of its history does not matter. Otherwise the index on
    ``seq_column`` finds the rows.
    """
    found: Any
    if after:
        found = select(key.label("key"), func.max(order).label("version")).group_by(key)
        found = found.where(came_between(seq_column, after, seq))
    else:
        # The index of the rows of a key is read from the newest down, to the first row stored up to ``seq``.
        last = select(order).where(key == owner_key, came_between(seq_column, after, seq))
        last = last.order_by(order.desc()).limit(1).correlate(owner_key.class_.__table__)
        found = select(owner_key.label("key"), last.scalar_subquery().label("version"))
    return found.cte("newest").prefix_with("MATERIALIZED")


def newest_of_runs_between(
    owner_key: InstrumentedAttribute[int], table: type[SQLModel], key: ColumnElement[int], after: int, seq: int
) -> CTE:
    """Returns ``newest(key, version)``: the rows that became current after commit ``after``, up to commit ``seq``.

    The table is one that runs also write, so the rows of a run published in that interval are included. The commit that
    publishes a run also judges the loans that changed during the run. Its sequence is later than that of the run, so
    the rows that it writes are the current ones.
    """
    if not after:
        owners = owner_key.class_.__table__
        version = newest_seq(table, key, owners.c[owner_key.key], seq)
        found: Any = select(owner_key.label("key"), version.label("version"))
        return found.cte("newest").prefix_with("MATERIALIZED")
    changed = select(key.label("key"), table.seq.label("version")).where(
        table.of_run == 0, came_between(table.seq, after, seq)
    )
    in_run = select(key.label("key"), table.seq.label("version")).where(
        table.of_run > 0, table.seq == newest_run(seq, after)
    )
    both = union_all(changed, in_run).subquery()
    found = select(both.c.key, func.max(both.c.version).label("version")).group_by(both.c.key)
    return found.cte("newest").prefix_with("MATERIALIZED")
