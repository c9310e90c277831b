"""Filters of lists: equalities joined by AND, such as ``kind = INVENTORY AND owner = "Acme"`` (a subset of AIP-160)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

from collateral_registry.store.engine.filters import Condition
from valuation.errors import InvalidInput

FILTER_LIMIT_CHARACTERS = 1_000
_TERM = re.compile(r"""\s*([a-z_]+)\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*""")


Enums = Mapping[str, Mapping[str, int | str]]
"""For each field, the names that a filter may use and the values that are stored for them."""


def enum_values(**enums: type[IntEnum]) -> Enums:
    """Returns the names and numbers of the enums, by field."""
    return {field: {member.name: int(member) for member in kind} for field, kind in enums.items()}


def conditions_in(text: str, enums: Enums) -> list[Condition]:
    """Returns the conditions in a filter, with the names in ``enums`` replaced by their stored values.

    Raises InvalidInput if the filter is too long, malformed, or uses an unknown name for an enum.
    """
    if len(text) > FILTER_LIMIT_CHARACTERS:
        raise InvalidInput("filter", f"{len(text)} characters", f"at most {FILTER_LIMIT_CHARACTERS} characters")
    if not text.strip():
        return []
    return [_condition(term, enums) for term in re.split(r"\s+AND\s+", text.strip())]


def _condition(term: str, enums: Enums) -> Condition:
    match = _TERM.fullmatch(term)
    if match is None:
        raise InvalidInput("filter", repr(term[:60]), 'field = value, joined by AND, text in "quotes"')
    field, quoted, plain = match.groups()
    value = quoted if quoted is not None else plain
    if field not in enums:
        return Condition(field, value)
    if value not in enums[field]:
        raise InvalidInput("filter", repr(value[:40]), f"one of {', '.join(enums[field])} for {field}")
    return Condition(field, enums[field][value])
