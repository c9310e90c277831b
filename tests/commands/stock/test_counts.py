"""Counts that differ from the book open findings and reserve the shortage; the smaller quantity counts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from collateral_registry.commands.stock.counts import UndecidedReason
from collateral_registry.commands.stock.resolve_finding import resolve
from collateral_registry.commands.valuations.value import quote_asset, value_assets
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.findings.kinds import FindingKind, FindingState, Severity
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.stock.counts import CountLine, CountMethod, StockCount, compare
from collateral_registry.domain.stock.warehouse_score import Record, ReliabilityRules, reliability
from collateral_registry.store.stock.claims_by_place import Available, reported_stock_at
from collateral_registry.store.stock.counts import list_counts
from collateral_registry.store.stock.warehouse_scores import haircut_of_warehouse
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, do
from tests.support.counting import WAREHOUSE, count, events_of, findings, lent_on, push, quantity
from tests.support.small_book import lend_on, lot, move_to, pledge, register
from valuation.errors import InvalidInput

RULES = ReliabilityRules(shrinkage_multiple=2.0, lateness_weight=0.02, haircut_limit=0.25)


@pytest.fixture
def book(built_book):
    """100 t of aluminium in lot a, reported by the warehouse three hours ago and pledged for 500,000 dollars."""
    return built_book(reported_and_pledged)


def reported_and_pledged(url):
    database = lent_on(url)
    push(database, 1, ("RECEIPT", "a", 100, 3))
    return database


def test_a_count_within_the_tolerance_is_recorded_and_nothing_else(book):
    found = count(book, ("a", 99.6))

    assert (found.agreed, found.differences) == (1, [])
    assert findings(book) == []
    assert quantity(book, "a") == 100
    with book.read() as connection:
        (kept,) = list_counts(connection, WAREHOUSE, EVERYTHING, 2**62, 10)
    assert (kept.counted, kept.book, kept.tolerance) == (99_600_000, 100_000_000, 500_000)


def test_a_count_below_the_book_is_a_finding_a_reserve_and_an_event_at_the_loan(book):
    found = count(book, ("a", 80))

    (difference,) = found.differences
    (finding,) = findings(book)
    (event,) = events_of(book, "loan-1", EventKind.FINDING_OPENED)
    assert difference.reserve == 20_000_000
    assert quantity(book, "a") == 80
    assert (finding.finding.kind, finding.finding.severity) == (FindingKind.COUNT_BELOW_BOOK, Severity.CRITICAL)
    assert finding.finding.evidence["counted"] == "80 t"
    assert finding.finding.evidence["book_as_of_count"] == "100 t"
    assert event["note"] == f"findings/{finding.key}: {finding.finding.summary}"


def test_a_count_above_the_book_is_a_finding_and_raises_nothing(book):
    found = count(book, ("a", 130))

    assert found.differences[0].reserve == 0
    assert quantity(book, "a") == 100
    assert findings(book)[0].finding.kind == FindingKind.COUNT_ABOVE_BOOK


def test_a_count_is_compared_with_the_book_as_of_its_time(book):
    """30 t left after the count, and 10 t left before it but are reported later."""
    push(book, 2, ("ISSUE", "a", 30, 1), ("ISSUE", "a", 10, 2.5))

    agreed = count(book, ("a", 90), hours=2)
    differs = count(book, ("a", 60), hours=2)

    assert agreed.agreed == 1
    assert differs.differences[0].book == 90_000_000
    assert quantity(book, "a") == 60 - 30


def test_a_later_count_that_agrees_closes_the_finding_and_lifts_the_reserve(book):
    count(book, ("a", 80))
    count(book, ("a", 100))

    assert quantity(book, "a") == 100
    assert findings(book)[0].state == FindingState.RESOLVED
    assert len(events_of(book, "loan-1", EventKind.FINDING_RESOLVED)) == 1


def test_a_second_short_count_moves_the_reserve_and_opens_no_second_finding(book):
    count(book, ("a", 80))
    count(book, ("a", 70))

    assert quantity(book, "a") == 70
    assert [row.state for row in findings(book)] == [FindingState.OPEN]


OWN = "stockFeeds/dagang"
"""Actor of counts that the warehouse reports itself."""


def test_a_count_by_the_warehouse_does_not_lift_a_reserve_of_the_lender(book):
    count(book, ("a", 60), hours=2)
    count(book, ("a", 100), hours=1, actor=OWN)

    assert quantity(book, "a") == 60
    assert [row.state for row in findings(book)] == [FindingState.OPEN]


def test_a_lower_count_by_the_warehouse_prevails_until_the_lender_counts_again(book):
    count(book, ("a", 60), hours=3)
    count(book, ("a", 50), hours=2, actor=OWN)
    less = quantity(book, "a")
    count(book, ("a", 100), hours=1, actor=OWN)
    still = quantity(book, "a")
    count(book, ("a", 100))

    assert (less, still, quantity(book, "a")) == (50, 50, 100)


def test_a_count_by_the_warehouse_lifts_its_own_reserve(book):
    count(book, ("a", 60), hours=2, actor=OWN)
    count(book, ("a", 100), hours=1, actor=OWN)

    assert quantity(book, "a") == 100
    assert [row.state for row in findings(book)] == [FindingState.RESOLVED]


@pytest.mark.parametrize("actor", ["test", OWN])
def test_a_late_count_changes_nothing_that_a_later_count_has_decided(book, actor):
    count(book, ("a", 60), hours=1)
    late = count(book, ("a", 100), hours=2, actor=actor)

    assert (late.agreed, late.differences) == (1, [])
    assert quantity(book, "a") == 60
    assert [row.state for row in findings(book)] == [FindingState.OPEN]


def test_a_late_count_by_the_lender_prevails_over_a_later_one_by_the_warehouse(book):
    count(book, ("a", 100), hours=1, actor=OWN)
    count(book, ("a", 60), hours=2)

    assert quantity(book, "a") == 60


def test_a_finding_resolved_by_hand_lets_the_lot_count_again(book):
    count(book, ("a", 80), hours=1)
    do(book, lambda write: resolve(write, findings(book)[0].key, "weighed again in our presence"))
    push(book, 2, ("RECEIPT", "a", 1, 0))

    assert quantity(book, "a") == 101


def test_a_complete_list_counts_omitted_lots_as_zero(book):
    push(book, 2, ("RECEIPT", "b", 5, 3))
    found = count(book, ("a", 100), complete=True)

    assert (found.agreed, [one.lot for one in found.differences]) == (1, ["b"])
    assert found.differences[0].reserve == 5_000_000


def test_a_counted_lot_that_no_feed_reports_is_a_finding_and_is_not_available(book):
    found = count(book, ("ghost", 40))

    place = ("qingdaodagang", "aluminium")
    assert (found.differences[0].book, found.differences[0].reserve) == (0, 0)
    with book.read() as connection:
        reported = reported_stock_at(connection, [place])[place]

    assert reported.available == [Available(100_000_000, "t", "feed")]


def test_another_good_in_the_lot_reserves_all_of_it(book):
    found = count(book, ("a", 100), good="zinc")

    assert findings(book)[0].finding.kind == FindingKind.LOT_MISMATCH
    assert findings(book)[0].finding.evidence["good_counted"] == "zinc"
    assert found.differences[0].reserve == 100_000_000
    assert quantity(book, "a") == 0


def test_a_count_in_another_unit_is_converted(book):
    assert count(book, ("a", 100_000), unit="kg").agreed == 1


def test_a_count_in_a_unit_that_does_not_convert_decides_nothing_and_says_why(book):
    push(book, 2, ("RECEIPT", "b", 5, 3))
    count(book, ("a", 80), hours=2)
    found = count(book, ("a", 700), ("b", 5), unit="bbl", hours=1)

    assert [(one.lot, one.reason) for one in found.undecided] == [
        ("a", UndecidedReason.UNIT_NOT_CONVERTIBLE),
        ("b", UndecidedReason.UNIT_NOT_CONVERTIBLE),
    ]
    assert found.undecided[0].description == "unit: got 'bbl', want a unit that converts to 't' of lot a"
    assert quantity(book, "a") == 80
    opened_now = [row.finding for row in findings(book) if row.finding.kind == FindingKind.COUNT_NOT_COMPARED]
    assert [finding.evidence["counted"] for finding in opened_now] == ["5 bbl", "700 bbl"]


def test_a_count_that_can_be_compared_closes_the_finding_of_one_that_could_not(book):
    count(book, ("a", 700), unit="bbl", hours=1)
    count(book, ("a", 100))

    assert [row.state for row in findings(book)] == [FindingState.RESOLVED]


def test_a_count_that_a_later_one_overrules_says_so(book):
    count(book, ("a", 100), hours=1)
    late = count(book, ("a", 60), hours=2)

    assert [(one.lot, one.reason) for one in late.undecided] == [("a", UndecidedReason.SUPERSEDED)]


def test_a_count_in_a_warehouse_without_a_feed_says_that_there_is_no_book(book):
    found = count(book, ("far", 30), warehouse="Ningbo")

    assert (found.agreed, [one.reason for one in found.undecided]) == (1, [UndecidedReason.NOT_REPORTED])


def test_without_a_feed_the_last_count_is_the_available_stock(book):
    register(book, lot("far", warehouse="Ningbo", quantity="50"))
    lend_on(book, "loan-2")
    pledge(book, "loan-2", "far")
    count(book, ("far", 30), warehouse="Ningbo")

    with book.read() as connection:
        (valued,) = value_assets(connection, ["far"], "USD")
    assert valued.row["market_minor"] == 30 * 10_000 * 100
    assert [row.finding.kind for row in findings(book)] == [FindingKind.OVER_PLEDGED]


def test_another_spelling_of_a_warehouse_is_refused(book):
    with pytest.raises(InvalidInput, match="Qingdao Dagang"):
        count(book, ("a", 100), warehouse="QINGDAO DAGANG")


def test_a_count_in_the_future_is_refused(book):
    with pytest.raises(InvalidInput, match="not after now"):
        count(book, ("a", 100), hours=-1)


def test_a_lot_is_counted_once_in_a_count():
    line = CountLine("a", "aluminium", "t", 1)
    with pytest.raises(InvalidInput, match="each lot once"):
        StockCount("W-1", CountMethod.STOCK_LIST, 1, [line, line])


def test_lost_stock_reduces_the_value_of_the_warehouses_lots(book):
    register(book, lot("b", quantity="1"))
    with book.read() as connection:
        before = value_assets(connection, ["b"], "USD")[0].row["h_value"]
    count(book, ("a", 96))
    register(book, lot("c", quantity="1"))

    with book.read() as connection:
        added = haircut_of_warehouse(connection, WAREHOUSE)
        after = [valued.row["h_value"] for valued in value_assets(connection, ["b", "c"], "USD")]
        quoted = quote_asset(connection, lot("d", quantity="1"), "USD").row["h_value"]
    assert added == pytest.approx(2 * 0.04)
    assert [*after, quoted] == pytest.approx([1 - (1 - before) * (1 - added)] * 3)


def test_a_recorded_valuation_has_the_haircut_of_its_warehouse(book):
    count(book, ("a", 96))

    with book.read() as connection:
        row = value_assets(connection, ["a"], "USD")[0].row
        recorded = events_of(book, "loan-1", EventKind.FINDING_OPENED)
    assert row["h_value"] > 0.08
    assert len(recorded) == 1


@given(
    st.lists(st.tuples(st.integers(0, 10**18), st.integers(-(10**12), 10**18), st.booleans()), min_size=1, max_size=20),
    st.integers(0, 1_000_000),
)
def test_the_reserve_is_the_shortage_beyond_the_tolerance(rows, tolerance_ppm):
    counted, book, fed = (np.array(column) for column in zip(*rows, strict=True))
    compared = compare(counted, book, tolerance_ppm, fed)

    for row, (found, balance, has_book) in enumerate(rows):
        there = max(balance, 0)
        lacks = there - found
        beyond = bool(has_book) and lacks > there * tolerance_ppm // 1_000_000
        assert int(compared.reserve[row]) == (lacks if beyond else 0)
        assert bool(compared.short[row]) == beyond


SHARES = st.floats(0, 1)


@given(SHARES, SHARES, SHARES, SHARES)
def test_a_worse_record_never_lowers_the_haircut(shrinkage, more_shrinkage, late, more_late):
    one = Record(10, min(shrinkage, more_shrinkage), 1000, int(min(late, more_late) * 1000), 0)
    worse = Record(10, max(shrinkage, more_shrinkage), 1000, int(max(late, more_late) * 1000), 0)
    found, other = reliability(one, RULES), reliability(worse, RULES)

    assert 0 <= found.haircut <= other.haircut <= RULES.haircut_limit
    assert 0 <= other.score <= found.score <= 1


def test_a_warehouse_without_a_record_has_no_haircut_and_no_haircut_exceeds_the_limit():
    assert reliability(Record(0, 0.0, 0, 0, 0), RULES).haircut == 0
    assert reliability(Record(3, 0.9, 10, 10, 0), RULES).haircut == RULES.haircut_limit
    assert reliability(Record(3, 0.9, 10, 10, 0), replace(RULES, haircut_limit=0.0)).score == 1
    assert reliability(Record(4, 0.01, 100, 50, 0), RULES).haircut == pytest.approx(0.02 + 0.01)
    assert Decimal(str(reliability(Record(4, 0.00123, 1, 0, 0), RULES).haircut)) == Decimal("0.0025")


def test_late_reports_reduce_the_value_of_the_lots_without_any_count(book):
    push(book, 2, ("RECEIPT", "b", 1, 30 * 24), ("RECEIPT", "c", 1, 30 * 24))

    move_to(book, FIRST + timedelta(days=1))

    with book.read() as connection:
        added = haircut_of_warehouse(connection, WAREHOUSE)
        (before, after) = [row["h_value"] for row in list_valuations(connection, "a", EVERYTHING, (2**62, ""), 9)][
            ::-1
        ][-2:]
    assert added == pytest.approx(0.02 * 2 / 3, abs=1e-4)
    assert after == pytest.approx(1 - (1 - before) * (1 - added))


def test_a_count_older_than_the_window_has_no_effect(book):
    count(book, ("a", 96))

    move_to(book, FIRST + timedelta(days=800))

    with book.read() as connection:
        assert haircut_of_warehouse(connection, WAREHOUSE) == 0


def test_a_lot_with_another_spelling_of_the_warehouse_has_its_haircut(book):
    register(book, lot("before", quantity="1", warehouse="QINGDAO-DAGANG"))
    count(book, ("a", 96))
    register(book, lot("after", quantity="1", warehouse="qingdao dagang"))

    with book.read() as connection:
        found = [valued.row["h_value"] for valued in value_assets(connection, ["a", "before", "after"], "USD")]
    assert found[0] > 0.08
    assert found == pytest.approx([found[0]] * 3)


def test_a_warehouse_with_two_spellings_has_the_worse_of_its_records(book):
    push(book, 2, ("RECEIPT", "b", 1, 30 * 24), warehouse="QINGDAO-DAGANG")

    move_to(book, FIRST + timedelta(days=1))

    with book.read() as connection:
        assert haircut_of_warehouse(connection, WAREHOUSE) == pytest.approx(0.02)
