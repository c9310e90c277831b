"""Issues from pledged lots use up authorisations; each issue beyond them is reported exactly once."""

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
    apply_pending,
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
    recorded_statements,
    register,
    request,
    stock,
    sync_stock,
)


def test_an_issue_within_its_authorisation_uses_it_up_without_a_finding(book):
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


def test_an_issue_beyond_its_authorisation_is_booked_with_a_finding(book):
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


def test_issues_of_one_lot_in_one_sync_are_one_finding_with_their_count(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    stock(book, 2, ("ISSUE", "lot-a", 5), ("RECEIPT", "lot-a", 1), ("ISSUE", "lot-a", 7), ("ISSUE", "lot-a", 9))
    (found,) = findings(book)

    evidence = found.finding.evidence
    assert (evidence["movements"], evidence["unauthorised"], evidence["authorised"]) == ("3", "21 t", "0 t")
    assert evidence["movement"] == "m-2-0 to m-2-3"
    assert evidence["date"] == "2022-01-01"


def test_a_total_beyond_64_bits_does_not_stop_the_sync_of_other_lots(book):
    goods(book)
    register(book, lot("lot-b", "100"))
    turns = [(kind, "lot-a", 9e11) for _ in range(12) for kind in ("RECEIPT", "ISSUE")]
    push(book, 1, ("RECEIPT", "lot-a", 100), *turns, ("RECEIPT", "lot-b", 40))
    sync_stock(book)

    (found,) = [row for row in findings(book) if row.finding.kind == FindingKind.UNAUTHORISED_ISSUE]
    assert found.finding.evidence["unauthorised"] == "10800000000000 t"
    with book.read() as connection:
        assert get_asset(connection, "lot-b").asset.detail.quantity == 40


def test_several_issues_beyond_an_authorisation_are_one_finding(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    request(book, "10")
    stock(book, 2, ("ISSUE", "lot-a", 8), ("ISSUE", "lot-a", 7), ("ISSUE", "lot-a", 9))
    (found,) = findings(book)

    evidence = found.finding.evidence
    assert (evidence["movements"], evidence["left"], evidence["unauthorised"]) == ("2", "16 t", "14 t")
    assert evidence["movement"] == "m-2-1 to m-2-2"


def test_issues_beyond_the_limit_of_one_commit_use_the_authorisation_in_the_next(book, monkeypatch):
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


def test_an_issue_in_tonnes_uses_up_an_authorisation_in_kilograms(book):
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


def test_an_issue_is_processed_once(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book)
    stock(book, 2, ("ISSUE", "lot-a", 5))
    stock(book, 3, ("RECEIPT", "lot-a", 5))

    assert len(findings(book)) == 1


def test_an_issue_committed_during_a_sync_is_processed_in_the_next_one(postgres_url):
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
    apply_pending(book)
    apply_pending(book)

    reported = [row.finding.evidence for row in findings(book) if row.finding.kind == FindingKind.UNAUTHORISED_ISSUE]
    assert sorted(evidence["unauthorised"] for evidence in reported) == ["5 t", "7 t"]
    book.close()
    partner.close()


def test_an_authorised_issue_reduces_the_declared_quantity(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    register(book, lot("lot-a", "100", receipt_number="QD-1005"))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a")
    request(book, "20")
    stock(book, 2, ("ISSUE", "lot-a", 20))

    assert findings(book) == []
    assert cover(book, "bank-0")["market_minor"] == 800_000_00


def test_new_issues_of_a_lot_are_found_without_reading_its_history(sqlite_url):
    database = opened(sqlite_url)
    executed = recorded_statements(database, "AS earliest_us")
    goods(database)
    stock(database, 1, ("RECEIPT", "lot-a", 100))
    stock(database, 2, ("ISSUE", "lot-a", 10))
    plans = plans_of(database, executed)
    database.close()

    assert plans
    assert all("stock_movement_left (lot_key=? AND movement_key>?)" in plan for plan in plans)
