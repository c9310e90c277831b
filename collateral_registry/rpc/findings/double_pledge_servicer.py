"""Servicer of DoublePledgeService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.findings.check_book import check_whole_book
from collateral_registry.commands.findings.double_pledge import confirm_double_pledge
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.findings.messages import finding_key
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import get_finding
from collateral_registry.v1 import double_pledge_pb2 as pb, double_pledge_pb2_grpc


class DoublePledgeServicer(double_pledge_pb2_grpc.DoublePledgeServiceServicer):
    """Checks the book for duplicate references and over-pledged stock."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def CheckDoublePledge(
        self, request: pb.CheckDoublePledgeRequest, context: ServicerContext
    ) -> pb.CheckDoublePledgeResponse:
        """Checks the whole book and opens a finding for each new problem; writes nothing if there is none."""

        def work(write: Write) -> pb.CheckDoublePledgeResponse:
            found = check_whole_book(write)
            return pb.CheckDoublePledgeResponse(
                same_number_count=found.strong,
                suspicion_count=found.suspicions,
                over_pledged_place_count=found.over_pledged,
                opened_finding_count=found.opened,
                sequence=write.seq if found.changed else 0,
            )

        return await self.runner.write(
            call_of(request, "CheckDoublePledge", pb.CheckDoublePledgeResponse),
            work,
            lambda answer: answer.sequence > 0,
        )

    async def ConfirmDoublePledge(
        self, request: pb.ConfirmDoublePledgeRequest, context: ServicerContext
    ) -> pb.ConfirmDoublePledgeResponse:
        """Confirms a finding of a double pledge, which reduces the value of its asset to 0."""
        read = convert.read_all(
            key=lambda: finding_key("name", request.name),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note),
        )
        key = read["key"]

        def work(write: Write) -> pb.ConfirmDoublePledgeResponse:
            confirm_double_pledge(write, key, read["note"])
            asset_id = get_finding(write.connection, key).asset_id
            return pb.ConfirmDoublePledgeResponse(asset=f"assets/{asset_id}")

        return await self.runner.write(
            call_of(request, "ConfirmDoublePledge", pb.ConfirmDoublePledgeResponse, read["actor"]), work
        )
