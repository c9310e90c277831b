"""Overrides over gRPC: proposed with a reason, read back, listed, approved by another person, and never by accident."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import common_pb2, loan_pb2, override_pb2, override_pb2_grpc, pickup_pb2
from tests.support.server import Client, details_of

PLEDGE = "loans/loan-1/pledges/p-1"
REASON = "cash arrives on Monday"


def stub(client: Client) -> override_pb2_grpc.OverrideServiceStub:
    return override_pb2_grpc.OverrideServiceStub(client.channel)


def propose(client: Client, override_id: str = "o-1", **disposition: object) -> override_pb2.Override:
    override = override_pb2.Override(reason=REASON, **disposition)
    return stub(client).ProposeOverride(
        override_pb2.ProposeOverrideRequest(
            parent="loans/loan-1", override_id=override_id, override=override, actor="ana"
        )
    )


def approve(client: Client, actor: str, override_id: str = "o-1") -> override_pb2.Override:
    name = f"loans/loan-1/overrides/{override_id}"
    return stub(client).ApproveOverride(override_pb2.ApproveOverrideRequest(name=name, actor=actor))


RELEASE = {"release_pledge": loan_pb2.ReleasePledgeRequest(name=PLEDGE, share=Decimal(value="0.9"))}


def test_an_approved_release_is_judged_in_the_same_commit(client: Client) -> None:
    client.covered_loan()
    proposed = propose(client, **RELEASE)
    level = client.loan().cover.level
    approved = approve(client, "bo")

    assert (proposed.state, proposed.proposed_by, proposed.reason) == (1, "ana", REASON)
    assert proposed.release_pledge.share.value == "0.9"
    assert not proposed.HasField("decide_time")
    assert level == common_pb2.LTV_LEVEL_NONE
    assert (approved.state, approved.decided_by) == (override_pb2.OVERRIDE_STATE_APPROVED, "bo")
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_LIQUIDATION


def test_new_terms_and_pickups_can_be_overridden(client: Client) -> None:
    client.covered_loan()
    terms = loan_pb2.UpdatePledgeRequest(
        pledge=loan_pb2.Pledge(name=PLEDGE, share=Decimal(value="0.2")), update_mask=FieldMask(paths=["share"])
    )
    pickup = pickup_pb2.RequestPickupRequest(
        parent="loans/loan-1", asset="assets/lot-1", pickup_id="u-1", quantity=Decimal(value="10")
    )
    propose(client, "o-1", update_pledge=terms)
    propose(client, "o-2", request_pickup=pickup)
    approve(client, "bo", "o-1")
    approve(client, "bo", "o-2")

    pledges = client.loans.ListPledges(loan_pb2.ListPledgesRequest(parent="loans/loan-1")).pledges
    assert [one.share.value for one in pledges] == ["0.2"]
    page = stub(client).ListOverrides(
        override_pb2.ListOverridesRequest(parent="loans/loan-1", filter="state = APPROVED")
    )
    assert [one.name.rpartition("/")[2] for one in page.overrides] == ["o-2", "o-1"]


def test_the_proposer_cannot_approve_and_a_rejected_override_stays_rejected(client: Client) -> None:
    client.covered_loan()
    propose(client, **RELEASE)
    with pytest.raises(grpc.RpcError) as own:
        approve(client, "ana")
    stub(client).RejectOverride(override_pb2.RejectOverrideRequest(name="loans/loan-1/overrides/o-1", actor="bo"))
    with pytest.raises(grpc.RpcError) as late:
        approve(client, "cy")

    assert details_of(own.value)[0].reason == "OVERRIDE_OWN_PROPOSAL"
    assert details_of(late.value)[0].reason == "OVERRIDE_DECIDED"
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_NONE


def test_a_proposal_without_a_disposition_or_for_another_loan_is_refused(client: Client) -> None:
    client.covered_loan()
    with pytest.raises(grpc.RpcError) as empty:
        propose(client)
    with pytest.raises(grpc.RpcError) as foreign:
        propose(client, release_pledge=loan_pb2.ReleasePledgeRequest(name="loans/loan-2/pledges/p-1"))

    assert details_of(empty.value)[1] == ["override.disposition"]
    assert details_of(foreign.value)[1] == ["override.release_pledge.name"]
