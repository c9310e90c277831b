"""Checks of fields that several kinds of assets share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial

from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput


def checked_number(field: str, value: Decimal | None, low: str, high: str) -> None:
    """Raises InvalidInput if a number is given and is not within [low, high]."""
    if value is not None and not (value.is_finite() and Decimal(low) <= value <= Decimal(high)):
        raise InvalidInput(field, value, f"{low} to {high}")


EXPECTED_HOURS_RANGE = ("1", "8784")
"""Lowest and highest number of expected meter hours a year; a leap year has 8,784 hours."""


def check_expected_hours(field: str, value: Decimal | None) -> None:
    """Raises InvalidInput if expected meter hours are given and cannot be those of a year."""
    checked_number(field, value, *EXPECTED_HOURS_RANGE)


def check_term(prefix: str, issued: date | None, due: date | None) -> None:
    """Raises InvalidInput if a paper is due before it was issued."""
    if issued and due and due < issued:
        raise InvalidInput(f"{prefix}.due_date", due, f"not before the issue on {issued}")


def text_checks(prefix: str, detail: object, *names: str, required: bool = True) -> list[Callable[[], str]]:
    """Returns the checks of the named text fields of an asset's detail."""
    return [partial(checked_text, f"{prefix}.{name}", getattr(detail, name), required=required) for name in names]
