"""What moves risk is proposed by one identified caller and carried out when another approves it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest

from collateral_registry.domain.access.roles import Role
from collateral_registry.domain.proposals.proposals import PROPOSAL_DAYS
from collateral_registry.v1 import (
    breach_pb2,
    double_pledge_pb2,
    double_pledge_pb2_grpc,
    policy_pb2,
    proposal_pb2 as pb,
    proposal_pb2_grpc,
)
from tests.support.callers import CallerServer, caller
from tests.support.server import FIRST_DAY, Client, Server, calendar, connected, details_of

pytestmark = pytest.mark.slow

ANA, BO = caller("people/ana", Role.RISK_OFFICER), caller("people/bo", Role.HEAD_OF_RISK)
OWN = caller("people/cy", Role.RISK_OFFICER, Role.HEAD_OF_RISK)
BREACH = "loans/loan-1/breaches/1"
WAIVER = {"waive_breach": breach_pb2.WaiveBreachRequest(name=BREACH, note="bridge loan")}


@pytest.fixture
def server(sqlite_url: str) -> Iterator[Server]:
    running = CallerServer(sqlite_url)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def book(server: Server) -> Iterator[Client]:
    """The client of a book with a loan in breach."""
    with connected(server) as client:
        client.covered_loan()
        client.owe("820000")
        yield client


def stub(client: Client) -> proposal_pb2_grpc.ProposalServiceStub:
    return proposal_pb2_grpc.ProposalServiceStub(client.channel)


def propose(client: Client, who: Any = ANA, **fields: Any) -> pb.Proposal:
    stated = {"reason": "agreed with the borrower", **fields}
    return stub(client).CreateProposal(pb.CreateProposalRequest(proposal=pb.Proposal(**stated)), metadata=who)


def approve(client: Client, who: Any = BO, name: str = "proposals/1") -> pb.Proposal:
    return stub(client).ApproveProposal(pb.ApproveProposalRequest(name=name, note="seen"), metadata=who)


def refusal(call: Callable[[], object]) -> tuple[str, str, grpc.StatusCode]:
    """Returns reason, text and status of the refusal of a call."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason, refused.value.details(), refused.value.code()


def is_waived(client: Client) -> bool:
    return client.breaches.GetBreach(breach_pb2.GetBreachRequest(name=BREACH)).history[-1].kind == (
        breach_pb2.BREACH_EVENT_KIND_WAIVED
    )


def test_a_waiver_has_two_persons_who_are_both_recorded(book: Client) -> None:
    proposed = propose(book, **WAIVER)
    before = is_waived(book)
    approved = approve(book)

    assert (proposed.state, proposed.proposed_by, proposed.proposing_principal) == (1, "people/ana", "people/ana")
    assert proposed.waive_breach == WAIVER["waive_breach"]
    assert proposed.expire_date == calendar(FIRST_DAY + timedelta(days=PROPOSAL_DAYS))
    assert not before
    assert is_waived(book)
    assert approved.state == pb.PROPOSAL_STATE_APPROVED
    assert (approved.decided_by, approved.deciding_principal) == ("people/bo", "people/bo")
    assert stub(book).GetProposal(pb.GetProposalRequest(name=approved.name)) == approved
    event = book.breaches.GetBreach(breach_pb2.GetBreachRequest(name=BREACH)).history[-1]
    assert (event.actor, event.note) == ("people/bo", "bridge loan")


def test_the_proposer_cannot_approve_with_any_of_its_roles(book: Client) -> None:
    propose(book, OWN, **WAIVER)

    assert refusal(lambda: approve(book, OWN))[0] == "PROPOSAL_OWN"
    assert refusal(lambda: approve(book, ANA))[2] is grpc.StatusCode.PERMISSION_DENIED
    assert not is_waived(book)
    rejected = stub(book).RejectProposal(pb.RejectProposalRequest(name="proposals/1", note="mine"), metadata=OWN)
    assert rejected.state == pb.PROPOSAL_STATE_REJECTED
    assert refusal(lambda: approve(book))[0] == "PROPOSAL_DECIDED"


def test_local_owners_are_compared_by_the_persons_that_they_state(book: Client) -> None:
    def as_owner(actor: str) -> pb.Proposal:
        return stub(book).ApproveProposal(pb.ApproveProposalRequest(name="proposals/1", actor=actor))

    request = pb.CreateProposalRequest(proposal=pb.Proposal(reason="agreed", **WAIVER), actor="Ana")
    stub(book).CreateProposal(request)

    assert refusal(lambda: as_owner("ana"))[0] == "PROPOSAL_OWN"
    assert as_owner("Bo").state == pb.PROPOSAL_STATE_APPROVED


def test_called_directly_the_four_methods_are_refused_with_the_way_to_propose(book: Client) -> None:
    pledges = double_pledge_pb2_grpc.DoublePledgeServiceStub(book.channel)
    calls = {
        "waive_breach": lambda: book.breaches.WaiveBreach(WAIVER["waive_breach"], metadata=BO),
        "activate_policy": lambda: book.policies.ActivatePolicy(
            policy_pb2.ActivatePolicyRequest(name="policies/strict"), metadata=BO
        ),
        "confirm_double_pledge": lambda: pledges.ConfirmDoublePledge(
            double_pledge_pb2.ConfirmDoublePledgeRequest(name="findings/1", note="proven"), metadata=BO
        ),
    }
    for field, call in calls.items():
        reason, text, code = refusal(call)
        assert (reason, code) == ("NOT_PERMITTED", grpc.StatusCode.PERMISSION_DENIED)
        assert f"{field} in CreateProposal" in text
    assert not is_waived(book)


def test_a_request_that_could_not_be_carried_out_is_not_proposed(book: Client) -> None:
    unknown = {"waive_breach": breach_pb2.WaiveBreachRequest(name="loans/loan-1/breaches/9", note="x")}

    assert refusal(lambda: propose(book, **unknown))[2] is grpc.StatusCode.NOT_FOUND
    assert "proposal.request" in refusal(lambda: propose(book))[1]
    assert "proposal.reason" in refusal(lambda: propose(book, reason="", **WAIVER))[1]


def test_a_request_is_checked_again_when_it_is_approved(book: Client) -> None:
    propose(book, **WAIVER)
    book.owe("990000")
    reason, text, _ = refusal(lambda: approve(book))

    assert reason == "PROPOSAL_OUTDATED"
    assert "MARGIN_CALL" in text
    assert not is_waived(book)
    assert stub(book).GetProposal(pb.GetProposalRequest(name="proposals/1")).state == pb.PROPOSAL_STATE_PENDING


def test_a_proposal_expires_by_the_business_date(book: Client) -> None:
    propose(book, **WAIVER)
    book.advance(FIRST_DAY + timedelta(days=7))
    book.advance(FIRST_DAY + timedelta(days=PROPOSAL_DAYS + 1))

    assert refusal(lambda: approve(book))[0] == "PROPOSAL_DECIDED"
    for state, count in (("EXPIRED", 1), ("PENDING", 0)):
        page = stub(book).ListProposals(pb.ListProposalsRequest(filter=f"state = {state}"), metadata=ANA)
        assert [one.state for one in page.proposals] == [pb.PROPOSAL_STATE_EXPIRED] * count


def test_an_approved_policy_is_in_force_when_the_approval_returns(book: Client) -> None:
    policy = book.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    book.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="strict"), metadata=ANA)
    request = policy_pb2.ActivatePolicyRequest(name="policies/strict")
    propose(book, activate_policy=request)
    propose(book, activate_policy=request)
    approved = approve(book)

    stored = book.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/strict"))
    assert approved.activate_policy == request
    assert stored.state == policy_pb2.POLICY_STATE_ACTIVE
    assert refusal(lambda: approve(book, name="proposals/2"))[0] == "POLICY_ACTIVE"
