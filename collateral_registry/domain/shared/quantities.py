"""The scale of stored quantities, and their form."""

from __future__ import annotations

from decimal import Decimal

MILLION = 1_000_000
"""Millionths in one unit: quantities of stock and claims are stored as whole millionths of their unit."""


def plain(value: Decimal) -> Decimal:
    """Returns a number without trailing zeros and without an exponent."""
    return Decimal(f"{value.normalize():f}")
