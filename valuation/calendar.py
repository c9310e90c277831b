"""Conversion of days to years."""

from __future__ import annotations

DAYS_PER_YEAR = 365.25
"""Average length of a year in days."""
