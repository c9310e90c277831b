"""Filters from the fields of a form, in the language of docs/filters.md."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from collateral_registry.web.pages.numbers import identifier

LOAN_ID = re.compile(r"[a-z0-9-]+", re.ASCII)

NAMES_LIMIT = 200
"""Most names that a filter of a page states, within the limit of its characters."""

LEVELS = {
    "beyond": "level >= MARGIN_CALL",
    "liquidation": "level = LIQUIDATION",
    "stop_draw": "level = STOP_DRAW",
    "margin_call": "level = MARGIN_CALL",
    "watch": "level = WATCH",
    "none": "level = NONE",
}
"""Tests of the choices of a level."""


def quoted(text: str) -> str:
    """Returns a text as a value of a filter."""
    return json.dumps(text, ensure_ascii=False)


def prefix(field: str, text: str) -> str:
    """Returns the test that a field begins with a text; an empty text tests nothing."""
    return f"{field}:{quoted(text + '*')}" if text else ""


def equals(field: str, text: str) -> str:
    """Returns the test that a field has a value; an empty text tests nothing."""
    return f"{field} = {quoted(text)}" if text else ""


def borrower_or_loan(text: str) -> str:
    """Returns the test that the borrower, or the id of the loan, begins with a text."""
    if not LOAN_ID.fullmatch(text):
        return prefix("borrower", text)
    return f"{prefix('borrower', text)} OR {prefix('loan', text)}"


def loan_begins_with(text: str) -> str:
    """Returns the test that the id of a loan begins with a text; no loan is found by one that no id may contain."""
    if not text:
        return ""
    return prefix("loan", text.lower()) if LOAN_ID.fullmatch(text.lower()) else "NOT loan:*"


def choice(query: Mapping[str, str], name: str, tests: Mapping[str, str]) -> str:
    """Returns the test of the choice of a field of the form; an unknown choice tests nothing."""
    return tests.get(query.get(name, ""), "")


def one_of(field: str, names: Sequence[str]) -> str:
    """Returns the test that a field is one of a few resources, by their ids."""
    return f"{field} IN ({', '.join(quoted(identifier(name)) for name in names)})"


def batches(names: Sequence[str]) -> list[Sequence[str]]:
    """Returns names in parts that a filter can state."""
    return [names[at : at + NAMES_LIMIT] for at in range(0, len(names), NAMES_LIMIT)]


def conjunction(*tests: str) -> str:
    """Returns the filter that all tests hold; empty tests are left out."""
    found = [test for test in tests if test]
    return " AND ".join(f"({test})" for test in found) if len(found) > 1 else "".join(found)
