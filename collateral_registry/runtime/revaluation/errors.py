"""Errors raised by workers."""

from __future__ import annotations


class WorkersLost(Exception):
    """Workers or their scheduler are gone; partitions already stored are kept, the others are repeated."""
