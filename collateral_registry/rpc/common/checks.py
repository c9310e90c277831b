"""Checks of request fields that several services share."""

from __future__ import annotations

from collections.abc import Sequence, Sized

from collateral_registry.domain.shared.names import id_of
from valuation.errors import InvalidInput, joined

NUMBER_LIMIT_DIGITS = 18
"""Number of digits of a number in a resource name. Every such number fits into a signed 64-bit integer."""


def check_count(field: str, items: Sized, limit: int, least: int = 1) -> None:
    """Raises InvalidInput unless a repeated field has ``least`` to ``limit`` items."""
    if not least <= len(items) <= limit:
        raise InvalidInput(field, f"{len(items)} items", f"{least} to {limit} items")


def ids_of(field: str, names: Sequence[str], collection: str, limit: int, least: int = 1) -> list[str]:
    """Returns the ids in a repeated field of resource names.

    Raises InvalidInput unless there are ``least`` to ``limit`` names, or with the place of every wrong one.
    """
    check_count(field, names, limit, least)
    found: list[str] = []
    wrong: list[InvalidInput] = []
    for at, name in enumerate(names):
        try:
            found += id_of(f"{field}[{at}]", name, collection)
        except InvalidInput as error:
            wrong.append(error)
    if wrong:
        raise joined(wrong)
    return found


def number_in_name(field: str, name: str, number: str, shape: str, digits: int = NUMBER_LIMIT_DIGITS) -> int:
    """Returns the number that is part of a resource name.

    Raises InvalidInput with the expected shape if the name has another shape.
    """
    if not (number.isascii() and number.isdigit()) or len(number) > digits:
        raise InvalidInput(field, repr(name[:80]), shape)
    return int(number)
