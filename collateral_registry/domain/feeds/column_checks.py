"""Checks of columns of items. Each column is checked as a whole first, and row by row only if that check fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from enum import IntEnum

import numpy as np

from collateral_registry.domain.feeds.items import ItemProblem, Problems
from collateral_registry.domain.shared.names import TEXT_LIMIT_CHARACTERS, refused_character
from valuation._typing import Bool
from valuation.errors import InvalidInput


def add_problems(found: Problems, rows: Iterable[int], reason: IntEnum, describe: Callable[[int], str]) -> None:
    """Adds a problem to each of the rows that has none yet; ``describe`` returns the description of a row."""
    for row in rows:
        if row not in found:
            found[row] = ItemProblem(reason, describe(row))


def shown_text(value: object) -> str:
    """Returns the value of a text field as messages show it."""
    return "nothing" if value == "" else repr(value)[:80]


def shown_time(time_us: int) -> str:
    """Returns a time in UTC as messages show it; ``nothing`` for a missing time."""
    return f"{np.datetime64(time_us, 'us').astype('datetime64[s]')}Z" if time_us else "nothing"


def rows_with(column: Sequence[str], wrong: Collection[str]) -> list[int]:
    """Returns the rows that hold one of the strings."""
    return [row for row, text in enumerate(column) if text in wrong] if wrong else []


def rows_with_unclean_text(column: Sequence[str]) -> list[int]:
    """Returns the rows with a string that is too long, has a refused character, or has spaces around it."""
    return [] if _all_clean(column) else rows_with(column, {text for text in set(column) if not _is_clean(text)})


def passes(check: Callable[[str, str], object], text: str) -> bool:
    """Returns whether a check of a text raises no InvalidInput."""
    try:
        check("", text)
    except InvalidInput:
        return False
    return True


def is_given(column: Sequence[str]) -> Bool:
    """Returns whether each row [n] holds a non-empty string."""
    if all(column) or not any(column):
        return np.full(len(column), all(column))
    return np.fromiter(map(bool, column), np.bool_, len(column))


def are_equal(one: Sequence[str], other: Sequence[str]) -> Bool:
    """Returns whether the strings of two columns are equal, by row [n]."""
    return np.fromiter((a == b for a, b in zip(one, other, strict=True)), np.bool_, len(one))


def _all_clean(column: Sequence[str]) -> bool:
    """Returns whether one check of the concatenated strings is enough to show that all of them are clean.

    A column that contains spaces fails and is checked string by string, because spaces within a string are valid.
    """
    joined_texts = "".join(column)
    return joined_texts.isprintable() and " " not in joined_texts and max(map(len, column)) <= TEXT_LIMIT_CHARACTERS


def _is_clean(text: str) -> bool:
    return len(text) <= TEXT_LIMIT_CHARACTERS and not refused_character(text) and text == text.strip()
