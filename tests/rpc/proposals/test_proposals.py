"""What moves risk is proposed by one identified caller and carried out when another approves it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    equipment_pb2,
    equipment_pb2_grpc,
    policy_pb2,
    proposal_pb2 as pb,
    proposal_pb2_grpc,
)
from tests.support.callers import CallerServer, caller
from tests.support.server import FIRST_DAY, Client, calendar, connected, details_of

pytestmark = pytest.mark.slow

ANA, BO = caller("people/ana", Role.RISK_OFFICER), caller("people/bo", Role.HEAD_OF_RISK)
OWN = caller("people/cy", Role.RISK_OFFICER, Role.HEAD_OF_RISK)
NUMBERS = itertools.count(1)


def waiver_of(breach: str) -> breach_pb2.WaiveBreachRequest:
    """A waiver until a week after the first day."""
    until = calendar(FIRST_DAY + timedelta(days=7))
    reason = breach_pb2.WAIVER_REASON_BRIDGE_FINANCING
    return breach_pb2.WaiveBreachRequest(name=breach, note="bridge loan", reason=reason, expire_date=until)


@dataclass
class Book:
    """A book with a loan of the test's own that is in breach, as the local owner and identified callers use it."""

    client: Client
    loan: str

    @property
    def breach(self) -> str:
        """The name of the breach."""
        return f"loans/{self.loan}/breaches/1"

    @property
    def waiver(self) -> dict[str, Any]:
        """A request to propose."""
        return {"waive_breach": waiver_of(self.breach)}

    @property
    def last_event(self) -> breach_pb2.BreachEvent:
        """The last event of the breach."""
        return self.client.breaches.GetBreach(breach_pb2.GetBreachRequest(name=self.breach)).history[-1]

    @property
    def is_waived(self) -> bool:
        """Whether the breach has been waived last."""
        return self.last_event.kind == breach_pb2.BREACH_EVENT_KIND_WAIVED


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    server = CallerServer(f"sqlite:///{tmp_path_factory.mktemp('proposals') / 'book.db'}")
    server.start()
    with connected(server) as connection:
        connection.open_copper()
        connection.quote_history()
        yield connection
    server.stop()


@pytest.fixture
def book(client: Client) -> Book:
    number = next(NUMBERS)
    loan, lot = f"loan-{number}", f"lot-{number}"
    client.register_lot(lot)
    client.register_loan(loan)
    client.pledge(loan, lot)
    client.owe("820000", loan)
    return Book(client, loan)


def stub(book: Book) -> proposal_pb2_grpc.ProposalServiceStub:
    return proposal_pb2_grpc.ProposalServiceStub(book.client.channel)


def propose(book: Book, who: Any = ANA, **fields: Any) -> pb.Proposal:
    stated = {"reason": "agreed with the borrower", **fields}
    return stub(book).CreateProposal(pb.CreateProposalRequest(proposal=pb.Proposal(**stated)), metadata=who)


def approve(book: Book, proposal: pb.Proposal, who: Any = BO) -> pb.Proposal:
    return stub(book).ApproveProposal(pb.ApproveProposalRequest(name=proposal.name, note="seen"), metadata=who)


def refusal(call: Callable[[], object]) -> tuple[str, str, grpc.StatusCode]:
    """Returns reason, text and status of the refusal of a call."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason, refused.value.details(), refused.value.code()


def test_a_waiver_has_two_persons_who_are_both_recorded(book: Book) -> None:
    proposed = propose(book, **book.waiver)
    before = book.is_waived
    approved = approve(book, proposed)

    assert (proposed.state, proposed.proposed_by, proposed.proposing_principal) == (1, "people/ana", "people/ana")
    assert proposed.waive_breach == book.waiver["waive_breach"]
    assert proposed.expire_date == calendar(FIRST_DAY + timedelta(days=PROPOSAL_DAYS))
    assert not before
    assert book.is_waived
    assert approved.state == pb.PROPOSAL_STATE_APPROVED
    assert (approved.decided_by, approved.deciding_principal) == ("people/bo", "people/bo")
    assert stub(book).GetProposal(pb.GetProposalRequest(name=approved.name)) == approved
    assert (book.last_event.actor, book.last_event.note) == ("people/bo", "bridge loan")


def test_the_proposer_cannot_approve_with_any_of_its_roles(book: Book) -> None:
    proposed = propose(book, OWN, **book.waiver)

    assert refusal(lambda: approve(book, proposed, OWN))[0] == "PROPOSAL_OWN"
    assert refusal(lambda: approve(book, proposed, ANA))[2] is grpc.StatusCode.PERMISSION_DENIED
    assert not book.is_waived
    rejected = stub(book).RejectProposal(pb.RejectProposalRequest(name=proposed.name, note="mine"), metadata=OWN)
    assert rejected.state == pb.PROPOSAL_STATE_REJECTED
    assert refusal(lambda: approve(book, proposed))[0] == "PROPOSAL_DECIDED"


def test_local_owners_are_compared_by_the_persons_that_they_state(book: Book) -> None:
    def as_owner(actor: str) -> pb.Proposal:
        return stub(book).ApproveProposal(pb.ApproveProposalRequest(name=proposed.name, actor=actor))

    request = pb.CreateProposalRequest(proposal=pb.Proposal(reason="agreed", **book.waiver), actor="Ana")
    proposed = stub(book).CreateProposal(request)

    assert refusal(lambda: as_owner("ana"))[0] == "PROPOSAL_OWN"
    assert as_owner("Bo").state == pb.PROPOSAL_STATE_APPROVED


def test_called_directly_the_four_methods_are_refused_with_the_way_to_propose(book: Book) -> None:
    client = book.client
    pledges = double_pledge_pb2_grpc.DoublePledgeServiceStub(client.channel)
    equipment = equipment_pb2_grpc.EquipmentServiceStub(client.channel)
    calls = {
        "waive_breach": lambda: client.breaches.WaiveBreach(book.waiver["waive_breach"], metadata=BO),
        "activate_policy": lambda: client.policies.ActivatePolicy(
            policy_pb2.ActivatePolicyRequest(name="policies/strict"), metadata=BO
        ),
        "confirm_double_pledge": lambda: pledges.ConfirmDoublePledge(
            double_pledge_pb2.ConfirmDoublePledgeRequest(name="findings/1", note="proven"), metadata=BO
        ),
        "activate_equipment_model": lambda: equipment.ActivateEquipmentModel(
            equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers"), metadata=BO
        ),
    }
    for field, call in calls.items():
        reason, text, code = refusal(call)
        assert (reason, code) == ("NOT_PERMITTED", grpc.StatusCode.PERMISSION_DENIED)
        assert f"{field} in CreateProposal" in text
    assert not book.is_waived


def test_a_request_that_could_not_be_carried_out_is_not_proposed(book: Book) -> None:
    unknown = {"waive_breach": waiver_of(f"loans/{book.loan}/breaches/9")}

    assert refusal(lambda: propose(book, **unknown))[2] is grpc.StatusCode.NOT_FOUND
    assert "proposal.request" in refusal(lambda: propose(book))[1]
    assert "proposal.reason" in refusal(lambda: propose(book, reason="", **book.waiver))[1]


def test_a_request_is_checked_again_when_it_is_approved(book: Book) -> None:
    proposed = propose(book, **book.waiver)
    book.client.owe("990000", book.loan)
    reason, text, _ = refusal(lambda: approve(book, proposed))

    assert reason == "PROPOSAL_OUTDATED"
    assert "MARGIN_CALL" in text
    assert not book.is_waived
    assert stub(book).GetProposal(pb.GetProposalRequest(name=proposed.name)).state == pb.PROPOSAL_STATE_PENDING


def test_a_proposed_waiver_states_its_reason_and_last_day(book: Book) -> None:
    bare = {"waive_breach": breach_pb2.WaiveBreachRequest(name=book.breach, note="bridge loan")}
    text = refusal(lambda: propose(book, **bare))[1]

    assert "proposal.waive_breach.reason: got 0" in text
    assert "proposal.waive_breach.expire_date" in text


def test_an_approved_policy_is_in_force_when_the_approval_returns(book: Book) -> None:
    policies = book.client.policies
    policy = policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="strict"), metadata=ANA)
    request = policy_pb2.ActivatePolicyRequest(name="policies/strict")
    first, second = propose(book, activate_policy=request), propose(book, activate_policy=request)
    approved = approve(book, first)

    stored = policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/strict"))
    assert approved.activate_policy == request
    assert stored.state == policy_pb2.POLICY_STATE_ACTIVE
    assert refusal(lambda: approve(book, second))[0] == "POLICY_ACTIVE"


def test_a_proposal_expires_by_the_business_date(book: Book) -> None:
    """It is the last test of the module, because it moves the business date."""
    proposed = propose(book, **book.waiver)
    book.client.advance(FIRST_DAY + timedelta(days=7))
    book.client.advance(FIRST_DAY + timedelta(days=PROPOSAL_DAYS + 1))

    assert refusal(lambda: approve(book, proposed))[0] == "PROPOSAL_DECIDED"
    for state in ("EXPIRED", "PENDING"):
        page = stub(book).ListProposals(pb.ListProposalsRequest(filter=f"state = {state}"), metadata=ANA)
        assert (proposed.name in {one.name for one in page.proposals}) == (state == "EXPIRED")
        assert {pb.ProposalState.Name(one.state) for one in page.proposals} <= {f"PROPOSAL_STATE_{state}"}
