"""Booking, for each kind of movement, and compared with a simple reference model in dictionaries."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st

from collateral_registry.domain.stock.movement_booking import Known, Lots, book, content_of, to_place
from collateral_registry.domain.stock.movements import Movements, RejectionReason, problems_of

NOW_US = 1_700_000_000_000_000
KINDS = {
    name: number + 1
    for number, name in enumerate(
        ["RECEIPT", "ISSUE", "TRANSFER", "ADJUSTMENT", "QUALITY", "SPLIT", "MERGE", "CORRECTION"]
    )
}
COLUMNS = tuple(Movements.__dataclass_fields__)
EMPTY = dict.fromkeys(COLUMNS, "") | {"kind": 0, "effective_us": NOW_US, "quantity": 0}


def movement(movement_id, kind, quantity=0, warehouse="W-1", lot="L-1", **fields):
    """Returns a movement; receipts state their good and unit."""
    good = {"good": "copper", "unit": "t"} if kind == "RECEIPT" else {}
    place = {} if kind == "CORRECTION" else {"warehouse": warehouse, "lot": lot}
    return EMPTY | {"movement_id": movement_id, "kind": KINDS[kind], "quantity": quantity, **place, **good, **fields}


class Book:
    """The code under test, batch by batch, with earlier movements kept as the store keeps them."""

    def __init__(self):
        self.lots, self.past = Lots(), {}

    def take(self, *rows):
        """Books a batch and returns the outcome of each row."""
        batch = Movements(**{name: [row[name] for row in rows] for name in COLUMNS})
        booked = book(batch, problems_of(batch, None, NOW_US), self.lots, dict(self.past))
        self._remember(batch, booked)
        outcome = dict.fromkeys(booked.row, "booked") | dict.fromkeys(booked.known, "known")
        return [outcome.get(row) or booked.problems[row].reason.name for row in range(len(batch))]

    def _remember(self, batch, booked):
        for at, row in enumerate(booked.row):
            place = (self.lots.warehouse[booked.slot[at]], self.lots.lot[booked.slot[at]])
            name, kind, quantity = batch.movement_id[row], batch.kind[row], batch.quantity[row]
            if kind == KINDS["CORRECTION"]:
                corrected = batch.corrects[row]
                self.past[corrected] = replace(self.past[corrected], quantity=quantity)
            known = Known(content_of(batch, row), kind, booked.effective_us[at], place, to_place(batch, row), quantity)
            self.past[name] = known

    @property
    def quantities(self):
        """Quantity by warehouse and lot."""
        return dict(zip(self.lots.slot_of, self.lots.quantity, strict=True))


def test_a_receipt_opens_a_lot_and_an_issue_takes_from_it():
    found = Book()

    assert found.take(movement("1", "RECEIPT", 10), movement("2", "ISSUE", 4), movement("3", "ISSUE", 7)) == [
        "booked",
        "booked",
        "INSUFFICIENT_STOCK",
    ]
    assert found.quantities == {("W-1", "L-1"): 6}


def test_a_transfer_moves_to_a_lot_of_another_warehouse_and_opens_it_with_the_good():
    found = Book()
    found.take(movement("1", "RECEIPT", 10, grade="A"), movement("2", "TRANSFER", 4, to_warehouse="W-2"))

    assert found.quantities == {("W-1", "L-1"): 6, ("W-2", "L-1"): 4}
    assert (found.lots.good[1], found.lots.unit[1], found.lots.grade[1]) == ("copper", "t", "A")


def test_an_adjustment_changes_the_quantity_both_ways_and_never_below_zero():
    found = Book()
    done = found.take(movement("1", "RECEIPT", 10), movement("2", "ADJUSTMENT", -3), movement("3", "ADJUSTMENT", -8))

    assert done == ["booked", "booked", "INSUFFICIENT_STOCK"]
    assert found.quantities == {("W-1", "L-1"): 7}


def test_a_quality_change_moves_nothing_and_sets_the_grade():
    found = Book()
    found.take(movement("1", "RECEIPT", 10, grade="A"), movement("2", "QUALITY", grade="B"))

    assert found.quantities == {("W-1", "L-1"): 10}
    assert found.lots.grade == ["B"]


def test_a_split_opens_a_lot_and_a_merge_needs_one():
    found = Book()
    done = found.take(
        movement("1", "RECEIPT", 10),
        movement("2", "SPLIT", 4, to_lot="L-2"),
        movement("3", "MERGE", 1, lot="L-2", to_lot="L-1"),
        movement("4", "MERGE", 1, lot="L-2", to_lot="L-3"),
    )

    assert done == ["booked", "booked", "booked", "UNKNOWN_LOT"]
    assert found.quantities == {("W-1", "L-1"): 7, ("W-1", "L-2"): 3}


def test_a_correction_restates_both_legs_and_zero_takes_the_movement_back():
    found = Book()
    found.take(movement("1", "RECEIPT", 10), movement("2", "TRANSFER", 4, to_warehouse="W-2"))
    found.take(movement("3", "CORRECTION", 6, corrects="2"))
    restated = found.quantities
    found.take(movement("4", "CORRECTION", 0, corrects="2"))

    assert restated == {("W-1", "L-1"): 4, ("W-2", "L-1"): 6}
    assert found.quantities == {("W-1", "L-1"): 10, ("W-2", "L-1"): 0}


def test_a_correction_of_a_correction_or_of_nothing_is_rejected():
    found = Book()
    found.take(movement("1", "RECEIPT", 10), movement("2", "CORRECTION", 9, corrects="1"))

    assert found.take(movement("3", "CORRECTION", 8, corrects="2"), movement("4", "CORRECTION", 8, corrects="0")) == [
        "INVALID_FIELD",
        "UNKNOWN_MOVEMENT",
    ]


def test_a_lot_keeps_its_good_and_unit():
    found = Book()

    assert found.take(
        movement("1", "RECEIPT", 10), movement("2", "RECEIPT", 1, good="zinc"), movement("3", "ISSUE", 1, unit="kg")
    ) == ["booked", "LOT_MISMATCH", "LOT_MISMATCH"]


def test_a_future_time_is_rejected_and_one_long_ago_is_not():
    found = Book()

    assert found.take(
        movement("1", "RECEIPT", 10, effective_us=NOW_US + 3_600_000_000), movement("2", "RECEIPT", 10, effective_us=1)
    ) == ["FUTURE_TIME", "booked"]


IDS = st.integers(0, 25).map(str)
QUANTITIES = st.integers(-2, 12)
PLACES = st.sampled_from(["W-1", "W-2"]), st.sampled_from(["L-1", "L-2", "L-3"])


@st.composite
def drawn(draw):
    """Draws a movement of any kind, valid or invalid."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    warehouse, lot = draw(PLACES[0]), draw(PLACES[1])
    fields = {}
    if kind == "TRANSFER":
        fields = {"to_warehouse": draw(PLACES[0]), "to_lot": draw(PLACES[1])}
    elif kind in {"SPLIT", "MERGE"}:
        fields = {"to_lot": draw(PLACES[1])}
    elif kind == "QUALITY":
        fields = {"grade": draw(st.sampled_from(["", "A", "B"]))}
    elif kind == "CORRECTION":
        fields = {"corrects": draw(IDS)}
    return movement(draw(IDS), kind, draw(QUANTITIES), warehouse, lot, **fields)


class Plain:
    """The reference model: books one movement at a time in dictionaries."""

    def __init__(self):
        self.lots, self.booked, self.holds = {}, {}, {}

    def take(self, row):
        """Returns whether the row is booked, known or rejected."""
        name = row["movement_id"]
        if not self._well_formed(row):
            return "rejected"
        if name in self.booked:
            return "known" if self.booked[name] == row else "rejected"
        changes = self._changes(row)
        after = {place: self.lots.get(place, 0) + change for place, change in changes.items()}
        if changes == {} or any(left < 0 for left in after.values()):
            return "rejected"
        self.lots |= after
        self.booked[name] = row
        self.holds[row["corrects"] or name] = row["quantity"]
        return "booked"

    def _well_formed(self, row):
        kind, quantity = row["kind"], row["quantity"]
        if kind == KINDS["QUALITY"]:
            return quantity == 0 and bool(row["grade"])
        if kind == KINDS["ADJUSTMENT"]:
            return quantity != 0
        if kind == KINDS["CORRECTION"]:
            return True
        there = (row["to_warehouse"] or row["warehouse"], row["to_lot"] or row["lot"])
        if kind == KINDS["TRANSFER"] and row["to_warehouse"] == row["warehouse"]:
            return False
        if kind in {KINDS["SPLIT"], KINDS["MERGE"]} and there == (row["warehouse"], row["lot"]):
            return False
        return quantity > 0

    def _changes(self, row):
        """Returns the changes by lot; empty if the movement is impossible."""
        kind, quantity = row["kind"], row["quantity"]
        if kind == KINDS["CORRECTION"]:
            return self._correction(row)
        here = (row["warehouse"], row["lot"])
        if kind == KINDS["RECEIPT"]:
            return {here: quantity}
        if here not in self.lots:
            return {}
        if kind in {KINDS["TRANSFER"], KINDS["SPLIT"], KINDS["MERGE"]}:
            there = (row["to_warehouse"] or here[0], row["to_lot"] or here[1])
            if kind == KINDS["MERGE"] and there not in self.lots:
                return {}
            return {here: -quantity, there: quantity}
        return {here: {"ISSUE": -quantity, "ADJUSTMENT": quantity, "QUALITY": 0}[_name(kind)]}

    def _correction(self, row):
        before = self.booked.get(row["corrects"])
        if before is None or _name(before["kind"]) in {"QUALITY", "CORRECTION"}:
            return {}
        if row["quantity"] < 0 and _name(before["kind"]) != "ADJUSTMENT":
            return {}
        scale = row["quantity"] - self.holds[row["corrects"]]
        here = (before["warehouse"], before["lot"])
        there = (before["to_warehouse"] or here[0], before["to_lot"] or here[1])
        kind = _name(before["kind"])
        if kind in {"TRANSFER", "SPLIT", "MERGE"}:
            return {here: -scale, there: scale}
        return {here: -scale if kind == "ISSUE" else scale}


def _name(kind):
    return next(name for name, number in KINDS.items() if number == kind)


@given(st.lists(st.lists(drawn(), min_size=1, max_size=8), min_size=1, max_size=12))
@settings(max_examples=400, deadline=None)
def test_any_movements_in_any_batches_have_the_outcome_of_the_reference_model(batches):
    found, plain = Book(), Plain()
    for rows in batches:
        outcomes = [one if one in {"booked", "known"} else "rejected" for one in found.take(*rows)]
        assert outcomes == [plain.take(row) for row in rows]
        assert {place: left for place, left in found.quantities.items() if left or place in plain.lots} == plain.lots


@given(st.lists(drawn(), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_the_division_into_batches_does_not_matter(rows):
    whole, single = Book(), Book()

    assert whole.take(*rows) == [outcome for row in rows for outcome in single.take(row)]
    assert whole.quantities == single.quantities


def test_every_reason_has_a_name_on_the_wire():
    from collateral_registry.v1 import stock_pb2

    wire = {name.removeprefix("REJECTION_REASON_") for name in stock_pb2.RejectionReason.keys()[1:]}
    assert wire == {reason.name for reason in RejectionReason}
