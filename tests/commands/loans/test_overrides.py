"""An override makes a disposition that the rule refuses: proposed by one person, approved by another, and judged."""

from dataclasses import replace
from decimal import Decimal

import pytest

from collateral_registry.commands.loans.overrides import approve_override, propose_override, reject_override
from collateral_registry.commands.loans.pledges import change_pledge
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.loans.overrides import Override, OverrideState, PickupTerms, PledgeTerms, ReleaseTerms
from collateral_registry.domain.shared.errors import EtagMismatch, Refused
from collateral_registry.store.loans.overrides import get_override
from collateral_registry.store.loans.pledges import get_pledge
from tests.support.books import do
from tests.support.small_book import cover, goods

REASON = "the borrower brings cash on Monday"


def propose(book, disposition, override_id="o-1"):
    """Proposes an override on the loan of the small book."""
    override = Override(override_id, "bank-0", disposition, REASON, "ana")
    return do(book, lambda write: propose_override(write, override), "ana")


def test_a_proposal_changes_nothing_about_the_loan(book):
    goods(book, owed=490_000)
    before = cover(book, "bank-0")
    proposed = propose(book, ReleaseTerms("p-1", share_ppm=900_000))

    assert proposed.override.state == OverrideState.PROPOSED
    assert cover(book, "bank-0") == before


def test_an_approved_release_uncovers_the_loan_and_opens_a_breach(book):
    goods(book, owed=490_000)
    propose(book, ReleaseTerms("p-1", share_ppm=900_000))
    approved = do(book, lambda write: approve_override(write, "bank-0", "o-1", "seen"), "bo")

    assert (approved.override.state, approved.override.decided_by) == (OverrideState.APPROVED, "bo")
    assert cover(book, "bank-0")["level"] == Level.LIQUIDATION
    with book.read() as connection:
        assert get_pledge(connection, "bank-0", "p-1").pledge.share_ppm == 100_000


def test_new_terms_are_applied_as_proposed(book):
    goods(book, owed=490_000)
    with book.read() as connection:
        stored = get_pledge(connection, "bank-0", "p-1")
    propose(book, PledgeTerms(replace(stored.pledge, share_ppm=100_000), stored.revision))
    do(book, lambda write: approve_override(write, "bank-0", "o-1", ""), "bo")

    assert cover(book, "bank-0")["breach_open"] == 1


def test_an_override_of_a_pledge_changed_since_the_proposal_is_refused(book):
    goods(book, owed=490_000)
    with book.read() as connection:
        stored = get_pledge(connection, "bank-0", "p-1")
    propose(book, PledgeTerms(replace(stored.pledge, share_ppm=100_000), stored.revision))
    do(book, lambda write: change_pledge(write, "bank-0", "p-1", "", lambda one: replace(one, registry="PPSR")))

    with pytest.raises(EtagMismatch):
        do(book, lambda write: approve_override(write, "bank-0", "o-1", ""), "bo")
    with book.read() as connection:
        assert get_override(connection, "bank-0", "o-1").override.state == OverrideState.PROPOSED


def test_an_approved_pickup_exceeds_what_the_cover_allows(book):
    goods(book, owed=490_000)
    propose(book, PickupTerms("u-1", "lot-a", Decimal(90)))
    do(book, lambda write: approve_override(write, "bank-0", "o-1", ""), "bo")

    assert cover(book, "bank-0")["level"] == Level.LIQUIDATION


def test_the_proposer_cannot_approve(book):
    goods(book, owed=490_000)
    propose(book, ReleaseTerms("p-1"))

    with pytest.raises(Refused) as refused:
        do(book, lambda write: approve_override(write, "bank-0", "o-1", ""), "ana")
    assert refused.value.reason == "OVERRIDE_OWN_PROPOSAL"


def test_an_override_is_decided_once(book):
    goods(book, owed=490_000)
    propose(book, ReleaseTerms("p-1"))
    do(book, lambda write: reject_override(write, "bank-0", "o-1", "no"), "bo")

    with pytest.raises(Refused) as refused:
        do(book, lambda write: approve_override(write, "bank-0", "o-1", ""), "cy")
    assert refused.value.reason == "OVERRIDE_DECIDED"
    assert cover(book, "bank-0")["level"] == Level.NONE
