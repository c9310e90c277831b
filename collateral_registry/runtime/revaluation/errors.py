"""What may happen to workers."""

from __future__ import annotations


class WorkersLost(Exception):
    """Workers, or the way to them, are gone; what they had stored is stored, the rest is worked again."""
