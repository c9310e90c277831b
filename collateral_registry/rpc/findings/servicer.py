"""Servicer of FindingService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.stock.resolve_finding import resolve
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.findings.messages import finding_key, finding_message
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.findings.repository import get_finding, list_findings
from collateral_registry.v1 import finding_pb2 as pb, finding_pb2_grpc


class FindingServicer(finding_pb2_grpc.FindingServiceServicer):
    """Returns and resolves findings: facts about collateral that contradict each other."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def GetFinding(self, request: pb.GetFindingRequest, context: ServicerContext) -> pb.Finding:
        """Returns one finding."""
        key = finding_key("name", request.name)
        return await self.runner.read(lambda connection: finding_message(get_finding(connection, key)))

    async def ListFindings(self, request: pb.ListFindingsRequest, context: ServicerContext) -> pb.ListFindingsResponse:
        """Lists findings, newest first."""
        wanted, page = filtered_page(request, "ListFindings", NEWEST)

        def work(connection: Connection) -> pb.ListFindingsResponse:
            messages, token = page.filled(
                list_findings(connection, wanted, *page.bounds), lambda row: row.key, finding_message
            )
            return pb.ListFindingsResponse(findings=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ResolveFinding(self, request: pb.ResolveFindingRequest, context: ServicerContext) -> pb.Finding:
        """Resolves a finding with a note.

        If a count reserved a quantity for the finding, that quantity counts again.
        """
        read = convert.read_all(
            key=lambda: finding_key("name", request.name),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note),
        )
        return await self.runner.write(
            call_of(request, "ResolveFinding", pb.Finding, read["actor"]),
            lambda write: finding_message(resolve(write, read["key"], read["note"])),
        )
