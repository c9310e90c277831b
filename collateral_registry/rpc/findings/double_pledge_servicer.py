"""DoublePledgeService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.findings.check_book import check_whole_book
from collateral_registry.commands.findings.double_pledge import confirm_double_pledge
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import get_finding
from collateral_registry.v1 import double_pledge_pb2 as pb
from collateral_registry.v1 import double_pledge_pb2_grpc
from valuation.errors import InvalidInput

FINDING_DIGITS = 18


class DoublePledgeServicer(double_pledge_pb2_grpc.DoublePledgeServiceServicer):
    """Looks over the whole book."""

    def __init__(self, runner: BookRunner) -> None:
        """Serves the book behind the calls."""
        self.runner = runner

    async def CheckDoublePledge(
        self, request: pb.CheckDoublePledgeRequest, context: ServicerContext
    ) -> pb.CheckDoublePledgeResponse:
        """Checks the whole book."""

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
            request, "CheckDoublePledge", pb.CheckDoublePledgeResponse, work, lambda answer: answer.sequence > 0
        )

    async def ConfirmDoublePledge(
        self, request: pb.ConfirmDoublePledgeRequest, context: ServicerContext
    ) -> pb.ConfirmDoublePledgeResponse:
        """Takes a finding for proved."""
        (number,) = id_of("name", request.name, "findings")
        if not number.isdigit() or len(number) > FINDING_DIGITS:
            raise InvalidInput("name", repr(request.name), "findings/{number}")
        actor, note = checked_text("actor", request.actor), checked_text("note", request.note)

        def work(write: Write) -> pb.ConfirmDoublePledgeResponse:
            confirm_double_pledge(write, int(number), note)
            asset_id = get_finding(write.connection, int(number)).asset_id
            return pb.ConfirmDoublePledgeResponse(asset=f"assets/{asset_id}")

        return await self.runner.write(
            request, "ConfirmDoublePledge", pb.ConfirmDoublePledgeResponse, work, actor=actor
        )
