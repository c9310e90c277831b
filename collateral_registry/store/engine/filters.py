"""Translates filters of list calls to SQL: equalities joined by AND (a subset of AIP-160)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Condition:
    """A requirement that a field equals a value."""

    field: str
    value: str | int


def conditions(columns: Mapping[str, Any], wanted: Sequence[Condition]) -> list[Any]:
    """Returns the SQL conditions of a filter; raises InvalidInput for a field that is not in ``columns``."""
    for condition in wanted:
        if condition.field not in columns:
            raise InvalidInput("filter", repr(condition.field[:40]), "one of " + ", ".join(columns))
    return [columns[condition.field] == condition.value for condition in wanted]
