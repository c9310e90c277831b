"""The scale of stored quantities."""

from __future__ import annotations

MILLION = 1_000_000
"""Millionths in one unit: quantities of stock and claims are stored as whole millionths of their unit."""
