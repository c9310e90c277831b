"""Waivers end with their last day in runs of the book too, and breaches are listed in orders, on both engines."""

from datetime import timedelta

import pytest
from sqlalchemy import delete

from collateral_registry.commands.reports.breach_steps import grant_grace, waive
from collateral_registry.commands.reports.breaches import breach_histories, get_breach
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.loans.breach_steps import Waiver, WaiverReason
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.loans.levels import Level
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.loans.breaches import BreachOrder
from collateral_registry.store.schema.loans import BreachStepRow
from tests.support.books import FIRST, do
from tests.support.small_book import cover, goods, lend_on, move_to, opened, owe

LAST_DAY = FIRST + timedelta(days=10)


def breached(url):
    """A book with a loan at a margin call, and a second one without collateral."""
    book = opened(url)
    goods(book, owed=350_000)
    owe(book, "bank-0", 750_000)
    lend_on(book, "bare", owed=100_00)
    return book


@pytest.fixture
def book(built_book):
    return built_book(breached)


def histories(book, order=BreachOrder.NEWEST, **page):
    with book.read() as connection:
        seq, _ = newest_commit(connection)
        return breach_histories(connection, seq, EVERYTHING, order, **page)


def breach_of(book, loan_id):
    with book.read() as connection:
        return get_breach(connection, newest_commit(connection)[0], loan_id, 1)


def test_a_run_puts_the_margin_call_in_force_after_the_last_day_of_its_waiver(book):
    do(book, lambda write: waive(write, "bank-0", 1, "agreed", Waiver(WaiverReason.OTHER, LAST_DAY)))
    move_to(book, LAST_DAY)
    waived = cover(book, "bank-0")
    move_to(book, LAST_DAY + timedelta(days=1))
    after, breach = cover(book, "bank-0"), breach_of(book, "bank-0")

    assert (waived["waived"], waived["level"]) == (1, Level.MARGIN_CALL)
    assert (after["waived"], after["deadline_missed"], after["level"]) == (0, 1, Level.STOP_DRAW)
    kinds = [event["kind"] for event in breach.events]
    assert kinds[-3:] == [EventKind.WAIVER_EXPIRED, EventKind.DEADLINE_MISSED, EventKind.ESCALATED]
    assert not breach.waived


def test_a_second_waiver_has_its_own_last_day(book):
    later = LAST_DAY + timedelta(days=9)
    do(book, lambda write: waive(write, "bank-0", 1, "agreed", Waiver(WaiverReason.OTHER, LAST_DAY)))
    move_to(book, LAST_DAY + timedelta(days=1))
    do(book, lambda write: waive(write, "bank-0", 1, "once more", Waiver(WaiverReason.RESTRUCTURING, later)))
    move_to(book, later)

    assert breach_of(book, "bank-0").waiver == Waiver(WaiverReason.RESTRUCTURING, later)
    assert cover(book, "bank-0")["waived"] == 1


def test_a_waiver_of_an_earlier_release_lasts_until_the_breach_worsens(book):
    do(book, lambda write: waive(write, "bank-0", 1, "agreed", Waiver(WaiverReason.OTHER, LAST_DAY)))
    do(book, lambda write: write.connection.execute(delete(BreachStepRow)))
    move_to(book, LAST_DAY + timedelta(days=15))
    waived = breach_of(book, "bank-0")
    owe(book, "bank-0", 900_000)

    assert (waived.waived, waived.waiver) == (True, None)
    assert not breach_of(book, "bank-0").waived


def test_breaches_are_in_the_order_of_the_request_from_any_position(book):
    grace = FIRST + timedelta(days=40)
    do(book, lambda write: grant_grace(write, "bare", 1, "agreed", grace))
    wanted = {
        BreachOrder.NEWEST: ["bare", "bank-0"],
        BreachOrder.OLDEST: ["bank-0", "bare"],
        BreachOrder.WORST: ["bare", "bank-0"],
        BreachOrder.DEADLINE: ["bank-0", "bare"],
    }

    for order, loans in wanted.items():
        found = histories(book, order)
        assert [one.loan_id for one in found] == loans
        (rest,) = histories(book, order, after=found[0].position, limit=5)
        assert rest.loan_id == loans[1]
