"""Servicer of ConcentrationService."""

from __future__ import annotations

from collections.abc import Sequence

from grpc.aio import ServicerContext

from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.reports.reporting_rates import reporting_rates
from collateral_registry.domain.reports.distributions import Distribution, DistributionRow
from collateral_registry.domain.reports.reporting_currency import reporting_total
from collateral_registry.domain.reports.totals import Dimension
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.filtering import filter_of
from collateral_registry.rpc.common.moments import market_date, policy_name, read_moment
from collateral_registry.rpc.reports.reporting_messages import checked_reporting_currency, reporting_total_message
from collateral_registry.runtime.report_refresher import ReportRefresher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import concentration_pb2 as pb, concentration_pb2_grpc
from valuation.errors import InvalidInput

KEYS_DEFAULT = 10
KEYS_LIMIT = 10_000
"""Number of keys that are listed for a dimension. The others are returned as one sum."""


class ConcentrationServicer(concentration_pb2_grpc.ConcentrationServiceServicer):
    """Reports the concentration of the book in one currency."""

    def __init__(self, runner: BookRunner, ltv: LtvReports, refresher: ReportRefresher) -> None:
        """Stores the runner, the cached reports of the book and the task that keeps them current."""
        self._runner = runner
        self._ltv = ltv
        self._refresher = refresher

    async def GenerateConcentrationReport(
        self, request: pb.GenerateConcentrationReportRequest, context: ServicerContext
    ) -> pb.GenerateConcentrationReportResponse:
        """Returns the distribution of the book over each requested dimension."""
        read = convert.read_all(
            filter=lambda: filter_of("GenerateConcentrationReport", request.filter),
            currency=lambda: checked_reporting_currency(request.reporting_currency_code),
            dimensions=lambda: _dimensions(request.dimensions),
            limit=lambda: _key_limit(request.key_limit),
        )
        self._refresher.touch()

        def work(connection: Connection) -> pb.GenerateConcentrationReportResponse:
            moment = read_moment(connection, request.as_of)
            report = self._ltv.report(connection, moment, read["filter"], "loan")
            totals = self._ltv.totals(report, read["filter"])
            currency = read["currency"] or self._ltv.usual_currency(connection, moment)
            rates = reporting_rates(connection, moment, currency, (one.currency for one in totals))
            found = self._ltv.distributions(report, read["filter"], read["dimensions"], rates, read["limit"])
            return pb.GenerateConcentrationReportResponse(
                distributions=[_distribution(one, currency) for one in found] if currency else [],
                reporting_total=reporting_total_message(reporting_total(totals, rates)) if currency else None,
                loan_count=sum(one.loans for one in totals),
                unknown_count=sum(one.unknown for one in totals),
                sequence=moment.seq,
                market_date=market_date(moment),
                policy=policy_name(moment),
            )

        return await self._runner.long_read(work)


def _dimensions(requested: Sequence[int]) -> tuple[Dimension, ...]:
    """Returns the requested dimensions in their order, all of them if none is requested."""
    named = [convert.member(f"dimensions[{place}]", Dimension, value) for place, value in enumerate(requested)]
    return tuple(one for one in Dimension if one in named or not named)


def _key_limit(requested: int) -> int:
    if requested < 0:
        raise InvalidInput("key_limit", requested, "0 or more")
    return min(requested or KEYS_DEFAULT, KEYS_LIMIT)


def _distribution(one: Distribution, currency: str) -> pb.ConcentrationDistribution:
    return pb.ConcentrationDistribution(
        dimension=int(one.dimension),
        measure=int(one.measure),
        herfindahl_index=convert.ratio(one.herfindahl),
        effective_count=convert.ratio(one.effective),
        key_count=one.keys,
        rows=[_row(row, currency) for row in one.rows],
        total=None if one.total_minor is None else convert.money(one.total_minor, currency),
    )


def _row(row: DistributionRow, currency: str) -> pb.ConcentrationRow:
    return pb.ConcentrationRow(
        key=row.key,
        not_stated=not row.key and not row.others,
        others_count=row.others,
        amount=convert.money(row.amount_minor, currency),
        share=convert.ratio(row.share),
        loan_count=row.loans,
        unknown_count=row.unknown,
    )
