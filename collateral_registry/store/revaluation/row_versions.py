"""Which rows count: of each key the newest, as of any commit.

Rows come from changes of the book and from revaluation runs. A run's rows carry the sequence of its start, for that is
the moment they are of; they count from the commit that published the run. A change made while the run went on has a
later sequence and stays the newest. So the newest row of a key is the later of two: its newest row of a change, and its
row in the newest run published by then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, ScalarSelect, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import SQLModel

from collateral_registry.store.engine.key_sets import KEYS, Greatest
from collateral_registry.store.schema.revaluation import RunRow

NEVER = 0
"""Sequence before the first commit."""


def newest_run(seq: int | None = None, after: int = NEVER) -> ScalarSelect[Any]:
    """Sequence of the newest run published after a commit and by another, by now when none is given; else NEVER."""
    published = RunRow.published_seq > after if seq is None else came_between(RunRow.published_seq, after, seq)
    return select(func.coalesce(func.max(RunRow.seq), NEVER)).where(published).scalar_subquery()


def newest_seq(
    table: type[SQLModel], column: ColumnElement[int], key: ColumnElement[int], seq: int | None = None
) -> ColumnElement[int]:
    """Sequence of the row that counts for a key, as a condition's right side; NEVER when there is none.

    ``column`` is the table's key column, ``key`` the column of another table in the same statement that names it.
    """
    changed = select(table.seq).where(column == key, table.of_run == 0)
    if seq is not None:
        changed = changed.where(table.seq <= seq)
    changed_seq = changed.order_by(table.seq.desc()).limit(1).correlate(key.table).scalar_subquery()
    in_run = select(table.seq).where(table.seq == newest_run(seq), column == key, table.of_run == 1)
    run_seq = in_run.correlate(key.table).scalar_subquery()
    return Greatest(func.coalesce(changed_seq, NEVER), func.coalesce(run_seq, NEVER))


def newest_of(table: type[SQLModel], column: ColumnElement[int]) -> CTE:
    """A table ``newest(key, place)``: the sequence of the row that counts for each key of the parameter ``keys``.

    Found before anything is joined with it: as a condition of the join it would be sought for every row of a history.
    """
    key = KEYS.rows.c.value
    found = select(key.label("key"), newest_seq(table, column, key).label("place"))
    return found.cte("newest").prefix_with("MATERIALIZED")


def came_between(seq_column: ColumnElement[int], after: int, seq: int) -> ColumnElement[bool]:
    """Condition that a row became known after one commit and not later than another."""
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
    """A table ``newest(key, place)``: the largest ``order`` of the rows of each key that came between two commits.

    After a commit, only its followers are looked at, by the index on their sequence. From the beginning, the rows of
    each owner are sought from the newest down, so that a long history costs nothing.
    """
    found: Any
    if after:
        found = select(key.label("key"), func.max(order).label("place")).group_by(key)
        found = found.where(came_between(seq_column, after, seq))
    else:
        sought = select(order).where(key == owner_key, came_between(seq_column, after, seq))
        sought = sought.order_by(order.desc()).limit(1).correlate(owner_key.class_.__table__)
        found = select(owner_key.label("key"), sought.scalar_subquery().label("place"))
    return found.cte("newest").prefix_with("MATERIALIZED")


def newest_of_runs_between(
    owner_key: InstrumentedAttribute[int], table: type[SQLModel], key: ColumnElement[int], after: int, seq: int
) -> CTE:
    """The same for a table that runs write too: the sequence of the row that counts, where it came in between.

    A run that was published in between brings its rows; those that a change had overtaken were judged again with it.
    """
    if not after:
        owners = owner_key.class_.__table__
        place = newest_seq(table, key, owners.c[owner_key.key], seq)
        found: Any = select(owner_key.label("key"), place.label("place"))
        return found.cte("newest").prefix_with("MATERIALIZED")
    changed = select(key.label("key"), table.seq.label("place")).where(
        table.of_run == 0, came_between(table.seq, after, seq)
    )
    in_run = select(key.label("key"), table.seq.label("place")).where(
        table.of_run == 1, table.seq == newest_run(seq, after)
    )
    both = union_all(changed, in_run).subquery()
    found = select(both.c.key, func.max(both.c.place).label("place")).group_by(both.c.key)
    return found.cte("newest").prefix_with("MATERIALIZED")
