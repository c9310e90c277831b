"""Filters as text: equalities joined by AND, such as ``kind = INVENTORY AND owner = "Acme"`` (part of AIP-160)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from collateral_registry.store.engine.filters import Condition
from valuation.errors import InvalidInput

FILTER_LIMIT_CHARACTERS = 1_000
_TERM = re.compile(r"""\s*([a-z_]+)\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*""")


def conditions_in(text: str, enums: Mapping[str, Mapping[str, int | str]]) -> list[Condition]:
    """The conditions in a filter; values of the fields in ``enums`` become what they are stored as."""
    if len(text) > FILTER_LIMIT_CHARACTERS:
        raise InvalidInput("filter", f"{len(text)} characters", f"at most {FILTER_LIMIT_CHARACTERS} characters")
    if not text.strip():
        return []
    return [_condition(term, enums) for term in re.split(r"\s+AND\s+", text.strip())]


def _condition(term: str, enums: Mapping[str, Mapping[str, int | str]]) -> Condition:
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
