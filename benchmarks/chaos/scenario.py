"""Random movements of partners, and a simple model of the expected stock.

A movement depends only on the seed, the partner and its number. The model is the test oracle: it books one movement at
a time in dictionaries and shares no code with the service.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from collateral_partner import Movement

SOURCES = ("alpha", "bravo", "charlie", "delta")
SIDES = ("north", "south")
LOTS = 40
"""Number of lots in each warehouse; a partner has two warehouses."""

OPENING_UNITS = 1_000
LARGEST_UNITS = 60
MILLIONTHS = 1_000_000
CORRECTS_WITHIN = 25
BEGIN = datetime(2021, 11, 1, tzinfo=UTC)
KINDS = ("RECEIPT", "ISSUE", "TRANSFER", "ADJUSTMENT", "CORRECTION", "LOST")
WEIGHTS = (50, 28, 10, 6, 5, 1)
"""Relative frequency of each kind; LOST is an issue from an unknown lot."""

Place = tuple[str, str]


def warehouse(source: str, side: str) -> str:
    """Returns the name of a partner's warehouse."""
    return f"{source}-{side}"


def lot(number: int) -> str:
    """Returns the lot name of a number."""
    return f"L-{number:03d}"


def movement(source: str, seed: int, number: int) -> Movement:
    """Returns the movement of a number, which is always the same for a source and seed."""
    if number < len(SIDES) * LOTS:
        return _opening(source, number)
    draw = random.Random(f"{seed}/{source}/{number}")
    kind = draw.choices(KINDS, WEIGHTS)[0]
    side, place = draw.choice(SIDES), lot(draw.randrange(LOTS))
    quantity = Decimal(draw.randrange(1, LARGEST_UNITS * MILLIONTHS)) / MILLIONTHS
    return _drawn(source, seed, number, draw, kind, side, place, quantity)


def _opening(source: str, number: int) -> Movement:
    side, place = SIDES[number // LOTS], lot(number % LOTS)
    return _movement(source, number, "RECEIPT", side, place, Decimal(OPENING_UNITS), good="copper", unit="t")


def _drawn(
    source: str, seed: int, number: int, draw: random.Random, kind: str, side: str, place: str, quantity: Decimal
) -> Movement:
    if kind == "TRANSFER":
        other = SIDES[1 - SIDES.index(side)]
        target = warehouse(source, other)
        return _movement(source, number, kind, side, place, quantity, to_warehouse=target, to_lot=place)
    if kind == "ADJUSTMENT":
        return _movement(source, number, kind, side, place, quantity * draw.choice((-1, 1)))
    if kind == "CORRECTION":
        corrected = number - draw.randrange(1, CORRECTS_WITHIN)
        if corrected >= 0 and movement(source, seed, corrected).kind == "RECEIPT":
            return _movement(source, number, kind, side, "", quantity, corrects=name(source, corrected), warehouse="")
    if kind == "LOST":
        return _movement(source, number, "ISSUE", side, "L-999", quantity)
    if kind == "ISSUE":
        return _movement(source, number, kind, side, place, quantity)
    return _movement(source, number, "RECEIPT", side, place, quantity, good="copper", unit="t")


def _movement(source: str, number: int, kind: str, side: str, place: str, quantity: Decimal, **fields: str) -> Movement:
    at = fields.pop("warehouse", warehouse(source, side))
    happened = BEGIN + timedelta(seconds=number)
    return Movement(name(source, number), kind, happened, at, place, quantity, **fields)


def name(source: str, number: int) -> str:
    """Returns the partner's id of a movement."""
    return f"{source}-{number}"


def movements(source: str, seed: int, first: int, count: int) -> Iterator[Movement]:
    """Yields ``count`` movements from number ``first``."""
    return (movement(source, seed, number) for number in range(first, first + count))


@dataclass
class Model:
    """Expected stock in millionths by warehouse and lot, and the ids of booked and rejected movements."""

    lots: dict[Place, int] = field(default_factory=dict)
    receipts: dict[str, tuple[Place, int]] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)

    def take(self, one: Movement) -> None:
        """Books a movement, or rejects it without any change."""
        changes = self._changes(one)
        after = {place: self.lots.get(place, 0) + change for place, change in changes.items()}
        if not changes or any(left < 0 for left in after.values()):
            self.rejected.add(one.movement_id)
            return
        self.booked.add(one.movement_id)
        self.lots.update(after)
        quantity = int(one.quantity * MILLIONTHS)
        if one.kind == "RECEIPT":
            self.receipts[one.movement_id] = ((one.warehouse, one.lot), quantity)
        elif one.kind == "CORRECTION":
            self.receipts[one.corrects] = (self.receipts[one.corrects][0], quantity)

    def _changes(self, one: Movement) -> dict[Place, int]:
        """Returns the changes of lots by a movement; empty for an impossible movement."""
        quantity, place = int(one.quantity * MILLIONTHS), (one.warehouse, one.lot)
        if one.kind == "CORRECTION":
            if one.corrects not in self.receipts:
                return {}
            corrected, before = self.receipts[one.corrects]
            return {corrected: quantity - before}
        if one.kind == "RECEIPT":
            return {place: quantity}
        if place not in self.lots:
            return {}
        if one.kind in {"TRANSFER", "SPLIT", "MERGE"}:
            other = (one.to_warehouse or one.warehouse, one.to_lot)
            known = one.kind != "MERGE" or other in self.lots
            return {place: -quantity, other: quantity} if known and other != place else {}
        return {place: -quantity if one.kind == "ISSUE" else quantity}


def model_of(counts: dict[str, int], seed: int) -> Model:
    """Returns the model after the given number of movements of each source."""
    model = Model()
    for source, count in counts.items():
        for one in movements(source, seed, 0, count):
            model.take(one)
    return model
