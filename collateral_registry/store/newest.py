"""Newest rows between two commits: the one place that says which rows a report as of a commit may see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, func, select


def came_between(seq_column: Any, after: int, seq: int) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Condition that a row became known after one commit and not later than another."""
    known: ColumnElement[bool] = seq_column <= seq
    return (seq_column > after) & known if after else known


def newest_between(owner_key: Any, key: Any, order: Any, seq_column: Any, after: int, seq: int) -> CTE:  # noqa: ANN401
    """A table ``newest(key, place)``: the largest ``order`` of the rows of each key that came between two commits.

    After a commit, only its followers are looked at, by the index on their sequence. From the beginning, the rows of
    each owner are sought from the newest down, so that a long history costs nothing.
    """
    found: Select[Any]
    if after:
        found = select(key.label("key"), func.max(order).label("place")).group_by(key)
        found = found.where(came_between(seq_column, after, seq))
    else:
        sought = select(order).where(key == owner_key, came_between(seq_column, after, seq))
        sought = sought.order_by(order.desc()).limit(1).correlate(owner_key.class_.__table__)
        found = select(owner_key.label("key"), sought.scalar_subquery().label("place"))
    return found.cte("newest").prefix_with("MATERIALIZED", dialect="postgresql")
