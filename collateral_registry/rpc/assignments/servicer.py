"""Servicer of AssignmentService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.assignments import records
from collateral_registry.commands.pipeline.settle import settled
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression, narrowed
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.assignments.messages import (
    assignment_message,
    exclusion_message,
    limit_message,
    read_event,
    read_exclusion,
    read_limit,
    read_search,
    read_terms,
    search_message,
    terms_message,
)
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.assignments.repository import get_assignment, list_assignments
from collateral_registry.store.assignments.statements import EXCLUSIONS, LIMITS, SEARCHES, TERMS
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import assignment_pb2 as pb, assignment_pb2_grpc

EVERY_ASSET = {"", "assets/-"}
"""Parents that stand for all assets."""


def of_asset(parent: str) -> Expression:
    """Returns the expression that restricts a list to an asset, or that matches everything for all assets."""
    return EVERYTHING if parent in EVERY_ASSET else narrowed(EVERYTHING, "asset", id_of("parent", parent, "assets")[0])


class AssignmentServicer(assignment_pb2_grpc.AssignmentServiceServicer):
    """Records the assignment of invoices, what registries and contracts say of it, exclusions and limits of debtors."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def RecordAssignmentEvent(
        self, request: pb.RecordAssignmentEventRequest, context: ServicerContext
    ) -> pb.Assignment:
        """Records an event of an assignment."""
        read = convert.read_all(
            names=lambda: id_of("name", request.name, "assets", "assignments"),
            event=lambda: read_event(request.event),
            actor=lambda: actor_of(request),
        )
        (asset_id, assignment_id), event, actor = read["names"], read["event"], read["actor"]

        def work(write: Write) -> pb.Assignment:
            stored = settled(write, lambda write: records.record_event(write, asset_id, assignment_id, event, actor))
            return assignment_message(stored, write.market_day)

        return await self.runner.write(call_of(request, "RecordAssignmentEvent", pb.Assignment, actor), work)

    async def GetAssignment(self, request: pb.GetAssignmentRequest, context: ServicerContext) -> pb.Assignment:
        """Returns one assignment."""
        names = id_of("name", request.name, "assets", "assignments")

        def work(connection: Connection) -> pb.Assignment:
            _, day = newest_commit(connection)
            return assignment_message(get_assignment(connection, *names), day)

        return await self.runner.read(work)

    async def ListAssignments(
        self, request: pb.ListAssignmentsRequest, context: ServicerContext
    ) -> pb.ListAssignmentsResponse:
        """Lists the assignments of an asset, or of all assets, in the order of the ids of asset and assignment."""
        wanted, page = filtered_page(request, "ListAssignments", ("", ""), of_parent=of_asset)

        def work(connection: Connection) -> pb.ListAssignmentsResponse:
            found = list_assignments(connection, wanted, *page.bounds)
            _, day = newest_commit(connection)
            messages, token = page.filled(
                found, lambda row: (row.asset_id, row.assignment_id), lambda row: assignment_message(row, day)
            )
            return pb.ListAssignmentsResponse(assignments=messages, next_page_token=token)

        return await self.runner.read(work)

    async def RecordRegistrySearch(
        self, request: pb.RecordRegistrySearchRequest, context: ServicerContext
    ) -> pb.RegistrySearch:
        """Records a search of a registry."""
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            search=lambda: read_search(request.registry_search),
            actor=lambda: actor_of(request),
        )
        asset_id, search, actor = read["asset_id"], read["search"], read["actor"]

        def work(write: Write) -> pb.RegistrySearch:
            return search_message(settled(write, lambda write: records.record_search(write, asset_id, search, actor)))

        return await self.runner.write(call_of(request, "RecordRegistrySearch", pb.RegistrySearch, actor), work)

    async def ListRegistrySearches(
        self, request: pb.ListRegistrySearchesRequest, context: ServicerContext
    ) -> pb.ListRegistrySearchesResponse:
        """Lists searches, newest first."""
        wanted, page = filtered_page(request, "ListRegistrySearches", NEWEST, of_parent=of_asset)

        def work(connection: Connection) -> pb.ListRegistrySearchesResponse:
            messages, token = page.filled(
                SEARCHES.page(connection, wanted, *page.bounds), lambda row: row.key, search_message
            )
            return pb.ListRegistrySearchesResponse(registry_searches=messages, next_page_token=token)

        return await self.runner.read(work)

    async def RecordContractTerms(
        self, request: pb.RecordContractTermsRequest, context: ServicerContext
    ) -> pb.ContractTerms:
        """Records whether contracts bar the assignment of invoices."""
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            terms=lambda: read_terms(request),
            actor=lambda: actor_of(request),
        )
        asset_id, terms, actor = read["asset_id"], read["terms"], read["actor"]

        def work(write: Write) -> pb.ContractTerms:
            return terms_message(settled(write, lambda write: records.record_terms(write, asset_id, terms, actor)))

        return await self.runner.write(call_of(request, "RecordContractTerms", pb.ContractTerms, actor), work)

    async def ListContractTerms(
        self, request: pb.ListContractTermsRequest, context: ServicerContext
    ) -> pb.ListContractTermsResponse:
        """Lists statements on contracts, newest first."""
        wanted, page = filtered_page(request, "ListContractTerms", NEWEST, of_parent=of_asset)

        def work(connection: Connection) -> pb.ListContractTermsResponse:
            messages, token = page.filled(
                TERMS.page(connection, wanted, *page.bounds), lambda row: row.key, terms_message
            )
            return pb.ListContractTermsResponse(contract_terms=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ExcludeInvoices(self, request: pb.ExcludeInvoicesRequest, context: ServicerContext) -> pb.Exclusion:
        """Excludes invoices by hand."""
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            exclusion=lambda: read_exclusion(request.exclusion),
            actor=lambda: actor_of(request),
        )
        asset_id, exclusion, actor = read["asset_id"], read["exclusion"], read["actor"]

        def work(write: Write) -> pb.Exclusion:
            return exclusion_message(settled(write, lambda write: records.exclude(write, asset_id, exclusion, actor)))

        return await self.runner.write(call_of(request, "ExcludeInvoices", pb.Exclusion, actor), work)

    async def EndExclusion(self, request: pb.EndExclusionRequest, context: ServicerContext) -> pb.Exclusion:
        """Ends an exclusion."""
        read = convert.read_all(
            names=lambda: id_of("name", request.name, "assets", "exclusions"),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note),
        )
        (asset_id, number), actor, note = read["names"], read["actor"], read["note"]
        key = number_in_name("name", request.name, number, "assets/{asset}/exclusions/{number}")

        def work(write: Write) -> pb.Exclusion:
            return exclusion_message(settled(write, lambda write: records.readmit(write, asset_id, key, actor, note)))

        return await self.runner.write(call_of(request, "EndExclusion", pb.Exclusion, actor), work)

    async def ListExclusions(
        self, request: pb.ListExclusionsRequest, context: ServicerContext
    ) -> pb.ListExclusionsResponse:
        """Lists exclusions, newest first."""
        wanted, page = filtered_page(request, "ListExclusions", NEWEST, of_parent=of_asset)

        def work(connection: Connection) -> pb.ListExclusionsResponse:
            messages, token = page.filled(
                EXCLUSIONS.page(connection, wanted, *page.bounds), lambda row: row.key, exclusion_message
            )
            return pb.ListExclusionsResponse(exclusions=messages, next_page_token=token)

        return await self.runner.read(work)

    async def RecordDebtorLimit(self, request: pb.RecordDebtorLimitRequest, context: ServicerContext) -> pb.DebtorLimit:
        """Records a limit of a debtor in a pool."""
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            limit=lambda: read_limit(request.debtor_limit),
            actor=lambda: actor_of(request),
        )
        asset_id, limit, actor = read["asset_id"], read["limit"], read["actor"]

        def work(write: Write) -> pb.DebtorLimit:
            return limit_message(settled(write, lambda write: records.limit_debtor(write, asset_id, limit, actor)))

        return await self.runner.write(call_of(request, "RecordDebtorLimit", pb.DebtorLimit, actor), work)

    async def EndDebtorLimit(self, request: pb.EndDebtorLimitRequest, context: ServicerContext) -> pb.DebtorLimit:
        """Ends a limit of a debtor."""
        read = convert.read_all(
            names=lambda: id_of("name", request.name, "assets", "debtorLimits"),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note),
        )
        (asset_id, number), actor, note = read["names"], read["actor"], read["note"]
        key = number_in_name("name", request.name, number, "assets/{asset}/debtorLimits/{number}")

        def work(write: Write) -> pb.DebtorLimit:
            return limit_message(settled(write, lambda write: records.end_limit(write, asset_id, key, actor, note)))

        return await self.runner.write(call_of(request, "EndDebtorLimit", pb.DebtorLimit, actor), work)

    async def ListDebtorLimits(
        self, request: pb.ListDebtorLimitsRequest, context: ServicerContext
    ) -> pb.ListDebtorLimitsResponse:
        """Lists limits of debtors, newest first."""
        wanted, page = filtered_page(request, "ListDebtorLimits", NEWEST, of_parent=of_asset)

        def work(connection: Connection) -> pb.ListDebtorLimitsResponse:
            messages, token = page.filled(
                LIMITS.page(connection, wanted, *page.bounds), lambda row: row.key, limit_message
            )
            return pb.ListDebtorLimitsResponse(debtor_limits=messages, next_page_token=token)

        return await self.runner.read(work)
