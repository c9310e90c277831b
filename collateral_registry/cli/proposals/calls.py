"""Proposes requests that two persons decide, shows proposals, and approves or rejects them."""

from __future__ import annotations

import uuid

import grpc
from google.protobuf.json_format import MessageToDict

from collateral_registry.cli.breaches.calls import waiver_request
from collateral_registry.cli.common.client import print_line, print_message
from collateral_registry.cli.common.formatting import format_date, resource_name
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    text,
    time,
)
from collateral_registry.v1 import (
    double_pledge_pb2,
    equipment_pb2,
    policy_pb2,
    proposal_pb2 as pb,
    proposal_pb2_grpc,
)

PROPOSALS = Table(
    "proposals",
    (
        Column("proposal", Kind.TEXT),
        Column("request", Kind.TEXT),
        Column("about", Kind.TEXT, importance=Importance.HIGH),
        Column("state", Kind.CODE),
        Column("expire_date", Kind.DATE, "last day", Importance.USUAL),
        Column("proposed_by", Kind.TEXT, "by", Importance.USUAL),
        Column("decided_by", Kind.TEXT, "decided by", Importance.USUAL),
        Column("reason", Kind.TEXT, importance=Importance.LOW),
        Column("propose_time", Kind.TIME, "proposed", Importance.LOW),
        Column("decide_time", Kind.TIME, "decided", Importance.LOW),
        Column("note", Kind.TEXT, importance=Importance.DETAIL),
    ),
)


def propose_policy(channel: grpc.Channel, policy: str, reason: str, actor: str) -> None:
    """Proposes to activate a policy."""
    request = policy_pb2.ActivatePolicyRequest(name=resource_name("policies", policy))
    _propose(channel, pb.Proposal(reason=reason, activate_policy=request), actor)


def propose_model(channel: grpc.Channel, model: str, asset_class: str, reason: str, actor: str) -> None:
    """Proposes to activate an equipment model for an asset class."""
    name = resource_name("equipmentModels", model)
    request = equipment_pb2.ActivateEquipmentModelRequest(name=name, asset_class=asset_class)
    _propose(channel, pb.Proposal(reason=reason, activate_equipment_model=request), actor)


def propose_waiver(channel: grpc.Channel, breach: str, reason: str, cause: str, until: str, actor: str) -> None:
    """Proposes to waive a breach, which is given as LOAN/NUMBER or by its name."""
    request = waiver_request(breach, reason, cause, until)
    _propose(channel, pb.Proposal(reason=reason, waive_breach=request), actor)


def propose_confirmation(channel: grpc.Channel, finding: str, reason: str, actor: str) -> None:
    """Proposes to confirm a double pledge."""
    name = resource_name("findings", finding)
    request = double_pledge_pb2.ConfirmDoublePledgeRequest(name=name, note=reason)
    _propose(channel, pb.Proposal(reason=reason, confirm_double_pledge=request), actor)


def list_proposals(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Lists proposals, newest first."""
    found = fetch_all(_stub(channel).ListProposals, pb.ListProposalsRequest(filter=filter_), "proposals", limit)
    show_table(PROPOSALS, ListedRows(map(_row, found.proposals)), layout)


def show_proposal(channel: grpc.Channel, proposal: str) -> None:
    """Prints a proposal as JSON."""
    print_message(_stub(channel).GetProposal(pb.GetProposalRequest(name=resource_name("proposals", proposal))))


def approve_proposal(channel: grpc.Channel, proposal: str, actor: str, note: str) -> None:
    """Approves a proposal, which carries out its request."""
    request = pb.ApproveProposalRequest(
        name=resource_name("proposals", proposal), actor=actor, note=note, request_id=uuid.uuid4().hex
    )
    found = _stub(channel).ApproveProposal(request)
    print_line(f"{found.name} is approved by {found.decided_by} and carried out: {_described(found)}")


def reject_proposal(channel: grpc.Channel, proposal: str, actor: str, note: str) -> None:
    """Rejects a proposal."""
    request = pb.RejectProposalRequest(
        name=resource_name("proposals", proposal), actor=actor, note=note, request_id=uuid.uuid4().hex
    )
    found = _stub(channel).RejectProposal(request)
    print_line(f"{found.name} is rejected by {found.decided_by}: {_described(found)}")


def _propose(channel: grpc.Channel, proposal: pb.Proposal, actor: str) -> None:
    request = pb.CreateProposalRequest(proposal=proposal, actor=actor, request_id=uuid.uuid4().hex)
    found = _stub(channel).CreateProposal(request)
    print_line(f"{found.name} is pending until {format_date(found.expire_date)}: {_described(found)}")
    print_line(f"another person approves it by: collateral proposal approve {found.name.rpartition('/')[2]}")


def _described(proposal: pb.Proposal) -> str:
    return " ".join(_parts(proposal))


def _parts(proposal: pb.Proposal) -> tuple[str, str]:
    """Returns the name of a proposed request as the commands spell it, and what it is about."""
    field = proposal.WhichOneof("request") or ""
    about = MessageToDict(getattr(proposal, field), preserving_proto_field_name=True) if field else {}
    return field.replace("_", "-"), " ".join(str(about[name]) for name in ("name", "asset_class") if name in about)


def _stub(channel: grpc.Channel) -> proposal_pb2_grpc.ProposalServiceStub:
    return proposal_pb2_grpc.ProposalServiceStub(channel)


def _row(found: pb.Proposal) -> Row:
    request, about = _parts(found)
    return (
        found.name.rpartition("/")[2],
        request,
        about,
        label(pb.ProposalState.Name(found.state), "PROPOSAL_STATE_"),
        day(found.expire_date),
        text(found.proposed_by),
        text(found.decided_by),
        text(found.reason),
        time(found.propose_time),
        time(found.decide_time) if found.HasField("decide_time") else None,
        text(found.decision_note),
    )
