"""A review of a pool opens findings about its ledger once, and releases nothing."""

import numpy as np
import pytest

from collateral_registry.commands.assignments.agreement import check_ledger, record_closing
from collateral_registry.commands.assignments.pool_reviews import next_review, record_review
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.pipeline.findings import resolve_finding
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.findings.kinds import FindingState
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.assignments.agreement import unreconciled_of
from collateral_registry.store.engine.commits import newest_commit
from tests.support.books import FIRST
from tests.support.ledgers import entry, from_account
from tests.support.pool_books import DAY, PoolBook, invoice
from tests.support.small_book import findings

COPIES = 12


@pytest.fixture
def book(database_url):
    found = PoolBook(database_url)
    yield found
    found.database.close()


def review(book):
    """Reviews all pools until nothing is new; returns the kinds of all findings with their states."""
    reviewed = {}
    while True:
        with book.database.read() as connection:
            found = next_review(connection, reviewed)
        if found is None:
            break
        if found.changes_book:
            book.do(lambda write, found=found: record_review(write, found))
        reviewed[found.asset.key] = found.state
    return [(one.finding.kind.name, one.state.name) for one in findings(book.database)]


def move_to(book, day):
    book.do(lambda write: advance(write, day))
    finish_run(book.database)


def sequence(book):
    with book.database.read() as connection:
        return newest_commit(connection)[0]


def unreconciled(book):
    with book.database.read() as connection:
        return unreconciled_of(connection, get_asset(connection, "acme").key)


def copied_invoices():
    """Returns the invoices of a year, of which the newest are repeated with another number."""
    amounts = np.random.default_rng(3).integers(1_000_00, 9_000_00, 360).tolist()
    days = range(DAY - 364, DAY - 4)
    for at, (day, amount) in enumerate(zip(days, amounts, strict=True)):
        yield invoice(f"2021-{at:05d}", amount) | {"effective_us": day * 86_400_000_000}
    for at in range(COPIES):
        yield invoice(f"2021-{400 + at:05d}", amounts[-1 - at])


def test_a_payment_that_the_ledger_lacks_opens_a_finding_that_its_entry_resolves(book):
    book.report(invoice("A", 100_00), from_account("a-1", 40_00, "A", day=DAY))
    assert review(book) == []

    move_to(book, DAY + 6)
    assert review(book) == review(book) == [("CASH_LAG", "OPEN")]

    book.report(entry("p-1", "PAYMENT", 40_00, "A", day=DAY))
    assert review(book) == [("CASH_LAG", "RESOLVED")]


def test_a_finding_about_a_payment_that_a_person_resolved_is_not_raised_again(book):
    book.report(invoice("A", 100_00), from_account("a-1", 40_00, "A", day=DAY))
    move_to(book, DAY + 6)
    review(book)
    (found,) = findings(book.database)
    book.do(lambda write: resolve_finding(write, found.key, "posted to a suspense account"))

    assert review(book) == [("CASH_LAG", "RESOLVED")]
    book.report(invoice("B", 1_00))
    assert review(book) == [("CASH_LAG", "RESOLVED")]


def test_a_gap_that_grows_is_reported_and_one_that_closes_is_for_a_person_to_release(book):
    book.report(invoice("A", 100_00))
    book.do(lambda write: record_closing(write, "acme", FIRST, Money(100_00, "USD"), "Ana"))
    assert review(book) == []

    book.report(entry("c-A", "CREDIT_NOTE", 20_00, "A", day=DAY))
    assert review(book) == [("ROLL_FORWARD_GAP", "OPEN")]
    assert unreconciled(book) == 20_00

    book.report(entry("d-A", "DEBIT_NOTE", 20_00, "A", day=DAY))
    assert review(book) == [("ROLL_FORWARD_GAP", "OPEN")]
    assert unreconciled(book) == 20_00
    book.do(lambda write: check_ledger(write, "acme", "Ana"))
    assert (review(book), unreconciled(book)) == ([("ROLL_FORWARD_GAP", "RESOLVED")], 0)


def test_an_alarm_opens_one_finding_that_is_raised_again_in_another_month_only(book):
    book.report(*copied_invoices())
    signals = [one for one in review(book) if one[0] == "LEDGER_SIGNAL"]
    (found,) = [one for one in findings(book.database) if one.finding.evidence.get("signal") == "DUPLICATES"]

    assert len(signals) == len({one.finding.evidence["signal"] for one in findings(book.database)})
    assert found.finding.evidence["invoice_count"] == 2 * COPIES
    assert "delta 2021-00400" in found.finding.evidence["invoices"]
    assert len([one for one in review(book) if one[0] == "LEDGER_SIGNAL"]) == len(signals)

    book.do(lambda write: resolve_finding(write, found.key, "copies of a lost letter"))
    before = sequence(book)
    assert ("LEDGER_SIGNAL", "RESOLVED") in review(book)
    assert sequence(book) == before

    move_to(book, DAY + 1)
    review(book)
    again = [one for one in findings(book.database) if one.finding.evidence.get("signal") == "DUPLICATES"]
    assert [one.state for one in again] == [FindingState.RESOLVED, FindingState.OPEN]
