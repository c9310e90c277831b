"""What leaves a pledged lot is held against the authorisations; what has none is told, and nothing twice."""

from sqlalchemy import event

from collateral_registry.domain.findings.kinds import FindingKind
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.loans.pickups import PickupState
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.database import Database
from collateral_registry.store.loans.events import events_after
from collateral_registry.store.loans.pickups import get_pickup
from collateral_registry.store.stock import outgoing_movements
from tests.support.books import CLOCK
from tests.support.small_book import (
    asking,
    cover,
    findings,
    goods,
    lend_on,
    lot,
    opened,
    owe,
    plans_of,
    pledge,
    push,
    register,
    request,
    see,
    stock,
    sync_stock,
)


def test_an_issue_within_its_authorisation_uses_it_up_and_nothing_is_told(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    request(book, "20")
    stock(book, 2, ("ISSUE", "lot-a", 15))
    with book.read() as connection:
        first = get_pickup(connection, "bank-0", "u-1").pickup
    stock(book, 3, ("ISSUE", "lot-a", 5))
    with book.read() as connection:
        second = get_pickup(connection, "bank-0", "u-1").pickup

    assert (first.taken, first.state) == (15_000_000, PickupState.AUTHORISED)
    assert (second.taken, second.state) == (20_000_000, PickupState.TAKEN)
    assert findings(book) == []
    assert cover(book, "bank-0")["market_minor"] == 800_000_00


def test_an_issue_beyond_its_authorisation_is_booked_and_told(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    request(book, "20")
    stock(book, 2, ("ISSUE", "lot-a", 50))
    (found,) = findings(book)

    assert found.finding.kind == FindingKind.UNAUTHORISED_ISSUE
    assert found.finding.evidence["unauthorised"] == "30 t"
    assert found.finding.evidence["authorised"] == "20 t"
    assert found.finding.evidence["movement"] == "m-2-0"
    assert cover(book, "bank-0")["market_minor"] == 500_000_00
    with book.read() as connection:
        events = events_after(connection, 0, "bank-0", 100)
    assert EventKind.FINDING_OPENED in [row["kind"] for row in events]
    assert EventKind.OPENED in [row["kind"] for row in events]


def test_issues_of_one_lot_that_are_seen_together_are_one_finding_that_counts_them(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    stock(book, 2, ("ISSUE", "lot-a", 5), ("RECEIPT", "lot-a", 1), ("ISSUE", "lot-a", 7), ("ISSUE", "lot-a", 9))
    (found,) = findings(book)

    evidence = found.finding.evidence
    assert (evidence["movements"], evidence["unauthorised"], evidence["authorised"]) == ("3", "21 t", "0 t")
    assert evidence["movement"] == "m-2-0 to m-2-3"
    assert evidence["date"] == "2022-01-01"


def test_more_left_a_lot_than_sixty_four_bits_count_and_its_neighbour_is_taken_up_all_the_same(book):
    goods(book)
    register(book, lot("lot-b", "100"))
    turns = [(kind, "lot-a", 9e11) for _ in range(12) for kind in ("RECEIPT", "ISSUE")]
    push(book, 1, ("RECEIPT", "lot-a", 100), *turns, ("RECEIPT", "lot-b", 40))
    sync_stock(book)

    (found,) = [row for row in findings(book) if row.finding.kind == FindingKind.UNAUTHORISED_ISSUE]
    assert found.finding.evidence["unauthorised"] == "10800000000000 t"
    with book.read() as connection:
        assert get_asset(connection, "lot-b").asset.detail.quantity == 40


def test_issues_of_an_authorised_lot_that_exceed_it_are_one_finding_too(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    request(book, "10")
    stock(book, 2, ("ISSUE", "lot-a", 8), ("ISSUE", "lot-a", 7), ("ISSUE", "lot-a", 9))
    (found,) = findings(book)

    evidence = found.finding.evidence
    assert (evidence["movements"], evidence["left"], evidence["unauthorised"]) == ("2", "16 t", "14 t")
    assert evidence["movement"] == "m-2-1 to m-2-2"


def test_more_issues_than_one_commit_looks_at_are_held_against_the_authorisation_by_the_next(book, monkeypatch):
    monkeypatch.setattr(outgoing_movements, "ISSUES_LIMIT", 2)
    push(book, 1, ("RECEIPT", "lot-a", 100))
    sync_stock(book)
    goods(book)
    request(book, "20")
    push(book, 2, *(("ISSUE", "lot-a", tonnes) for tonnes in (1, 2, 3, 4, 5)))
    sync_stock(book)
    with book.read() as connection:
        taken = get_pickup(connection, "bank-0", "u-1").pickup.taken

    assert taken == 15_000_000
    assert findings(book) == []


def test_an_issue_told_in_tonnes_uses_up_an_authorisation_in_kilograms(book):
    push(book, 1, ("RECEIPT", "lot-a", 100))
    sync_stock(book)
    register(book, lot("lot-a", "100000", unit="kg"))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a")
    owe(book, "bank-0", 490_000)
    request(book, "20000")
    push(book, 2, ("ISSUE", "lot-a", 15.0005))
    sync_stock(book)
    with book.read() as connection:
        taken = get_pickup(connection, "bank-0", "u-1").pickup.taken
    push(book, 3, ("ISSUE", "lot-a", 6))
    sync_stock(book)
    (found,) = findings(book)

    assert taken == 15_000_500_000
    assert found.finding.evidence["unauthorised"] == "1.0005 t"


def test_an_issue_is_looked_at_once(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    stock(book, 2, ("ISSUE", "lot-a", 5))
    stock(book, 3, ("RECEIPT", "lot-a", 5))

    assert len(findings(book)) == 1


def test_an_issue_that_becomes_durable_while_others_are_looked_at_is_seen_the_next_time(postgres_url):
    """SQLite has one writer; on PostgreSQL every statement shows what was committed before it."""
    book, partner = opened(postgres_url), Database(postgres_url, lambda: CLOCK)
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    waiting = [3]

    def cut_in(_connection, _cursor, statement, *_):
        if "stock_movement" in statement and waiting:
            push(partner, waiting.pop(), ("ISSUE", "lot-a", 7))

    push(book, 2, ("ISSUE", "lot-a", 5))
    event.listen(book.engine, "after_cursor_execute", cut_in)
    see(book)
    see(book)

    told = [row.finding.evidence for row in findings(book) if row.finding.kind == FindingKind.UNAUTHORISED_ISSUE]
    assert sorted(evidence["unauthorised"] for evidence in told) == ["5 t", "7 t"]
    book.close()
    partner.close()


def test_an_authorised_issue_lowers_what_a_receipt_states(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    register(book, lot("lot-a", "100", receipt_number="QD-1005"))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a")
    request(book, "20")
    stock(book, 2, ("ISSUE", "lot-a", 20))

    assert findings(book) == []
    assert cover(book, "bank-0")["market_minor"] == 800_000_00


def test_what_left_a_lot_since_it_was_last_looked_at_is_found_without_reading_its_history(sqlite_url):
    database = opened(sqlite_url)
    asked = asking(database, "min(stock_movement.movement_key)")
    goods(database)
    stock(database, 1, ("RECEIPT", "lot-a", 100))
    stock(database, 2, ("ISSUE", "lot-a", 10))
    plans = plans_of(database, asked)
    database.close()

    assert plans
    assert all("stock_movement_left (lot_key=? AND movement_key>?)" in plan for plan in plans)
