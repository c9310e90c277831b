"""A run, a preview and a change compute one base of a loan, on both engines."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.borrowing_base.bases import recorded_base
from collateral_registry.commands.borrowing_base.reserves import create_reserve
from collateral_registry.commands.loans.lending import change_terms
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.revaluation.preview import PreviewJob, PreviewRows, preview_book
from collateral_registry.commands.revaluation.runs import finish_run, start_run
from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms, Sublimit
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, do, open_filled_book

BASE_COLUMNS = ("exposure_minor", "used_minor", "base_minor", "good_base_minor", "withheld_base_minor", "level")
TERMS = BorrowingBaseTerms(
    sublimits=(Sublimit("equipment", Money(3_000_000, "EUR")), Sublimit("inventory", share_ppm=900_000))
)


@pytest.fixture
def database(database_url):
    opened = open_filled_book(database_url)
    do(opened, lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=TERMS)))
    later = FIRST + timedelta(days=30)
    reserve = Reserve(ReserveKind.RENT, "Ana", "rent", later, rate_ppm=100_000, reserve_id="rent")
    do(opened, lambda write: create_reserve(write, "loan-1", reserve))
    yield opened
    opened.close()


def judged(database):
    with database.read() as connection:
        key = get_loan(connection, "loan-1").key
        return {name: int(column[0]) for name, column in newest_judgements(connection, np.array([key])).items()}


def base_now(database):
    with database.read() as connection:
        return recorded_base(connection, "loan-1", moment_of(connection))


def test_a_run_and_a_preview_compute_the_base_that_a_change_has_recorded(database):
    before = judged(database)

    parts = list(preview_book(database, PreviewJob()))
    do(database, start_run)
    finish_run(database)
    after = judged(database)

    changed = [one.loans for one in parts if isinstance(one, PreviewRows) and one.loans is not None]
    assert "loan-1" not in [name for rows in changed for name in rows["loan_id"]]
    assert after["seq"] > before["seq"]
    assert {name: after[name] for name in BASE_COLUMNS} == {name: before[name] for name in BASE_COLUMNS}
    assert 0 < after["base_minor"] < after["lendable_minor"]


def test_the_base_shown_is_the_one_recorded_also_when_a_run_has_recorded_it(database):
    assert base_now(database).base.base_minor == judged(database)["base_minor"]
    without = base_now(database).base

    do(database, lambda write: advance(write, day_of(FIRST + timedelta(days=30))))
    finish_run(database)

    found = base_now(database).base
    assert found.base_minor == judged(database)["base_minor"]
    assert (len(without.deductions), len(found.deductions)) == (0, 1)
