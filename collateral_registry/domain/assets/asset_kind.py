"""The kinds of assets and the roots of their classes."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """Kind of an asset; the numeric values are stored."""

    INVENTORY = 1
    EQUIPMENT = 2
    INTELLECTUAL_PROPERTY = 3
    RECEIVABLE = 4
    PURCHASE_ORDER = 5
    RECEIVABLE_POOL = 6


CLASS_ROOT = dict(zip(Kind, ("inventory", "equipment", "ip", "receivable", "order", "receivable"), strict=True))
"""Root of the asset classes of each kind: the classes of inventory are ``inventory`` and ``inventory.…``."""
