"""Evaluates filters on columns of rows in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.filters.expressions import (
    COMPARE,
    Connectives,
    Expression,
    Operator,
    Test,
    evaluate,
    is_met,
)


def matching_rows(
    columns: Mapping[str, NDArray[Any]], column_of: Mapping[str, str], wanted: Expression, count: int
) -> NDArray[np.bool_]:
    """Returns which rows [count] match a filter; ``column_of`` names the column of each field."""
    met = evaluate(wanted, lambda test: rows_meeting(test, columns[column_of[test.field]]), COLUMNS)
    return np.ones(count, dtype=np.bool_) & met


COLUMNS = Connectives[NDArray[np.bool_]](np.logical_and.reduce, np.logical_or.reduce, np.logical_not)
"""AND, OR and NOT of columns."""


def rows_meeting(test: Test, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns which values of a column meet a test; each value is present, unless it is None in a column of objects."""
    if values.dtype == object:
        return np.array([is_met(test, value) for value in values], dtype=np.bool_)
    match test.operator:
        case Operator.PRESENT:
            return np.ones(len(values), dtype=np.bool_)
        case Operator.IN:
            return np.isin(values, np.array(test.values))
        case _:
            found: NDArray[np.bool_] = COMPARE[test.operator](values, test.values[0])
            return found
