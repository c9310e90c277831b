"""Errors raised by workers."""

from __future__ import annotations


class WorkersLost(Exception):
    """Raised if workers or their scheduler have died.

    Partitions already stored are kept, and the others are revalued again.
    """
