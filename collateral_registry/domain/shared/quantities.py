"""The scale of stored quantities, their form, and the limit of decimal numbers."""

from __future__ import annotations

from decimal import Decimal

MILLION = 1_000_000
"""Millionths in one unit: quantities of stock and claims are stored as whole millionths of their unit."""


DIGITS_LIMIT = 40
"""Digits before the decimal point, and after it, that a decimal number may have when it is written without exponent."""


def has_few_digits(value: Decimal) -> bool:
    """Returns whether a finite number is within DIGITS_LIMIT.

    Arithmetic and output of others may take memory in proportion to their exponent.
    """
    _, _, exponent = value.as_tuple()
    return isinstance(exponent, int) and -exponent <= DIGITS_LIMIT and value.adjusted() < DIGITS_LIMIT


def plain(value: Decimal) -> Decimal:
    """Returns a number without trailing zeros and without an exponent."""
    return Decimal(f"{value.normalize():f}")
