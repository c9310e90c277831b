"""Booking: movements against lots, in the order of the rows; a row sees what the rows before it did.

Pure: lots and what is known of earlier movements in, changes out. One loop for a batch of one and of thousands; the
loop holds only what depends on the rows before, everything else is checked by columns (``movements``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from collateral_registry.domain.stock.movements import (
    QUANTITY_LIMIT_MILLIONTHS,
    TWO_LEGGED,
    MovementKind,
    MovementProblem,
    Movements,
    Problems,
    RejectionReason,
)

NO_SLOT = -1
"""Marks a movement that has no second lot."""

SIGN = (0, 1, -1, -1, 1, 0, -1, -1, 0)
"""What a quantity does to the lot it names, by kind; the other lot of two legs gains what this one loses."""

MARKING = frozenset({MovementKind.RECEIPT, MovementKind.QUALITY})
"""Kinds that say the grade and the bin of their lot."""

Place = tuple[str, str]
"""Warehouse and lot."""

_Said = tuple[str, str, str, str]
"""Warehouse, lot, good and unit that a row names."""

Content = tuple[object, ...]
"""What a movement says, for comparing."""


@dataclass
class Lots:
    """Lots [s] as they are now, a column a list, found by their place; key 0 marks a lot that was opened here.

    ``version`` is the one that each was read with, 0 for a lot that was opened here.
    """

    key: list[int] = field(default_factory=list)
    warehouse: list[str] = field(default_factory=list)
    lot: list[str] = field(default_factory=list)
    good: list[str] = field(default_factory=list)
    unit: list[str] = field(default_factory=list)
    grade: list[str] = field(default_factory=list)
    bin: list[str] = field(default_factory=list)
    quantity: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    slot_of: dict[Place, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)

    def add(self, key: int, place: Place, good: str, unit: str, grade: str, bin_: str, quantity: int) -> int:
        """Puts a lot in and returns its slot."""
        slot = len(self.key)
        self.key.append(key)
        self.warehouse.append(place[0])
        self.lot.append(place[1])
        self.good.append(good)
        self.unit.append(unit)
        self.grade.append(grade)
        self.bin.append(bin_)
        self.quantity.append(quantity)
        self.version.append(0)
        self.slot_of[place] = slot
        return slot


@dataclass(frozen=True)
class Known:
    """A movement booked before: what it said, where, and the quantity that holds after its corrections."""

    content: Content
    kind: int
    effective_us: int
    place: Place
    to_place: Place | None
    quantity: int


@dataclass
class Booked:
    """What became of the rows: those booked, with their lots and changes; those known; those with a problem."""

    row: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    to_slot: list[int] = field(default_factory=list)
    change: list[int] = field(default_factory=list)
    effective_us: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    problems: Problems = field(default_factory=dict)


def places_of(batch: Movements, problems: Problems) -> set[Place]:
    """Every place that the rows without a problem name."""
    rows = [row for row in range(len(batch)) if row not in problems] if problems else range(len(batch))
    places = set(zip(batch.warehouse, batch.lot, strict=True))
    if problems:
        places = {(batch.warehouse[row], batch.lot[row]) for row in rows}
    if any(batch.to_warehouse) or any(batch.to_lot):
        kinds = batch.kind
        places.update(place for row in rows if kinds[row] in TWO_LEGGED and (place := to_place(batch, row)))
    return {place for place in places if all(place)}


def to_place(batch: Movements, row: int) -> Place | None:
    """Where the goods of a row went; none for a kind that has one lot."""
    if batch.kind[row] not in TWO_LEGGED:
        return None
    return batch.to_warehouse[row] or batch.warehouse[row], batch.to_lot[row] or batch.lot[row]


def content_of(batch: Movements, row: int) -> Content:
    """What must be the same for two movements of one id to be one."""
    place = (batch.warehouse[row], batch.lot[row])
    said = (batch.quantity[row], batch.bin[row], batch.to_bin[row], batch.grade[row], batch.corrects[row])
    return content(batch.kind[row], batch.effective_us[row], place, to_place(batch, row), *said, batch.document[row])


def content(kind: int, effective_us: int, place: Place, other: Place | None, *said: str | int) -> Content:
    """The content of a movement; time and place of a correction are those of the movement it restates."""
    return (kind, *said) if kind == MovementKind.CORRECTION else (kind, effective_us, place, other, *said)


def book(
    batch: Movements,
    problems: Problems,
    lots: Lots,
    past: Mapping[str, Known],
    own_warehouses: Collection[str] | None = None,
) -> Booked:
    """Books every row that has no problem, and finds the problems that only the book shows; changes the lots.

    ``past`` holds what is known of the ids, and of the corrected ids, of the rows.
    """
    booking = _Booking(batch, lots, past, own_warehouses)
    refused = dict(problems)
    places = zip(batch.warehouse, batch.lot, batch.good, batch.unit, strict=True)
    rows = zip(batch.movement_id, batch.kind, places, batch.quantity, strict=True)
    for row, (name, kind, said, quantity) in enumerate(rows):
        if row not in refused:
            try:
                booking.book(row, name, kind, said, quantity)
            except _NotBookable as error:
                refused[row] = error.problem
    return booking.booked(refused)


class _NotBookable(Exception):
    """The row has a problem."""

    def __init__(self, reason: RejectionReason, description: str) -> None:
        super().__init__(description)
        self.problem = MovementProblem(reason, description)


class _Booking:
    """A run of rows being booked."""

    def __init__(
        self,
        batch: Movements,
        lots: Lots,
        past: Mapping[str, Known],
        own: Collection[str] | None,
    ) -> None:
        self.batch, self.lots, self.past, self.own = batch, lots, past, own
        self.done: list[tuple[int, int, int, int, int]] = []
        self.known: list[int] = []
        self.again = _repeated(batch.movement_id, past)
        self.wanted = self.again.union(batch.corrects)
        self.place_in_done: dict[str, int] = {}
        self.restated: dict[str, int] = {}
        self.found: dict[_Said, int] = {}

    def book(self, row: int, name: str, kind: int, said: _Said, quantity: int) -> None:
        """Books a row; raises _NotBookable and leaves the lots as they were."""
        batch, lots = self.batch, self.lots
        if name in self.again and self._is_known(row):
            self.known.append(row)
            return
        if kind == MovementKind.CORRECTION:
            self._correct(row)
            return
        slot, other = self.found.get(said, NO_SLOT), NO_SLOT
        if slot == NO_SLOT:
            slot = self._lot_of(row, kind, said)
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
        """What became of the rows; the lots are marked that changed."""
        columns = [list(column) for column in zip(*self.done, strict=True)] or [[] for _ in range(5)]
        row, slot, to_slot, change, effective_us = columns
        done = Booked(row, slot, to_slot, change, effective_us, self.known, problems)
        self.lots.changed.update(done.slot, done.to_slot)
        self.lots.changed.discard(NO_SLOT)
        return done

    def _note(self, row: int, name: str, slot: int, other: int, change: int, effective_us: int) -> None:
        if name in self.wanted:
            self.place_in_done[name] = len(self.done)
        self.done.append((row, slot, other, change, effective_us))

    def _lot_of(self, row: int, kind: int, said: _Said) -> int:
        """The slot of the lot that a row names, opened by a receipt when it is new."""
        batch = self.batch
        slot = self.lots.slot_of.get(said[:2])
        if slot is None:
            if kind != MovementKind.RECEIPT:
                raise _NotBookable(
                    RejectionReason.UNKNOWN_LOT, f"lot: got {_named(said)}, want a lot that came in before"
                )
            slot = self.lots.add(0, said[:2], said[2], said[3], batch.grade[row], batch.bin[row], 0)
        self._check_match(slot, said[2], said[3])
        self.found[said] = slot
        return slot

    def _other_lot(self, row: int, slot: int) -> int:
        """The slot of the lot that goods went to; transfers and splits open it with the good of the one they left."""
        batch, lots = self.batch, self.lots
        place = to_place(batch, row) or ("", "")
        other = lots.slot_of.get(place)
        if other is not None:
            self._check_match(other, lots.good[slot], lots.unit[slot])
            return other
        if batch.kind[row] == MovementKind.MERGE:
            raise _NotBookable(RejectionReason.UNKNOWN_LOT, f"to_lot: got {_named(place)}, want a lot that is there")
        grade = batch.grade[row] or lots.grade[slot]
        return lots.add(0, place, lots.good[slot], lots.unit[slot], grade, batch.to_bin[row], 0)

    def _check_match(self, slot: int, good: str, unit: str) -> None:
        lots = self.lots
        for name, said, held in (("good", good, lots.good[slot]), ("unit", unit, lots.unit[slot])):
            if said and said != held:
                place = _named((lots.warehouse[slot], lots.lot[slot]))
                raise _NotBookable(RejectionReason.LOT_MISMATCH, f"{name}: got {said!r}, want {held!r} of {place}")

    def _balance(self, slot: int, change: int) -> int:
        """The quantity of a lot after a change."""
        lots = self.lots
        balance = lots.quantity[slot] + change
        if 0 <= balance <= QUANTITY_LIMIT_MILLIONTHS:
            return balance
        place = _named((lots.warehouse[slot], lots.lot[slot]))
        if balance < 0:
            there = f"{shown(lots.quantity[slot])} {lots.unit[slot]}"
            said = f"quantity: got {shown(-change)}, want at most the {there} of {place}"
            raise _NotBookable(RejectionReason.INSUFFICIENT_STOCK, said)
        said = f"quantity: got {shown(change)}, want at most {shown(QUANTITY_LIMIT_MILLIONTHS)} in {place}"
        raise _NotBookable(RejectionReason.INVALID_FIELD, said)

    def _is_known(self, row: int) -> bool:
        """Whether a repeated id comes with the content it was booked with."""
        name = self.batch.movement_id[row]
        if name in self.past:
            before = self.past[name].content
        elif name in self.place_in_done:
            before = content_of(self.batch, self.done[self.place_in_done[name]][0])
        else:
            return False
        if before != content_of(self.batch, row):
            raise _NotBookable(RejectionReason.ID_REUSED, f"movement_id: got {name!r}, want an id not used for another")
        return True

    def _correct(self, row: int) -> None:
        """Books the difference between what is right and what holds, on the lots of the movement restated."""
        batch, lots, name = self.batch, self.lots, self.batch.corrects[row]
        before = self._restated(name)
        if self.own is not None and before.place[0] not in self.own:
            raise _NotBookable(RejectionReason.FOREIGN_WAREHOUSE, f"warehouse: got {before.place[0]!r}, want one's own")
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
        batch = self.batch
        if before.kind in {MovementKind.QUALITY, MovementKind.CORRECTION}:
            kind = MovementKind(before.kind).name
            said = f"corrects: got a {kind}, want a movement of a quantity"
            raise _NotBookable(RejectionReason.INVALID_FIELD, said)
        if batch.quantity[row] < 0 and before.kind != MovementKind.ADJUSTMENT:
            said = f"quantity: got {shown(batch.quantity[row])}, want 0 or more"
            raise _NotBookable(RejectionReason.INVALID_FIELD, said)
        place = (batch.warehouse[row] or before.place[0], batch.lot[row] or before.place[1])
        if place != before.place:
            said = f"lot: got {_named(place)}, want {_named(before.place)} of the movement corrected"
            raise _NotBookable(RejectionReason.LOT_MISMATCH, said)

    def _restated(self, name: str) -> Known:
        """The movement to correct with the quantity that holds now, booked before or in this run."""
        if name in self.past:
            known = self.past[name]
        elif name in self.place_in_done:
            known = self._known_here(self.place_in_done[name])
        else:
            said = f"corrects: got {name!r}, want the id of a movement of this source that was booked"
            raise _NotBookable(RejectionReason.UNKNOWN_MOVEMENT, said)
        return replace(known, quantity=self.restated.get(name, known.quantity))

    def _known_here(self, place: int) -> Known:
        batch, (row, *_, effective_us) = self.batch, self.done[place]
        here = (batch.warehouse[row], batch.lot[row])
        return Known(
            content_of(batch, row),
            batch.kind[row],
            effective_us,
            here,
            to_place(batch, row),
            batch.quantity[row],
        )


def _repeated(ids: Sequence[str], past: Mapping[str, Known]) -> set[str]:
    """Ids that were booked before or that come more than once."""
    distinct = set(ids)
    again = {name for name in past if name in distinct}
    if len(distinct) < len(ids):
        again.update(name for name, count in Counter(ids).items() if count > 1)
    return again


def _named(place: Sequence[str]) -> str:
    return f"lot {place[1]} in warehouse {place[0]}"


def shown(millionths: int) -> str:
    """A quantity of millionths as plain digits."""
    return f"{Decimal(millionths).scaleb(-6).normalize():f}"
