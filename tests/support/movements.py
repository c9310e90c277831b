"""Movements for the tests of the partner client."""

from datetime import UTC, datetime
from decimal import Decimal

from collateral_partner import Movement

HAPPENED = datetime(2021, 12, 20, tzinfo=UTC)


def movement(movement_id: str, kind: str = "RECEIPT", quantity: str = "1", **fields: str) -> Movement:
    """Returns a movement of copper, in tonnes, in lot L-1 of warehouse W-1."""
    place = {"warehouse": "W-1", "lot": "L-1", "good": "copper", "unit": "t"}
    return Movement(movement_id=movement_id, kind=kind, happened=HAPPENED, quantity=Decimal(quantity), **place | fields)


def receipts(count: int, first: int = 1) -> list[Movement]:
    """Returns receipts of one tonne each."""
    return [movement(f"m-{number}") for number in range(first, first + count)]
