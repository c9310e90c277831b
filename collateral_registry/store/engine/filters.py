"""Filters of lists: equalities joined by AND, as conditions on columns (a small part of AIP-160)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Condition:
    """A field that must equal a value."""

    field: str
    value: str | int


def conditions(columns: Mapping[str, Any], wanted: Sequence[Condition]) -> list[Any]:
    """The conditions on their columns; raises InvalidInput for a field that cannot be filtered by."""
    for condition in wanted:
        if condition.field not in columns:
            raise InvalidInput("filter", repr(condition.field[:40]), "one of " + ", ".join(columns))
    return [columns[condition.field] == condition.value for condition in wanted]
