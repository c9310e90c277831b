"""ReportService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from grpc.aio import ServicerContext

from collateral_registry.clock import microseconds
from collateral_registry.commands.reports.generate import LtvReport, LtvReports, Moment, breach_report, moment_of
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.reports.totals import Concentration, Total
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.filtering import conditions_in
from collateral_registry.rpc.common.paging import NEWEST, page_of
from collateral_registry.rpc.loans.cover_messages import cover_message
from collateral_registry.rpc.reports.breach_messages import breach_message
from collateral_registry.runtime.report_refresher import ReportRefresher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import report_pb2 as pb
from collateral_registry.v1 import report_pb2_grpc
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from collateral_registry.rpc.reports.arrow_rows import ArrowRows

CONCENTRATIONS_DEFAULT = 100
CONCENTRATIONS_LIMIT = 10_000
"""Keys of a dimension and currency that stand on their own in an answer; the others come as their sum."""

ENUMS = {
    "level": {level.name: int(level) for level in Level},
    "coverage": {"KNOWN": 0, "UNKNOWN": 1},
    "state": {"OPEN": 1, "CURED": 0},
}


class ReportServicer(report_pb2_grpc.ReportServiceServicer):
    """Reports on the whole book."""

    def __init__(self, runner: BookRunner) -> None:
        """Serves the book behind the calls."""
        self.runner = runner
        self.ltv = LtvReports()
        self.refresher = ReportRefresher(runner, self._prepare)

    async def GenerateLtvReport(
        self, request: pb.GenerateLtvReportRequest, context: ServicerContext
    ) -> pb.GenerateLtvReportResponse:
        """A row per loan with totals and concentrations."""
        wanted = conditions_in(request.filter, ENUMS)
        page = page_of(request, f"Ltv {request.as_of} {request.filter} {request.order_by}", (0, 0))
        keys = _concentration_limit(request.concentration_limit)
        self.refresher.asked()

        def work(connection: Connection) -> pb.GenerateLtvReportResponse:
            pinned, start = page.after
            moment = _moment(connection, request.as_of, pinned)
            report = self.ltv.report(connection, moment, wanted, request.order_by)
            sums = self.ltv.sums(report, wanted, keys)
            end = start + page.size
            return pb.GenerateLtvReportResponse(
                rows=[_row(row) for row in plain_rows(report.snapshot, report.rows[start:end])],
                totals=[_total(total) for total in sums.totals],
                concentrations=[_concentration(one) for one in sums.concentrations],
                sequence=moment.seq,
                market_date=convert.day(moment.market_day) if moment.seq else None,
                next_page_token=page.token((moment.seq, end)) if end < len(report.rows) else "",
            )

        return await self.runner.read(work)

    def _prepare(self, connection: Connection) -> None:
        """Makes what the first page of the report of now needs, and keeps it."""
        report = self.ltv.report(connection, moment_of(connection))
        self.ltv.sums(report, (), CONCENTRATIONS_DEFAULT)

    async def StreamLtvReport(
        self, request: pb.StreamLtvReportRequest, context: ServicerContext
    ) -> AsyncIterator[pb.StreamLtvReportResponse]:
        """Every row at one moment; a slow reader holds a batch in memory and no transaction open."""
        wanted = conditions_in(request.filter, ENUMS)

        def work(connection: Connection) -> tuple[LtvReport, ArrowRows]:
            # Arrow takes a tenth of a second to import, which a start need not wait for.
            from collateral_registry.rpc.reports.arrow_rows import ArrowRows  # noqa: PLC0415 - loads pyarrow

            report = self.ltv.report(connection, _moment(connection, request.as_of), wanted, request.order_by)
            return report, ArrowRows(report.snapshot)

        report, rows = await self.runner.read(work)
        yield pb.StreamLtvReportResponse(
            arrow=rows.begin,
            sequence=report.moment.seq,
            market_date=convert.day(report.moment.market_day) if report.moment.seq else None,
            row_count=len(report.rows),
        )
        for batch in rows.batches(report.rows):
            for piece in rows.pieces(await self.runner.compute(partial(rows.batch, batch))):
                yield pb.StreamLtvReportResponse(arrow=piece)
        yield pb.StreamLtvReportResponse(arrow=rows.end)

    async def GenerateBreachReport(
        self, request: pb.GenerateBreachReportRequest, context: ServicerContext
    ) -> pb.GenerateBreachReportResponse:
        """A row per breach."""
        wanted = conditions_in(request.filter, ENUMS)
        page = page_of(request, f"Breaches {request.as_of} {request.filter}", (0, NEWEST))

        def work(connection: Connection) -> pb.GenerateBreachReportResponse:
            pinned, before = page.after
            moment = _moment(connection, request.as_of, pinned)
            found = breach_report(connection, moment, wanted, before, page.size + 1)
            rows, token = page.cut(found, lambda breach: (moment.seq, breach.first_event))
            return pb.GenerateBreachReportResponse(
                breaches=[breach_message(breach) for breach in rows],
                sequence=moment.seq,
                market_date=convert.day(moment.market_day) if moment.seq else None,
                next_page_token=token,
            )

        return await self.runner.read(work)


def _concentration_limit(asked: int) -> int:
    """Keys listed of a dimension and currency: 100 when 0 is asked, at most 10,000."""
    if asked < 0:
        raise InvalidInput("concentration_limit", asked, "0 or more")
    return min(asked or CONCENTRATIONS_DEFAULT, CONCENTRATIONS_LIMIT)


def _moment(connection: Connection, as_of: pb.AsOf, pinned_seq: int = 0) -> Moment:
    """Returns the requested moment, on later pages the one that the first page pinned by its sequence."""
    if pinned_seq:
        return moment_of(connection, seq=pinned_seq)
    chosen = as_of.WhichOneof("moment")
    if chosen == "sequence":
        return moment_of(connection, seq=as_of.sequence)
    if chosen == "known_time":
        return moment_of(connection, known_us=microseconds(as_of.known_time.ToDatetime(tzinfo=UTC)))
    if chosen == "market_date":
        return moment_of(connection, day=convert.required_date("as_of.market_date", as_of, "market_date"))
    return moment_of(connection)


def _row(row: dict[str, Any]) -> pb.LtvReportRow:
    loan = f"loans/{row['loan_id']}"
    return pb.LtvReportRow(
        loan=loan,
        borrower=row["borrower"],
        cover=cover_message(row, row["currency_code"]),
        breach=f"{loan}/breaches/{row['breach_number']}" if row["breach_open"] else "",
        deadline_date=convert.day(row["deadline_day"]) if row["deadline_day"] != NO_DAY else None,
    )


def _total(total: Total) -> pb.LtvReportTotal:
    return pb.LtvReportTotal(
        currency_code=total.currency,
        loan_count=total.loans,
        breach_count=total.breaches,
        unknown_count=total.unknown,
        exposure=convert.money(total.exposure_minor, total.currency),
        market_value=convert.money(total.market_minor, total.currency),
        lendable_value=convert.money(total.lendable_minor, total.currency),
    )


def _concentration(one: Concentration) -> pb.Concentration:
    return pb.Concentration(
        dimension=int(one.dimension),
        key=one.key,
        currency_code=one.currency,
        lendable_value=convert.money(one.lendable_minor, one.currency),
        share=convert.ratio(one.share),
        others_count=one.others,
    )
