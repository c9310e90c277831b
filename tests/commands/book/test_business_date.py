"""The business date: its mode is kept with the book, and a wrong date is repaired without loss of history."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from collateral_registry.commands.book.business_date import advance, follow_clock, keep_mode, open_book
from collateral_registry.commands.book.repair import repair_business_date
from collateral_registry.commands.loans import lending
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.commands.loans.up_to_date import are_judged_today
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.book.business_date import check_requested
from collateral_registry.domain.loans.agreements import Balance
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.loans.judgements import newest_judgements
from tests.support.books import FIRST, do
from valuation.errors import InvalidInput

WRONG = date(2190, 1, 1)
TODAY = date(2026, 1, 5)
"""The date of the clock when a date of the past is repaired."""
LOANS = np.array([1, 2], dtype=np.int64)
STATE = (
    *("judged", "level", "coverage_unknown", "watch_day", "unknown_day", "breach_number", "breach_open"),
    *("deadline_day", "deadline_missed", "lendable_minor", "market_minor", "exposure_minor"),
)


@pytest.fixture
def book(filled_book):
    """The book on 28 January 2022, valued and with breaches."""
    return filled_book


def business_date(book):
    with book.read() as connection:
        return date_at(newest_commit(connection)[1])


def move(book, day):
    do(book, lambda write: advance(write, day_of(day)))
    return finish_run(book)


def repair(book, day):
    done = do(book, lambda write: repair_business_date(write, day, TODAY, "the clock was wrong"))
    finish_run(book)
    return done


def report(book, **moment):
    with book.read() as connection:
        found = LtvReports().report(connection, moment_of(connection, **moment))
        return found.moment, {name: found.snapshot.covers[name].tolist() for name in ("loan_key", *STATE)}


def state(book):
    with book.read() as connection:
        found = newest_judgements(connection, LOANS)
    return {name: found[name].tolist() for name in STATE}


def test_a_repaired_book_is_as_if_the_wrong_date_had_never_been(book):
    right = business_date(book)
    before, owed = state(book), state(book)["exposure_minor"]
    move(book, WRONG)
    under_wrong_date = state(book)
    done = repair(book, right)

    assert under_wrong_date["level"] != before["level"] or under_wrong_date["coverage_unknown"] != [0, 0]
    assert under_wrong_date["deadline_missed"] != before["deadline_missed"]
    assert state(book) == before
    assert state(book)["exposure_minor"] == owed
    assert (done.before, done.after, business_date(book)) == (WRONG, right, right)


def test_a_repair_on_a_later_day_keeps_the_deadlines_from_before_the_wrong_date(book):
    later, before = business_date(book) + timedelta(days=1), state(book)
    move(book, WRONG)
    repair(book, later)
    repaired = state(book)
    move(book, later + timedelta(days=1))

    assert repaired["breach_number"] == before["breach_number"]
    assert repaired["deadline_day"] == before["deadline_day"]
    assert repaired["coverage_unknown"] == before["coverage_unknown"]
    assert business_date(book) == later + timedelta(days=1)


def test_reports_of_every_commit_and_earlier_day_answer_as_before_a_repair(book):
    right = business_date(book)
    move(book, WRONG)
    with book.read() as connection:
        newest, _ = newest_commit(connection)
    asked: list[dict[str, Any]] = [{"seq": seq} for seq in range(1, newest + 1)]
    asked += [{"day": FIRST + timedelta(days=days)} for days in range((right - FIRST).days)]
    before = [report(book, **one) for one in asked]
    repair(book, right)

    assert [report(book, **one) for one in asked] == before
    assert report(book, day=right)[0].seq > newest, "the repaired day ends with the newest commit"


def test_a_second_wrong_date_is_repaired_too(book):
    right, before = business_date(book), state(book)
    for wrong in (WRONG, WRONG + timedelta(days=400)):
        move(book, wrong)
        repair(book, right)

    assert state(book) == before


def test_a_loan_judged_for_a_later_date_is_not_up_to_date_after_a_repair(book):
    right = business_date(book)
    move(book, WRONG)
    do(book, lambda write: repair_business_date(write, right, TODAY, "wrong clock"))
    with book.read() as connection:
        current = are_judged_today(connection, LOANS)

    assert not current.any()


def test_a_repair_does_not_return_to_a_day_before_the_wrong_move_nor_forward(book):
    right = business_date(book)
    move(book, WRONG)
    for day in (right - timedelta(days=1), WRONG, WRONG + timedelta(days=1)):
        with pytest.raises(InvalidInput, match="--to"):
            do(book, lambda write, day=day: repair_business_date(write, day, TODAY, "wrong clock"))


def test_every_day_after_the_date_of_the_clock_can_be_undone(book):
    right, before = business_date(book), state(book)
    for days in (8, 9, 14):
        move(book, right + timedelta(days=days))
    with pytest.raises(InvalidInput, match="--to"):
        do(book, lambda write: repair_business_date(write, right, right + timedelta(days=9), "the days have come"))
    do(book, lambda write: repair_business_date(write, right, right, "the clock was days ahead"))
    finish_run(book)

    assert business_date(book) == right
    assert state(book) == before


def test_a_repair_is_refused_while_facts_are_dated_after_the_date(book):
    right = business_date(book)
    move(book, WRONG)
    nothing = Balance(Money(0, "EUR"), Money(0, "EUR"), Money(0, "EUR"), WRONG)
    push = BalancePush(0, "loan-1", replace(nothing, principal=Money(1_000, "EUR")))
    do(book, lambda write: lending.ingest_balances(write, [push], ()))
    with pytest.raises(Refused, match="balance of loans/loan-1"):
        do(book, lambda write: repair_business_date(write, right, TODAY, "wrong clock"))


def test_a_request_may_skip_days_of_the_past_but_not_of_the_future():
    today, past = date(2026, 11, 30), date(2022, 1, 1)

    check_requested(today, past, today)
    check_requested(today + timedelta(days=10), past, today)
    check_requested(date(2030, 1, 11), date(2030, 1, 1), today)
    for to, current in ((today + timedelta(days=11), past), (date(2030, 1, 12), date(2030, 1, 1))):
        with pytest.raises(Refused, match="allow_jump"):
            check_requested(to, current, today)


@pytest.fixture
def new_book(sqlite_url):
    database = Database(sqlite_url, lambda: datetime(2022, 1, 1, 9, tzinfo=UTC))
    migrate(database)
    yield database
    database.close()


def test_the_mode_of_a_book_is_kept_until_another_is_requested(new_book):
    open_book(new_book, day_of(FIRST), follows_clock=False)
    year_later = day_of(FIRST) + 365
    modes = [keep_mode(new_book, year_later, requested=one) for one in (None, True, None, False, None)]

    assert modes == [False, True, True, False, False]


def test_a_clock_far_ahead_or_behind_does_not_move_the_book(new_book):
    open_book(new_book, day_of(FIRST), follows_clock=True)
    first = day_of(FIRST)
    with pytest.raises(Refused, match="--allow-jump"):
        do(new_book, lambda write: follow_clock(write, first + 11, allow_jump=False))
    with pytest.raises(Refused, match="business-date repair"):
        do(new_book, lambda write: follow_clock(write, first - 1, allow_jump=True))
    assert business_date(new_book) == FIRST

    do(new_book, lambda write: follow_clock(write, first + 10, allow_jump=False))
    do(new_book, lambda write: follow_clock(write, first + 400, allow_jump=True))
    assert business_date(new_book) == FIRST + timedelta(days=400)


def test_commits_after_a_wrong_clock_have_the_time_of_the_right_clock(sqlite_url):
    times = iter([datetime(2022, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC), datetime(2022, 1, 2, tzinfo=UTC)])
    database = Database(sqlite_url, lambda: next(times))
    migrate(database)
    open_book(database, day_of(FIRST))
    known = []
    for _ in range(2):
        with database.write("test", Author("test", "test")) as write:
            known.append(write.known_us)
            write.commit()
    database.close()

    assert known[1] < known[0]
    assert known[1] == int(datetime(2022, 1, 2, tzinfo=UTC).timestamp() * 1e6)
