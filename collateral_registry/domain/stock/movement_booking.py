"""Books movements on lots in the order of the rows, so that each row sees the effect of the rows before it.

The loop holds only the checks that depend on earlier rows. ``movements`` checks everything else by columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from collateral_registry.domain.feeds.items import ItemProblem, Problems
from collateral_registry.domain.shared.units import NO_SPELLINGS, UnitsBySpelling, unit_of
from collateral_registry.domain.stock.movements import (
    QUANTITY_LIMIT_MILLIONTHS,
    TWO_LEGGED,
    MovementKind,
    Movements,
    RejectionReason,
)
from valuation.errors import InvalidInput

NO_SLOT = -1
"""Marks a movement that has no second lot."""

SIGN = (0, 1, -1, -1, 1, 0, -1, -1, 0)
"""Sign of the change to the named lot, by kind of movement. The second lot of a movement changes by the opposite
amount."""

MARKING = frozenset({MovementKind.RECEIPT, MovementKind.QUALITY})
"""Kinds of movements that set the grade and the bin of their lot."""

Place = tuple[str, str]
"""A warehouse and a lot in it."""

_LotFields = tuple[str, str, str, str]
"""Warehouse, lot, good and unit that a row states."""

Content = tuple[object, ...]
"""The fields that must be equal for two movements with the same id to be the same movement."""


@dataclass
class Lots:
    """Current state of lots [s], with one list per column, found by place.

    Key 0 marks a lot that this batch has opened. ``changed`` holds the slots of the lots that this batch has changed.
    ``counted_only`` holds the slots of lots that no feed has reported; the first receipt defines their good and unit,
    and moves their slot to ``defined``.
    """

    key: list[int] = field(default_factory=list)
    warehouse: list[str] = field(default_factory=list)
    lot: list[str] = field(default_factory=list)
    good: list[str] = field(default_factory=list)
    unit: list[str] = field(default_factory=list)
    grade: list[str] = field(default_factory=list)
    bin: list[str] = field(default_factory=list)
    quantity: list[int] = field(default_factory=list)
    slot_of: dict[Place, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    counted_only: set[int] = field(default_factory=set)
    defined: set[int] = field(default_factory=set)

    def define(self, slot: int, good: str, unit: str) -> None:
        """Sets good and unit of a lot that no feed has reported; does nothing for other lots."""
        if slot in self.counted_only:
            self.good[slot], self.unit[slot] = good, unit
            self.counted_only.remove(slot)
            self.defined.add(slot)

    def add(self, key: int, place: Place, good: str, unit: str, grade: str, bin_: str, quantity: int) -> int:
        """Adds a lot and returns its slot."""
        slot = len(self.key)
        texts = (self.warehouse, self.lot, self.good, self.unit, self.grade, self.bin)
        for column, text in zip(texts, (*place, good, unit, grade, bin_), strict=True):
            column.append(text)
        self.key.append(key)
        self.quantity.append(quantity)
        self.slot_of[place] = slot
        return slot


@dataclass(frozen=True)
class Known:
    """A movement that was booked earlier: its content, its places, and its quantity after corrections."""

    content: Content
    kind: int
    effective_us: int
    place: Place
    to_place: Place | None
    quantity: int


@dataclass
class Booked:
    """Result of booking: the booked rows with their lots and changes, the repeated rows, and the problems by row."""

    row: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    to_slot: list[int] = field(default_factory=list)
    change: list[int] = field(default_factory=list)
    effective_us: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    problems: Problems = field(default_factory=dict)


def places_of(batch: Movements, problems: Problems) -> set[Place]:
    """Returns every place named by the rows without a problem."""
    rows = [row for row in range(len(batch)) if row not in problems] if problems else range(len(batch))
    places = set(zip(batch.warehouse, batch.lot, strict=True))
    if problems:
        places = {(batch.warehouse[row], batch.lot[row]) for row in rows}
    if any(batch.to_warehouse) or any(batch.to_lot):
        kinds = batch.kind
        places.update(place for row in rows if kinds[row] in TWO_LEGGED and (place := to_place(batch, row)))
    return {place for place in places if all(place)}


def to_place(batch: Movements, row: int) -> Place | None:
    """Returns the destination of a row's goods; None for kinds with a single lot."""
    if batch.kind[row] not in TWO_LEGGED:
        return None
    return batch.to_warehouse[row] or batch.warehouse[row], batch.to_lot[row] or batch.lot[row]


def content_of(batch: Movements, row: int) -> Content:
    """Returns the content of a row."""
    place = (batch.warehouse[row], batch.lot[row])
    fields = (batch.quantity[row], batch.bin[row], batch.to_bin[row], batch.grade[row], batch.corrects[row])
    return content(batch.kind[row], batch.effective_us[row], place, to_place(batch, row), *fields, batch.document[row])


def content(kind: int, effective_us: int, place: Place, other: Place | None, *fields: str | int) -> Content:
    """Builds the content of a movement. For a correction, it omits time and place, which the original determines."""
    return (kind, *fields) if kind == MovementKind.CORRECTION else (kind, effective_us, place, other, *fields)


def book(
    batch: Movements,
    problems: Problems,
    lots: Lots,
    past: Mapping[str, Known],
    own_warehouses: Collection[str] | None = None,
    own_units: UnitsBySpelling = NO_SPELLINGS,
) -> Booked:
    """Books every row that has no problem yet, and adds the problems that depend on lots and earlier movements.

    Changes ``lots`` in place. ``past`` maps the ids of the rows, and the ids they correct, to earlier movements.
    ``own_warehouses`` are the warehouses whose movements the feed may correct; None permits any. ``own_units`` are the
    feed's own spellings of units.
    """
    booking = _Booking(batch, lots, past, own_warehouses, own_units)
    refused = dict(problems)
    places = zip(batch.warehouse, batch.lot, batch.good, batch.unit, strict=True)
    rows = zip(batch.movement_id, batch.kind, places, batch.quantity, strict=True)
    for row, (name, kind, lot_fields, quantity) in enumerate(rows):
        if row not in refused:
            try:
                booking.book(row, name, kind, lot_fields, quantity)
            except _NotBookable as error:
                refused[row] = error.problem
    return booking.booked(refused)


class _NotBookable(Exception):
    """Raised for a row that has a problem."""

    def __init__(self, reason: RejectionReason, description: str) -> None:
        super().__init__(description)
        self.problem = ItemProblem(reason, description)


class _Booking:
    """State while a batch is booked.

    ``done`` holds row, slot, other slot, change and effective time of each booked row. ``repeated`` are ids that may be
    repeats. ``wanted`` are ids that later rows may refer to. ``done_at`` holds the position in ``done`` of each of
    these ids. ``restated`` holds the current quantity of the movements that this batch corrects. ``slots`` holds the
    lots found by their stated fields.
    """

    def __init__(
        self,
        batch: Movements,
        lots: Lots,
        past: Mapping[str, Known],
        own: Collection[str] | None,
        own_units: UnitsBySpelling,
    ) -> None:
        self.batch, self.lots, self.past, self.own, self.own_units = batch, lots, past, own, own_units
        self.done: list[tuple[int, int, int, int, int]] = []
        self.known: list[int] = []
        self.repeated = _repeated(batch.movement_id, past)
        self.wanted = self.repeated.union(batch.corrects)
        self.done_at: dict[str, int] = {}
        self.restated: dict[str, int] = {}
        self.slots: dict[_LotFields, int] = {}

    def book(self, row: int, name: str, kind: int, lot_fields: _LotFields, quantity: int) -> None:
        """Books a row. If it raises _NotBookable, the quantities of the lots are unchanged."""
        batch, lots = self.batch, self.lots
        if name in self.repeated and self._is_known(row):
            self.known.append(row)
            return
        if kind == MovementKind.CORRECTION:
            self._correct(row)
            return
        slot, other = self.slots.get(lot_fields, NO_SLOT), NO_SLOT
        if slot == NO_SLOT:
            slot = self._lot_of(row, kind, lot_fields)
        change = SIGN[kind] * quantity
        balance = self._balance(slot, change)
        if kind in TWO_LEGGED:
            other = self._other_lot(row, slot)
            lots.quantity[other] = self._balance(other, -change)
        elif kind in MARKING:
            lots.grade[slot] = batch.grade[row] or lots.grade[slot]
            lots.bin[slot] = batch.bin[row] or lots.bin[slot]
        lots.quantity[slot] = balance
        self._note(row, name, slot, other, change, batch.effective_us[row])

    def booked(self, problems: Problems) -> Booked:
        """Returns the result, and marks the changed lots."""
        columns = [list(column) for column in zip(*self.done, strict=True)] or [[] for _ in range(5)]
        row, slot, to_slot, change, effective_us = columns
        done = Booked(row, slot, to_slot, change, effective_us, self.known, problems)
        self.lots.changed.update(done.slot, done.to_slot)
        self.lots.changed.discard(NO_SLOT)
        return done

    def _note(self, row: int, name: str, slot: int, other: int, change: int, effective_us: int) -> None:
        if name in self.wanted:
            self.done_at[name] = len(self.done)
        self.done.append((row, slot, other, change, effective_us))

    def _lot_of(self, row: int, kind: int, lot_fields: _LotFields) -> int:
        """Returns the slot of the lot that a row names. A receipt opens the lot if it is new."""
        batch = self.batch
        warehouse, lot, good, unit = lot_fields
        slot = self.lots.slot_of.get((warehouse, lot))
        if slot is None:
            if kind != MovementKind.RECEIPT:
                text = f"lot: got {_named(lot_fields)}, want a lot opened by an earlier receipt"
                raise _NotBookable(RejectionReason.UNKNOWN_LOT, text)
            named = self._unit_of(unit, good)
            slot = self.lots.add(0, (warehouse, lot), good, named, batch.grade[row], batch.bin[row], 0)
        elif kind == MovementKind.RECEIPT and slot in self.lots.counted_only:
            self.lots.define(slot, good, self._unit_of(unit, good))
        self._check_match(slot, good, unit)
        self.slots[lot_fields] = slot
        return slot

    def _other_lot(self, row: int, slot: int) -> int:
        """Returns the slot of the destination lot. A transfer or split opens it with the source's good if it is new."""
        batch, lots = self.batch, self.lots
        place = to_place(batch, row) or ("", "")
        other = lots.slot_of.get(place)
        if other is not None:
            lots.define(other, lots.good[slot], lots.unit[slot])
            self._check_match(other, lots.good[slot], lots.unit[slot])
            return other
        if batch.kind[row] == MovementKind.MERGE:
            raise _NotBookable(RejectionReason.UNKNOWN_LOT, f"to_lot: got {_named(place)}, want an existing lot")
        grade = batch.grade[row] or lots.grade[slot]
        return lots.add(0, place, lots.good[slot], lots.unit[slot], grade, batch.to_bin[row], 0)

    def _check_match(self, slot: int, good: str, unit: str) -> None:
        """Raises _NotBookable if the good or the unit is stated and differs from the lot's."""
        lots = self.lots
        place = (lots.warehouse[slot], lots.lot[slot])
        if good and good != lots.good[slot]:
            text = f"good: got {good!r}, want {lots.good[slot]!r} of {_named(place)}"
            raise _NotBookable(RejectionReason.LOT_MISMATCH, text)
        if unit and unit != lots.unit[slot] and self._unit_of(unit, lots.good[slot]) != lots.unit[slot]:
            text = f"unit: got {unit!r}, want {lots.unit[slot]!r} of {_named(place)}"
            raise _NotBookable(RejectionReason.LOT_MISMATCH, text)

    def _unit_of(self, spelling: str, good: str) -> str:
        """Returns the name of a stated unit; raises _NotBookable if it has several meanings for the good."""
        try:
            return unit_of("unit", spelling, good, own=self.own_units)
        except InvalidInput as error:
            raise _NotBookable(RejectionReason.INVALID_FIELD, str(error)) from None

    def _balance(self, slot: int, change: int) -> int:
        """Returns the quantity of a lot after a change; raises _NotBookable if it is negative or too large."""
        lots = self.lots
        balance = lots.quantity[slot] + change
        if 0 <= balance <= QUANTITY_LIMIT_MILLIONTHS:
            return balance
        place = _named((lots.warehouse[slot], lots.lot[slot]))
        if balance < 0:
            available = f"{shown(lots.quantity[slot])} {lots.unit[slot]}"
            text = f"quantity: got {shown(-change)}, want at most the {available} of {place}"
            raise _NotBookable(RejectionReason.INSUFFICIENT_STOCK, text)
        text = f"quantity: got {shown(change)}, want at most {shown(QUANTITY_LIMIT_MILLIONTHS)} in {place}"
        raise _NotBookable(RejectionReason.INVALID_FIELD, text)

    def _is_known(self, row: int) -> bool:
        """Returns whether the row repeats a booked movement; raises _NotBookable if its content differs."""
        name = self.batch.movement_id[row]
        if name in self.past:
            before = self.past[name].content
        elif name in self.done_at:
            before = content_of(self.batch, self.done[self.done_at[name]][0])
        else:
            return False
        if before != content_of(self.batch, row):
            text = f"movement_id: got {name!r}, want an id that no other movement has; to change it, a correction"
            raise _NotBookable(RejectionReason.ID_REUSED, text)
        return True

    def _correct(self, row: int) -> None:
        """Books the difference between the corrected and the current quantity on the lots of the restated movement."""
        batch, lots, name = self.batch, self.lots, self.batch.corrects[row]
        before = self._restated(name)
        if self.own is not None and before.place[0] not in self.own:
            text = f"warehouse: got {before.place[0]!r}, want a warehouse of the feed"
            raise _NotBookable(RejectionReason.FOREIGN_WAREHOUSE, text)
        quantity, slot = batch.quantity[row], lots.slot_of[before.place]
        self._check_correction(row, before)
        self._check_match(slot, batch.good[row], batch.unit[row])
        change = SIGN[before.kind] * (quantity - before.quantity)
        balance, other = self._balance(slot, change), NO_SLOT
        if before.to_place is not None:
            other = lots.slot_of[before.to_place]
            lots.quantity[other] = self._balance(other, -change)
        lots.quantity[slot] = balance
        self.restated[name] = quantity
        self._note(row, batch.movement_id[row], slot, other, change, before.effective_us)

    def _check_correction(self, row: int, before: Known) -> None:
        """Raises _NotBookable if a correction does not fit the movement that it restates."""
        batch = self.batch
        if before.kind in {MovementKind.QUALITY, MovementKind.CORRECTION}:
            text = f"corrects: got a {MovementKind(before.kind).name}, want a movement of a quantity"
            raise _NotBookable(RejectionReason.INVALID_FIELD, text)
        if batch.quantity[row] < 0 and before.kind != MovementKind.ADJUSTMENT:
            text = f"quantity: got {shown(batch.quantity[row])}, want 0 or more"
            raise _NotBookable(RejectionReason.INVALID_FIELD, text)
        place = (batch.warehouse[row] or before.place[0], batch.lot[row] or before.place[1])
        if place != before.place:
            text = f"lot: got {_named(place)}, want {_named(before.place)}, that of the corrected movement"
            raise _NotBookable(RejectionReason.LOT_MISMATCH, text)

    def _restated(self, name: str) -> Known:
        """Returns the movement to be corrected, booked earlier or in this batch, with its current quantity."""
        if name in self.past:
            known = self.past[name]
        elif name in self.done_at:
            known = self._known_here(self.done_at[name])
        else:
            text = f"corrects: got {name!r}, want the id of a booked movement of this feed"
            raise _NotBookable(RejectionReason.UNKNOWN_MOVEMENT, text)
        return replace(known, quantity=self.restated.get(name, known.quantity))

    def _known_here(self, position: int) -> Known:
        """Returns a movement that this batch has booked, by its position in ``done``."""
        batch, (row, *_, effective_us) = self.batch, self.done[position]
        place, other = (batch.warehouse[row], batch.lot[row]), to_place(batch, row)
        return Known(content_of(batch, row), batch.kind[row], effective_us, place, other, batch.quantity[row])


def _repeated(ids: Sequence[str], past: Mapping[str, Known]) -> set[str]:
    """Returns the ids that were booked earlier or occur more than once."""
    distinct = set(ids)
    repeated = {name for name in past if name in distinct}
    if len(distinct) < len(ids):
        repeated.update(name for name, count in Counter(ids).items() if count > 1)
    return repeated


def _named(place: Sequence[str]) -> str:
    return f"lot {place[1]} in warehouse {place[0]}"


def shown(millionths: int) -> str:
    """Formats millionths as a plain decimal."""
    return f"{Decimal(millionths).scaleb(-6).normalize():f}"
