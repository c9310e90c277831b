"""A movement that is reported late ends in the same state as one that is reported on time, whatever was counted."""

import shutil
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from sqlalchemy import text

from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.stock.counts import reconcile
from collateral_registry.commands.stock.resolve_finding import resolve
from collateral_registry.commands.stock.stock_intake import book_batches
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.findings.kinds import FindingKind, FindingState
from collateral_registry.domain.stock.counts import CountLine, CountMethod, StockCount
from collateral_registry.domain.stock.movements import MovementKind, Movements
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.database import Database
from collateral_registry.store.stock.ledger import list_lots
from collateral_registry.store.stock.warehouse_scores import record_of
from tests.support.books import CLOCK, do
from tests.support.counting import WAREHOUSE, count, findings, lent_on, push, quantity
from tests.support.small_book import FIRST_US, HOUR_US, lot, opened, register, sync_stock

OTHER = "Ningbo"
OWN = "stockFeeds/dagang"


def reserve(database, name, warehouse=WAREHOUSE):
    """Returns the reserved tonnes of a lot."""
    with database.read() as connection:
        found = {(one.warehouse, one.lot): one.reserved for one in list_lots(connection, EVERYTHING, 0, 100)}
    return found[warehouse, name] / 1_000_000


@pytest.fixture
def book(built_book):
    """100 t of aluminium in lot a, reported by the warehouse five hours ago and pledged for 500,000 dollars."""
    return built_book(reported_and_pledged)


def reported_and_pledged(url):
    database = lent_on(url)
    push(database, 1, ("RECEIPT", "a", 100, 5))
    return database


def test_a_late_issue_explains_the_shortage_of_an_earlier_count(book):
    count(book, ("a", 60), hours=2)
    push(book, 2, ("ISSUE", "a", 40, 3))

    assert (quantity(book, "a"), reserve(book, "a")) == (60, 0)
    (short,) = [row for row in findings(book) if row.finding.kind == FindingKind.COUNT_BELOW_BOOK]
    assert short.state == FindingState.RESOLVED


def test_a_late_receipt_does_not_raise_the_counted_quantity(book):
    count(book, ("a", 60), hours=2)
    push(book, 2, ("RECEIPT", "a", 56, 3))

    assert (quantity(book, "a"), reserve(book, "a")) == (60, 96)


def test_a_late_receipt_before_a_count_that_agreed_is_a_shortage(book):
    count(book, ("a", 100), hours=2)
    push(book, 2, ("RECEIPT", "a", 56, 3))

    assert quantity(book, "a") == 100
    assert [row.finding.kind for row in findings(book)] == [FindingKind.COUNT_BELOW_BOOK]


def test_an_issue_after_the_count_still_reduces_the_counted_quantity(book):
    count(book, ("a", 60), hours=2)
    push(book, 2, ("ISSUE", "a", 40, 1))

    assert quantity(book, "a") == 20


def test_a_lot_that_no_asset_refers_to_is_compared_again_too(book):
    push(book, 2, ("RECEIPT", "free", 100, 5))
    count(book, ("free", 60), hours=2)
    push(book, 3, ("ISSUE", "free", 40, 3))

    assert reserve(book, "free") == 0


def test_a_lot_reported_after_a_complete_count_omitted_it_is_reserved(book):
    count(book, ("a", 100), hours=2, complete=True)
    push(book, 2, ("RECEIPT", "late", 50, 3))

    assert reserve(book, "late") == 50


def test_a_late_movement_corrects_the_record_of_its_warehouse(book):
    count(book, ("a", 60), hours=2)
    with book.read() as connection:
        before = record_of(connection, WAREHOUSE, 0).shrinkage_rate
    push(book, 2, ("ISSUE", "a", 40, 3))
    with book.read() as connection:
        after = record_of(connection, WAREHOUSE, 0).shrinkage_rate

    assert (before, after) == (pytest.approx(0.4), 0)


def test_a_shortage_explained_by_hand_stays_explained_and_covers_nothing_more(book):
    count(book, ("a", 60), hours=2)
    do(book, lambda write: resolve(write, findings(book)[0].key, "40 t are in the yard"))
    sync_stock(book)
    explained = quantity(book, "a")
    push(book, 2, ("RECEIPT", "a", 56, 3))

    assert (explained, quantity(book, "a"), reserve(book, "a")) == (100, 100, 56)


def test_a_late_receipt_defines_the_unit_of_a_lot_that_was_only_counted(book):
    count(book, ("late", 60_000), hours=2, unit="kg")
    push(book, 2, ("RECEIPT", "late", 100, 3))

    assert reserve(book, "late") == 40


@dataclass(frozen=True)
class Move:
    """A movement; ``corrects`` is the number of the movement that a correction restates."""

    kind: str
    place: tuple[str, str]
    tonnes: int
    to_place: tuple[str, str] = ("", "")
    corrects: int = -1


@dataclass(frozen=True)
class Count:
    """A count of lots of one warehouse by the lender or by the warehouse itself."""

    warehouse: str
    lines: dict[str, int]
    own: bool
    complete: bool
    good: str = "aluminium"


PLACES = [(WAREHOUSE, "a"), (WAREHOUSE, "b"), (OTHER, "c")]
OPENING = [Move("RECEIPT", place, 100) for place in PLACES]


@st.composite
def moves(draw):
    """Draws a movement of a lot."""
    kind = draw(st.sampled_from(["RECEIPT", "ISSUE", "ADJUSTMENT", "TRANSFER", "SPLIT", "CORRECTION"]))
    place, tonnes = draw(st.sampled_from(PLACES)), draw(st.integers(1, 40))
    if kind == "TRANSFER":
        return Move(kind, place, tonnes, (OTHER if place[0] == WAREHOUSE else WAREHOUSE, draw(st.sampled_from("abcd"))))
    if kind == "SPLIT":
        return Move(kind, place, tonnes, ("", draw(st.sampled_from([name for name in "abcd" if name != place[1]]))))
    if kind == "CORRECTION":
        return Move(kind, ("", ""), draw(st.integers(60, 120)), corrects=draw(st.integers(0, len(PLACES) - 1)))
    return Move(kind, place, tonnes - 20 or 1 if kind == "ADJUSTMENT" else tonnes)


COUNTS = st.builds(
    Count,
    st.sampled_from([WAREHOUSE, OTHER]),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 150), min_size=1, max_size=2),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["aluminium", "aluminium", "aluminium", "zinc"]),
)
HISTORIES = st.lists(st.tuples(st.one_of(moves(), COUNTS), st.booleans()), min_size=2, max_size=8)
"""Movements and counts in the order in which they happened, each with whether it is reported late."""


LINES = """
SELECT l.warehouse, l.lot, c.counted_us, c.by_lender, c.counted, c.book, c.tolerance
FROM stock_count c JOIN stock_lot l ON l.lot_key = c.lot_key ORDER BY 1, 2, 3, 4
"""


@dataclass
class Reporter:
    """Reports a history to a book; an entry happens one hour after the one before."""

    database: Database
    rejected: list[object] = field(default_factory=list)

    def report(self, at, entry):
        happened_us = FIRST_US - (100 - at) * HOUR_US
        if isinstance(entry, Move):
            self._push(at, entry, happened_us)
        else:
            lines = [CountLine(name, entry.good, "t", tonnes * 1_000_000) for name, tonnes in entry.lines.items()]
            one = StockCount(entry.warehouse, CountMethod.PHYSICAL_COUNT, happened_us, lines, entry.complete)
            do(self.database, lambda write: reconcile(write, one), OWN if entry.own else "lender")

    def _push(self, at, move, happened_us):
        row = {
            "movement_id": f"m-{at}", "kind": int(MovementKind[move.kind]), "effective_us": happened_us,
            "warehouse": move.place[0], "lot": move.place[1], "quantity": move.tonnes * 1_000_000,
            "good": "aluminium" if move.kind == "RECEIPT" else "", "unit": "t" if move.kind == "RECEIPT" else "",
            "to_warehouse": move.to_place[0], "to_lot": move.to_place[1],
            "corrects": "" if move.corrects < 0 else f"m-{move.corrects}",
        }  # fmt: skip
        row |= dict.fromkeys(("bin", "to_bin", "grade", "document"), "")
        batch = Batch("dagang", CALL, CALL, f"h-{at}", Movements(**{name: [value] for name, value in row.items()}))
        (result,) = book_batches(self.database, [batch])
        self.rejected += result.rejected

    def state(self):
        """Returns lots, reserves, counts, open findings, the assets' quantities and the warehouses' records."""
        sync_stock(self.database)
        with self.database.read() as connection:
            lots = {
                (one.warehouse, one.lot): (one.good, one.unit, one.quantity, one.reserved)
                for one in list_lots(connection, EVERYTHING, 0, 99)
            }
            lines = connection.execute(text(LINES)).all()
            records = [record_of(connection, name, 0) for name in (WAREHOUSE, OTHER)]
            held = {name: get_asset(connection, name).asset.detail.quantity for name in "abc"}
        opened_now = {
            (one.finding.kind.name, one.finding.warehouse, one.lot)
            for one in findings(self.database)
            if one.state == FindingState.OPEN and one.finding.kind.value <= FindingKind.LOT_MISMATCH
        }
        shrinkage = [(one.count_lines, round(one.shrinkage_rate, 9)) for one in records]
        return {"lots": lots, "lines": [*map(tuple, lines)], "open": opened_now, "held": held, "record": shrinkage}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The file of a book with assets a and b in one warehouse and c in another."""
    file = tmp_path_factory.mktemp("template") / "book.db"
    database = opened(f"sqlite:///{file}")
    for warehouse, name in PLACES:
        register(database, lot(name, warehouse=warehouse))
    database.close()
    return file


def reported(template, folder, history):
    """Reports a history to a copy of the template, and returns the reporter with its database open."""
    folder.mkdir(exist_ok=True)
    for file in template.parent.iterdir():
        shutil.copy(file, folder)
    reporter = Reporter(Database(f"sqlite:///{folder / template.name}", lambda: CLOCK))
    for at, entry, *synced in history:
        reporter.report(at, entry)
        if synced and synced[0]:
            sync_stock(reporter.database)
    return reporter


@pytest.mark.long
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(HISTORIES, st.booleans())
def test_a_late_movement_and_its_twin_on_time_end_in_the_same_state(template, tmp_path, history, syncs):
    entries = [*enumerate([*OPENING, *(entry for entry, _ in history)])]
    is_late = [False] * len(OPENING) + [late and isinstance(entry, Move) for entry, late in history]
    assume(any(is_late) and any(isinstance(entry, Count) for _, entry in entries))
    # A correction has no time of its own: of two of one movement, the one that is reported later holds.
    corrected = [entry.corrects for entry, _ in history if isinstance(entry, Move) and entry.kind == "CORRECTION"]
    assume(len(set(corrected)) == len(corrected))
    late = [one for one in entries if is_late[one[0]]]
    in_time = [one for one in entries if not is_late[one[0]]]

    on_time, found = outcome(reported(template, tmp_path / "on-time", entries))
    assume(not on_time.rejected)
    delayed, other = outcome(reported(template, tmp_path / "late", [(*one, syncs) for one in [*in_time, *late]]))
    assume(not delayed.rejected)
    assert other == found


def outcome(reporter):
    """Returns the reporter, whose database is closed, and the state of the book."""
    state = reporter.state()
    reporter.database.close()
    return reporter, state
