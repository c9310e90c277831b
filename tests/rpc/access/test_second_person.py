"""An override needs two identities, whatever names and roles they have."""

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.domain.access.roles import Role
from collateral_registry.v1 import loan_pb2, override_pb2 as pb, override_pb2_grpc
from tests.support.callers import caller
from tests.support.server import Client, details_of

pytestmark = pytest.mark.slow

LOAN_SYSTEM = caller("spiffe://bank.example/los", Role.ORIGINATOR)
NAME = "loans/loan-1/overrides/o-1"


def approve(stub: override_pb2_grpc.OverrideServiceStub, principal: str, *roles: Role) -> pb.Override:
    return stub.ApproveOverride(pb.ApproveOverrideRequest(name=NAME), metadata=caller(principal, *roles))


def test_an_override_of_the_loan_system_is_approved_by_another_person_than_its_user(channel):
    client, stub = Client(channel), override_pb2_grpc.OverrideServiceStub(channel)
    client.covered_loan()
    release = loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-1", share=Decimal(value="0.9"))
    request = pb.ProposeOverrideRequest(
        parent="loans/loan-1",
        override_id="o-1",
        override=pb.Override(reason="cash arrives on Monday", release_pledge=release),
        actor="Ana",
    )
    proposed = stub.ProposeOverride(request, metadata=LOAN_SYSTEM)
    refused = []
    for principal in ("people/ana", "spiffe://bank.example/los"):
        with pytest.raises(grpc.RpcError) as own:
            approve(stub, principal, Role.HEAD_OF_RISK)
        refused.append(details_of(own.value)[0].reason)
    approved = approve(stub, "people/bo", Role.HEAD_OF_RISK)

    assert (proposed.proposed_by, proposed.proposing_principal) == ("Ana", "spiffe://bank.example/los")
    assert refused == ["OVERRIDE_OWN_PROPOSAL"] * 2
    assert (approved.decided_by, approved.deciding_principal) == ("people/bo", "people/bo")
