"""Movements for the tests of the partner kit."""

from datetime import UTC, datetime
from decimal import Decimal

from collateral_registry.client import Movement

HAPPENED = datetime(2021, 12, 20, tzinfo=UTC)


def movement(movement_id: str, kind: str = "RECEIPT", quantity: str = "1", **fields: str) -> Movement:
    """A movement of copper in lot L-1 of warehouse W-1, in tonnes."""
    place = {"warehouse": "W-1", "lot": "L-1", "good": "copper", "unit": "t"}
    return Movement(movement_id=movement_id, kind=kind, happened=HAPPENED, quantity=Decimal(quantity), **place | fields)


def receipts(count: int, first: int = 1) -> list[Movement]:
    """Receipts of a tonne each."""
    return [movement(f"m-{number}") for number in range(first, first + count)]
