"""Servicer of FacetService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.domain.reports.facets import Facet, checked_fields
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.filtering import filter_of
from collateral_registry.rpc.common.moments import market_date, policy_name, read_moment
from collateral_registry.runtime.report_refresher import ReportRefresher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import facets_pb2 as pb, facets_pb2_grpc
from valuation.errors import InvalidInput

VALUES_DEFAULT = 100
VALUES_LIMIT = 1_000
"""Number of values of a field. The number of the others is stated."""


class FacetServicer(facets_pb2_grpc.FacetServiceServicer):
    """Counts loans by the values of their fields."""

    def __init__(self, runner: BookRunner, ltv: LtvReports, refresher: ReportRefresher) -> None:
        """Stores the runner, the cached reports of the book and the task that keeps them current."""
        self._runner = runner
        self._ltv = ltv
        self._refresher = refresher

    async def GetLoanFacets(
        self, request: pb.GetLoanFacetsRequest, context: ServicerContext
    ) -> pb.GetLoanFacetsResponse:
        """Returns how many loans have each value of each field under a filter."""
        read = convert.read_all(
            filter=lambda: filter_of("GetLoanFacets", request.filter),
            fields=lambda: checked_fields(request.fields),
            limit=lambda: _value_limit(request.value_limit),
        )
        self._refresher.touch()

        def work(connection: Connection) -> pb.GetLoanFacetsResponse:
            moment = read_moment(connection, request.as_of)
            found = self._ltv.facets(connection, moment, read["filter"], read["fields"], read["limit"])
            return pb.GetLoanFacetsResponse(
                facets=[_facet(one) for one in found.facets],
                loan_count=found.loans,
                sequence=moment.seq,
                market_date=market_date(moment),
                policy=policy_name(moment),
            )

        return await self._runner.long_read(work)


def _value_limit(requested: int) -> int:
    if requested < 0:
        raise InvalidInput("value_limit", requested, "0 or more")
    return min(requested or VALUES_DEFAULT, VALUES_LIMIT)


def _facet(facet: Facet) -> pb.LoanFacet:
    values = [
        pb.LoanFacetValue(value=one.value, loan_count=one.loans, unknown_count=one.unknown, filter=one.filter)
        for one in facet.values
    ]
    return pb.LoanFacet(field=facet.field, values=values, other_value_count=facet.others)
