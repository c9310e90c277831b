"""Which rows count: of each key the newest, as of any commit.

Rows come from changes of the book and from revaluation runs. A run's rows carry the sequence of its start, for that is
the moment they are of; they count from the commit that published the run. A change made while the run went on has a
later sequence and stays the newest. So the newest row of a key is the later of two: its newest row of a change, and its
row in the newest run published by then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, select

from collateral_registry.store.run_tables import RunRow

NEVER = 0
"""Sequence before the first commit."""


def newest_run(seq: int | None = None) -> ScalarSelect[Any]:
    """Sequence of the newest run published by a commit, by now when none is given; NEVER when there is none."""
    published = RunRow.published_seq.is_not(None) if seq is None else RunRow.published_seq <= seq
    return select(func.coalesce(func.max(RunRow.seq), NEVER)).where(published).scalar_subquery()


def newest_seq(connection: Connection, table: Any, column: Any, key: Any, seq: int | None = None) -> ColumnElement[Any]:  # noqa: ANN401
    """Sequence of the row that counts for a key, as a condition's right side; NEVER when there is none.

    ``column`` is the table's key column, ``key`` the column of another table in the same statement that names it.
    """
    changed = select(table.seq).where(column == key, table.of_run == 0)
    if seq is not None:
        changed = changed.where(table.seq <= seq)
    changed_seq = changed.order_by(table.seq.desc()).limit(1).correlate(key.table).scalar_subquery()
    in_run = select(table.seq).where(table.seq == newest_run(seq), column == key, table.of_run == 1)
    run_seq = in_run.correlate(key.table).scalar_subquery()
    later = func.max if connection.dialect.name == "sqlite" else func.greatest
    return later(func.coalesce(changed_seq, NEVER), func.coalesce(run_seq, NEVER))
