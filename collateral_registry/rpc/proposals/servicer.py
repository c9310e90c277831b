"""Servicer of ProposalService."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from grpc.aio import ServicerContext

from collateral_registry.commands.proposals import proposals as commands
from collateral_registry.domain.proposals.proposals import (
    BreachWaiver,
    DoublePledgeConfirmation,
    ModelActivation,
    PolicyActivation,
    ProposedRequest,
)
from collateral_registry.domain.shared.errors import located
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.findings.messages import finding_key
from collateral_registry.rpc.reports.breach_messages import waiver_of as stated_waiver
from collateral_registry.rpc.reports.breach_servicer import breach_of
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.proposals.repository import StoredProposal, get_proposal, list_proposals
from collateral_registry.v1 import breach_pb2, proposal_pb2 as pb, proposal_pb2_grpc
from valuation.errors import InvalidInput


class ProposalServicer(proposal_pb2_grpc.ProposalServiceServicer):
    """Records proposals, and carries out their requests when another person approves them."""

    def __init__(self, runner: BookRunner, runs: RunDriver) -> None:
        self.runner = runner
        self.runs = runs

    async def CreateProposal(self, request: pb.CreateProposalRequest, context: ServicerContext) -> pb.Proposal:
        """Records a proposal of a request that could be carried out now."""
        read = convert.read_all(
            form=lambda: _check_form(request.proposal),
            reason=lambda: checked_text("proposal.reason", request.proposal.reason),
            actor=lambda: actor_of(request),
        )

        def work(write: Write) -> pb.Proposal:
            with located(f"proposal.{request.proposal.WhichOneof('request')}"):
                decision = _read_request(write.connection, request.proposal)
                commands.check_request(write.connection, decision)
            return _message(commands.create_proposal(write, decision, read["reason"]))

        return await self.runner.write(call_of(request, "CreateProposal", pb.Proposal, read["actor"]), work)

    async def GetProposal(self, request: pb.GetProposalRequest, context: ServicerContext) -> pb.Proposal:
        """Returns one proposal."""
        key = _key_of(request.name)
        return await self.runner.read(lambda connection: _message(get_proposal(connection, key)))

    async def ListProposals(
        self, request: pb.ListProposalsRequest, context: ServicerContext
    ) -> pb.ListProposalsResponse:
        """Lists proposals, newest first."""
        wanted, page = filtered_page(request, "ListProposals", NEWEST)

        def work(connection: Connection) -> pb.ListProposalsResponse:
            messages, token = page.filled(
                list_proposals(connection, wanted, *page.bounds), lambda row: row.key, _message
            )
            return pb.ListProposalsResponse(proposals=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ApproveProposal(self, request: pb.ApproveProposalRequest, context: ServicerContext) -> pb.Proposal:
        """Carries out the request of a proposal, and waits until a revaluation that it starts has ended."""
        answer = await self._decide(request, "ApproveProposal", commands.approve_proposal)
        if answer.HasField("activate_policy") and not request.validate_only:
            await self.runs.settled()
        return answer

    async def RejectProposal(self, request: pb.RejectProposalRequest, context: ServicerContext) -> pb.Proposal:
        """Rejects a proposal."""
        return await self._decide(request, "RejectProposal", commands.reject_proposal)

    async def _decide(
        self,
        request: pb.ApproveProposalRequest | pb.RejectProposalRequest,
        kind: str,
        decide: Callable[[Write, int, str], StoredProposal],
    ) -> pb.Proposal:
        read = convert.read_all(
            key=lambda: _key_of(request.name),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note, required=False),
        )
        call = call_of(request, kind, pb.Proposal, read["actor"])
        return await self.runner.write(call, lambda write: _message(decide(write, read["key"], read["note"])))


def _key_of(name: str) -> int:
    (number,) = id_of("name", name, "proposals")
    return number_in_name("name", name, number, "proposals/{number}")


def _check_form(message: pb.Proposal) -> None:
    """Raises InvalidInput for a request whose fields are malformed, whatever the book contains."""
    wanted = "activate_policy, activate_equipment_model, waive_breach or confirm_double_pledge"
    _check_bare(message)
    match message.WhichOneof("request"):
        case "activate_policy":
            id_of("proposal.activate_policy.name", message.activate_policy.name, "policies")
        case "activate_equipment_model":
            activation, field = message.activate_equipment_model, "proposal.activate_equipment_model"
            convert.read_all(
                name=lambda: id_of(f"{field}.name", activation.name, "equipmentModels"),
                asset_class=lambda: checked_text(f"{field}.asset_class", activation.asset_class),
            )
        case "waive_breach":
            waiver = message.waive_breach
            convert.read_all(
                name=lambda: breach_of("proposal.waive_breach.name", waiver.name),
                note=lambda: checked_text("proposal.waive_breach.note", waiver.note),
                waiver=lambda: stated_waiver("proposal.waive_breach.", waiver),
            )
        case "confirm_double_pledge":
            confirmation = message.confirm_double_pledge
            convert.read_all(
                name=lambda: finding_key("proposal.confirm_double_pledge.name", confirmation.name),
                note=lambda: checked_text("proposal.confirm_double_pledge.note", confirmation.note),
            )
        case _:
            raise InvalidInput("proposal.request", "nothing", wanted)


def _check_bare(message: pb.Proposal) -> None:
    """Raises InvalidInput if the request of a proposal states what the call that creates or approves it states."""
    kind = message.WhichOneof("request")
    if kind is None:
        return
    request = getattr(message, kind)
    for name in {"actor", "request_id", "validate_only"} & set(request.DESCRIPTOR.fields_by_name):
        if value := getattr(request, name):
            raise InvalidInput(f"proposal.{kind}.{name}", value, "nothing, because the proposal states it")


def _read_request(connection: Connection, message: pb.Proposal) -> ProposedRequest:
    """Returns the request of a proposal whose form is checked; of a waiver with the present level of the breach."""
    match message.WhichOneof("request"):
        case "activate_policy":
            return PolicyActivation(*id_of("name", message.activate_policy.name, "policies"))
        case "activate_equipment_model":
            activation = message.activate_equipment_model
            (model_id,) = id_of("name", activation.name, "equipmentModels")
            return ModelActivation(model_id, activation.asset_class)
        case "waive_breach":
            waiver = message.waive_breach
            loan_id, number = breach_of("name", waiver.name)
            note = checked_text("note", waiver.note)
            return commands.waiver_of(connection, loan_id, number, note, stated_waiver("", waiver))
        case _:
            confirmation = message.confirm_double_pledge
            return DoublePledgeConfirmation(
                finding_key("name", confirmation.name), checked_text("note", confirmation.note)
            )


def _message(stored: StoredProposal) -> pb.Proposal:
    proposal, decision = stored.proposal, stored.proposal.decision
    message = pb.Proposal(
        name=f"proposals/{stored.key}",
        reason=proposal.reason,
        state=stored.state,
        expire_date=convert.calendar_date(proposal.expire),
        proposed_by=proposal.proposer.actor,
        proposing_principal=proposal.proposer.principal,
        propose_time=convert.timestamp(stored.proposed_us),
        decided_by=decision.decider.actor if decision else "",
        deciding_principal=decision.decider.principal if decision else "",
        decide_time=convert.optional_timestamp(stored.decided_us),
        decision_note=decision.note if decision else "",
    )
    _write_request(message, proposal.request)
    return message


def _write_request(message: pb.Proposal, request: ProposedRequest) -> None:
    """Sets the request of a proposal as it will be carried out."""
    match request:
        case PolicyActivation():
            message.activate_policy.name = f"policies/{request.policy_id}"
        case ModelActivation():
            message.activate_equipment_model.name = f"equipmentModels/{request.model_id}"
            message.activate_equipment_model.asset_class = request.asset_class
        case BreachWaiver():
            message.waive_breach.name = f"loans/{request.loan_id}/breaches/{request.breach_number}"
            message.waive_breach.note = request.note
            if request.waiver is not None:
                message.waive_breach.reason = breach_pb2.WaiverReason.ValueType(request.waiver.reason)
                message.waive_breach.expire_date.CopyFrom(convert.calendar_date(request.waiver.expire))
        case DoublePledgeConfirmation():
            message.confirm_double_pledge.name = f"findings/{request.finding_key}"
            message.confirm_double_pledge.note = request.note
        case _:
            assert_never(request)
