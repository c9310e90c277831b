"""A disposal freezes the values that were recorded before it, on both engines."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.disposals.disposals import (
    NewDisposal,
    close_disposal,
    open_disposal,
    record_proceeds,
)
from collateral_registry.domain.disposals.disposals import (
    DisposalCause,
    DisposalState,
    Proceeds,
    RealisationMethod,
    ReferenceState,
)
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.store.disposals.repository import disposals_at, get_disposal, list_disposals
from collateral_registry.store.engine.commits import newest_commit
from tests.support.books import FIRST, do
from tests.support.small_book import goods, lend_on, move_to, opened, owe, quote

DEFAULT = FIRST + timedelta(days=28)
"""20 working days after the first day."""


def defaulted(url):
    """A book whose goods of 1,000,000 are worth 900,000 at the default of their loan."""
    book = opened(url)
    goods(book, owed=350_000)
    owe(book, "bank-0", 750_000)
    move_to(book, DEFAULT)
    quote(book, "9000", DEFAULT)
    move_to(book, DEFAULT + timedelta(days=3))
    quote(book, "8000", DEFAULT + timedelta(days=3))
    return book


@pytest.fixture
def book(built_book):
    return built_book(defaulted)


NEW = NewDisposal("bank-0", "d-1", 0, DEFAULT, DisposalCause.PAYMENT, Decimal("0.08"), (), None)


def proceeds(asset_id):
    return Proceeds(
        asset_id=asset_id,
        invoice_number="",
        method=RealisationMethod.AUCTION,
        amount_minor=40_000_000,
        cost_minor=0,
        loan_minor=40_000_000,
        day=DEFAULT,
        buyer="",
        buyer_related=False,
        finishes_asset=False,
        corrects=0,
    )


def test_the_values_are_those_recorded_by_the_end_of_each_day(book):
    stored = do(book, lambda write: open_disposal(write, NEW, "missed payment"))
    (item,) = stored.disposal.items
    by_days = {one.days_before: one for one in item.references}

    assert stored.disposal.exposure_minor == 75_000_000
    assert (by_days[20].day, by_days[20].market_minor) == (FIRST, 100_000_000)
    assert (by_days[0].market_minor, by_days[0].policy_id) == (90_000_000, "default-2021")
    assert by_days[60].state is ReferenceState.NONE
    assert by_days[0].lendable_minor == pytest.approx(90_000_000 * (1 - by_days[0].haircut), abs=1)


def test_a_past_moment_shows_the_disposal_as_it_was(book):
    asset_id = do(book, lambda write: open_disposal(write, NEW, "missed payment")).disposal.items[0].asset_id
    with book.read() as connection:
        seq, _ = newest_commit(connection)
    do(book, lambda write: record_proceeds(write, "bank-0", "d-1", "", proceeds(asset_id), None))
    do(book, lambda write: close_disposal(write, "bank-0", "d-1", "all sold"))

    with book.read() as connection:
        (then,) = disposals_at(connection, seq)
        now = get_disposal(connection, "bank-0", "d-1")
        assert not disposals_at(connection, seq - 1)
        assert list_disposals(connection, EVERYTHING, 10**9, 5) == [now]
    assert (then.state, len(then.steps)) == (DisposalState.OPENED, 1)
    assert (now.state, len(now.steps)) == (DisposalState.CLOSED, 3)


def test_a_loan_without_collateral_has_a_disposal_of_payouts_only(book):
    lend_on(book, "bare", owed=100_00)
    today = DEFAULT + timedelta(days=3)
    stored = do(book, lambda write: open_disposal(write, replace(NEW, loan_id="bare", default=today), "insolvent"))

    assert not stored.disposal.items
