"""What partners push: movements drawn from a seed by their number, and a plain, slow model of what must come of them.

The model is the oracle: dictionaries and one movement at a time, and nothing of the service's own code.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from collateral_registry.client import Movement

SOURCES = ("alpha", "bravo", "charlie", "delta")
SIDES = ("north", "south")
LOTS = 40
"""Lots in each warehouse; a partner has two warehouses."""

OPENING_UNITS = 1_000
LARGEST_UNITS = 60
MILLIONTHS = 1_000_000
CORRECTS_WITHIN = 25
BEGIN = datetime(2021, 11, 1, tzinfo=UTC)
KINDS = ("RECEIPT", "ISSUE", "TRANSFER", "ADJUSTMENT", "CORRECTION", "LOST")
WEIGHTS = (50, 28, 10, 6, 5, 1)
"""How often each comes; LOST is an issue from a lot that nobody knows."""

Place = tuple[str, str]


def warehouse(source: str, side: str) -> str:
    """A warehouse of a partner."""
    return f"{source}-{side}"


def lot(number: int) -> str:
    """The lot of a number."""
    return f"L-{number:03d}"


def movement(source: str, seed: int, number: int) -> Movement:
    """The movement of a number; the same whoever asks and whenever."""
    if number < len(SIDES) * LOTS:
        return _opening(source, number)
    draw = random.Random(f"{seed}/{source}/{number}")  # noqa: S311 - a scenario, not a secret
    kind = draw.choices(KINDS, WEIGHTS)[0]
    side, place = draw.choice(SIDES), lot(draw.randrange(LOTS))
    quantity = Decimal(draw.randrange(1, LARGEST_UNITS * MILLIONTHS)) / MILLIONTHS
    return _drawn(source, seed, number, draw, kind, side, place, quantity)


def _opening(source: str, number: int) -> Movement:
    side, place = SIDES[number // LOTS], lot(number % LOTS)
    return _said(source, number, "RECEIPT", side, place, Decimal(OPENING_UNITS), good="copper", unit="t")


def _drawn(
    source: str, seed: int, number: int, draw: random.Random, kind: str, side: str, place: str, quantity: Decimal
) -> Movement:
    if kind == "TRANSFER":
        other = SIDES[1 - SIDES.index(side)]
        return _said(source, number, kind, side, place, quantity, to_warehouse=warehouse(source, other), to_lot=place)
    if kind == "ADJUSTMENT":
        return _said(source, number, kind, side, place, quantity * draw.choice((-1, 1)))
    if kind == "CORRECTION":
        corrected = number - draw.randrange(1, CORRECTS_WITHIN)
        if corrected >= 0 and movement(source, seed, corrected).kind == "RECEIPT":
            return _said(source, number, kind, side, "", quantity, corrects=name(source, corrected), warehouse="")
    if kind == "LOST":
        return _said(source, number, "ISSUE", side, "L-999", quantity)
    if kind == "ISSUE":
        return _said(source, number, kind, side, place, quantity)
    return _said(source, number, "RECEIPT", side, place, quantity, good="copper", unit="t")


def _said(source: str, number: int, kind: str, side: str, place: str, quantity: Decimal, **fields: str) -> Movement:
    at = fields.pop("warehouse", warehouse(source, side))
    happened = BEGIN + timedelta(seconds=number)
    return Movement(name(source, number), kind, happened, at, place, quantity, **fields)


def name(source: str, number: int) -> str:
    """The partner's id of a movement."""
    return f"{source}-{number}"


def movements(source: str, seed: int, first: int, count: int) -> Iterator[Movement]:
    """So many movements from a number on."""
    return (movement(source, seed, number) for number in range(first, first + count))


@dataclass
class Model:
    """What is there: millionths by warehouse and lot; and which movements were booked, which rejected."""

    lots: dict[Place, int] = field(default_factory=dict)
    receipts: dict[str, tuple[Place, int]] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)

    def take(self, one: Movement) -> None:
        """Books a movement, or rejects it and changes nothing."""
        changes = self._changes(one)
        after = {place: self.lots.get(place, 0) + change for place, change in changes.items()}
        if not changes or any(left < 0 for left in after.values()):
            self.rejected.add(one.movement_id)
            return
        self.booked.add(one.movement_id)
        self.lots.update(after)
        said = int(one.quantity * MILLIONTHS)
        if one.kind == "RECEIPT":
            self.receipts[one.movement_id] = ((one.warehouse, one.lot), said)
        elif one.kind == "CORRECTION":
            self.receipts[one.corrects] = (self.receipts[one.corrects][0], said)

    def _changes(self, one: Movement) -> dict[Place, int]:
        """What a movement does to which lots; nothing when it cannot be."""
        said, place = int(one.quantity * MILLIONTHS), (one.warehouse, one.lot)
        if one.kind == "CORRECTION":
            if one.corrects not in self.receipts:
                return {}
            corrected, before = self.receipts[one.corrects]
            return {corrected: said - before}
        if one.kind == "RECEIPT":
            return {place: said}
        if place not in self.lots:
            return {}
        if one.kind in {"TRANSFER", "SPLIT", "MERGE"}:
            other = (one.to_warehouse or one.warehouse, one.to_lot)
            known = one.kind != "MERGE" or other in self.lots
            return {place: -said, other: said} if known and other != place else {}
        return {place: -said if one.kind == "ISSUE" else said}


def model_of(counts: dict[str, int], seed: int) -> Model:
    """The model after so many movements of each source."""
    model = Model()
    for source, count in counts.items():
        for one in movements(source, seed, 0, count):
            model.take(one)
    return model
