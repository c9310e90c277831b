"""A proposal is decided once, in time, and approved by another person."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.loans.breach_steps import Waiver, WaiverReason
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.proposals.proposals import (
    PROPOSAL_DAYS,
    BreachWaiver,
    Decision,
    DoublePledgeConfirmation,
    ModelActivation,
    PolicyActivation,
    Proposal,
    ProposalState,
    proposed,
)
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.json_documents import from_document, to_document

DAY = date(2022, 1, 3)
ANA, BO = Author("people/ana", "people/ana"), Author("people/bo", "people/bo")
APPROVED, REJECTED = ProposalState.APPROVED, ProposalState.REJECTED
WAIVER = BreachWaiver(
    "loan-1", 2, "bridge loan", Level.MARGIN_CALL, Waiver(WaiverReason.BRIDGE_FINANCING, date(2022, 2, 1))
)
REQUESTS = [
    PolicyActivation("strict"),
    ModelActivation("diggers", "equipment.diggers"),
    WAIVER,
    DoublePledgeConfirmation(7, "one warrant"),
]


def proposal(request=REQUESTS[0]):
    """Returns a proposal of Ana."""
    return proposed(request, "because", ANA, DAY)


def reason_of(work):
    with pytest.raises(Refused) as refused:
        work()
    return refused.value.reason


def test_it_expires_after_its_last_day():
    last = DAY + timedelta(days=PROPOSAL_DAYS)

    assert proposal().state_on(last) == ProposalState.PENDING
    assert proposal().state_on(last + timedelta(days=1)) == ProposalState.EXPIRED
    assert proposal().decided(APPROVED, BO, "", last).state == APPROVED
    for state in (APPROVED, REJECTED):
        late = partial(proposal().decided, state, BO, "", last + timedelta(days=1))
        assert reason_of(late) == "PROPOSAL_DECIDED"


@pytest.mark.parametrize("first", [APPROVED, REJECTED])
def test_it_is_decided_once(first):
    decided = replace(proposal(), decision=proposal().decided(first, BO, "", DAY))

    assert decided.state_on(DAY + timedelta(days=99)) == first
    assert reason_of(lambda: decided.decided(APPROVED, Author("people/cy", "people/cy"), "", DAY)) == "PROPOSAL_DECIDED"


def test_the_proposer_may_reject_and_not_approve_it():
    assert reason_of(lambda: proposal().decided(APPROVED, ANA, "", DAY)) == "PROPOSAL_OWN"
    assert proposal().decided(REJECTED, ANA, "a mistake", DAY).decider == ANA


def test_a_waiver_is_outdated_by_a_worse_level_only():
    WAIVER.check_level(Level.MARGIN_CALL)
    WAIVER.check_level(Level.WATCH)

    assert reason_of(lambda: WAIVER.check_level(Level.STOP_DRAW)) == "PROPOSAL_OUTDATED"


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_proposal_is_stored_without_loss(request_):
    stored = proposal(request_)
    decision = stored.decided(APPROVED, BO, "seen", DAY)

    assert from_document(Proposal, to_document(stored)) == stored
    assert from_document(Decision, to_document(decision)) == decision


def test_a_waiver_without_a_last_day_or_after_it_is_outdated():
    last = date(2022, 7, 1)
    dated = BreachWaiver("loan-1", 1, "agreed", Level.MARGIN_CALL, Waiver(WaiverReason.OTHER, last))

    assert dated.waiver_on(last) == dated.waiver
    for waiver, day in ((dated, last + timedelta(days=1)), (replace(dated, waiver=None), last)):
        with pytest.raises(Refused, match="propose it again") as refused:
            waiver.waiver_on(day)
        assert refused.value.reason == "PROPOSAL_OUTDATED"
