"""Servicer of ReportService, with the conversion of report rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports.generate import LtvReport, LtvReports, breach_report
from collateral_registry.commands.reports.reporting_rates import reporting_rates
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.reports.reporting_currency import reporting_total
from collateral_registry.domain.reports.totals import Concentration, Total
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import cover_messages
from collateral_registry.rpc.common.filtering import filter_of, filtered_page, order_of
from collateral_registry.rpc.common.moments import market_date, policy_name, read_moment
from collateral_registry.rpc.reports.breach_messages import breach_message
from collateral_registry.rpc.reports.reporting_messages import checked_reporting_currency, reporting_total_message
from collateral_registry.runtime.report_refresher import ReportRefresher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.breaches import START, BreachOrder
from collateral_registry.v1 import report_pb2 as pb, report_pb2_grpc
from collateral_registry.v1.loan_pb2 import LoanCover
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from collateral_registry.rpc.reports.arrow_rows import ArrowRows

CONCENTRATIONS_DEFAULT = 100
CONCENTRATIONS_LIMIT = 10_000
"""Number of keys that are listed for a dimension and currency. The others are returned as one sum."""


class ReportServicer(report_pb2_grpc.ReportServiceServicer):
    """Generates reports on the whole book, now or as of an earlier commit, time or business date."""

    def __init__(self, runner: BookRunner, ltv: LtvReports) -> None:
        """Stores the runner and the cached reports of the book."""
        self.runner = runner
        self.ltv = ltv
        self.refresher = ReportRefresher(runner, self._prepare)
        # Building messages holds the interpreter: two threads would build no more of them, and take it from reads.
        self._building = Lock()

    async def GenerateLtvReport(
        self, request: pb.GenerateLtvReportRequest, context: ServicerContext
    ) -> pb.GenerateLtvReportResponse:
        """Returns a page of loans, with totals and concentrations of the book."""
        wanted, page = filtered_page(request, "GenerateLtvReport", (0, 0), request.as_of, request.order_by)
        reporting = checked_reporting_currency(request.reporting_currency_code)
        keys = _concentration_limit(request.concentration_limit)
        self.refresher.touch()

        def work(connection: Connection) -> pb.GenerateLtvReportResponse:
            pinned, start = page.after
            moment = read_moment(connection, request.as_of, pinned)
            report = self.ltv.report(connection, moment, wanted, request.order_by)
            sums = self.ltv.sums(report, wanted, keys)
            total = None
            if reporting:
                rates = reporting_rates(connection, moment, reporting, (one.currency for one in sums.totals))
                total = reporting_total_message(reporting_total(sums.totals, rates))
            end = start + page.size
            with self._building:
                return pb.GenerateLtvReportResponse(
                    rows=_rows(plain_rows(report.snapshot, report.rows[start:end])),
                    totals=[total_message(total) for total in sums.totals],
                    concentrations=[_concentration(one) for one in sums.concentrations],
                    sequence=moment.seq,
                    market_date=market_date(moment),
                    policy=policy_name(moment),
                    reporting_total=total,
                    next_page_token=page.token((moment.seq, end)) if end < len(report.rows) else "",
                )

        return await self.runner.long_read(work)

    def _prepare(self, connection: Connection) -> None:
        """Brings the newest snapshot of the book to the newest commit."""
        self.ltv.follow(connection, moment_of(connection))

    async def StreamLtvReport(
        self, request: pb.StreamLtvReportRequest, context: ServicerContext
    ) -> AsyncIterator[pb.StreamLtvReportResponse]:
        """Streams every loan as of one moment in Arrow IPC format; a slow reader keeps no transaction open."""
        wanted = filter_of("StreamLtvReport", request.filter)

        def work(connection: Connection) -> tuple[LtvReport, ArrowRows]:
            from collateral_registry.rpc.reports.arrow_rows import ArrowRows  # noqa: PLC0415 - slow to load

            report = self.ltv.report(connection, read_moment(connection, request.as_of), wanted, request.order_by)
            return report, ArrowRows(report.snapshot)

        report, rows = await self.runner.long_read(work)
        yield pb.StreamLtvReportResponse(
            arrow=rows.begin,
            sequence=report.moment.seq,
            market_date=market_date(report.moment),
            policy=policy_name(report.moment),
            row_count=len(report.rows),
        )
        for batch in rows.batches(report.rows):
            for piece in rows.pieces(await self.runner.long_compute(partial(rows.batch, batch))):
                yield pb.StreamLtvReportResponse(arrow=piece)
        yield pb.StreamLtvReportResponse(arrow=rows.end)

    async def GenerateBreachReport(
        self, request: pb.GenerateBreachReportRequest, context: ServicerContext
    ) -> pb.GenerateBreachReportResponse:
        """Returns a page of breaches with their histories."""
        wanted, page = filtered_page(request, "GenerateBreachReport", (0, *START), request.as_of, request.order_by)
        order = order_of(BreachOrder, request.order_by)

        def work(connection: Connection) -> pb.GenerateBreachReportResponse:
            pinned, *after = page.after
            moment = read_moment(connection, request.as_of, pinned)
            found = breach_report(connection, moment, wanted, order, (after[0], after[1]), page.size + 1)
            messages, token = page.filled(found, lambda breach: (moment.seq, *breach.position), breach_message)
            return pb.GenerateBreachReportResponse(
                breaches=messages,
                sequence=moment.seq,
                market_date=market_date(moment),
                policy=policy_name(moment),
                next_page_token=token,
            )

        return await self.runner.long_read(work)


def _concentration_limit(requested: int) -> int:
    """Returns the number of keys to list for a dimension and currency.

    A request for 0 means 100, and the maximum is 10,000.
    """
    if requested < 0:
        raise InvalidInput("concentration_limit", requested, "0 or more")
    return min(requested or CONCENTRATIONS_DEFAULT, CONCENTRATIONS_LIMIT)


def _rows(rows: list[dict[str, Any]]) -> list[pb.LtvReportRow]:
    covers = cover_messages(rows, [row["currency_code"] for row in rows])
    return [_row(row, cover) for row, cover in zip(rows, covers, strict=True)]


def _row(row: dict[str, Any], cover: LoanCover) -> pb.LtvReportRow:
    loan = f"loans/{row['loan_id']}"
    return pb.LtvReportRow(
        loan=loan,
        borrower=row["borrower"],
        cover=cover,
        breach=f"{loan}/breaches/{row['breach_number']}" if row["breach_open"] else "",
        deadline_date=convert.day(row["deadline_day"]),
        margin_call_limit=convert.of_millionths(row["margin_call_ppm"]),
        price_fall_to_margin_call=convert.ratio(row["fall_to_margin_call"]),
    )


def total_message(total: Total) -> pb.LtvReportTotal:
    """Returns the sums over the loans of one currency as a message."""
    return pb.LtvReportTotal(
        currency_code=total.currency,
        loan_count=total.loans,
        breach_count=total.breaches,
        unknown_count=total.unknown,
        exposure=convert.money(total.exposure_minor, total.currency),
        market_value=convert.money(total.market_minor, total.currency),
        lendable_value=convert.money(total.lendable_minor, total.currency),
        cash_cure=convert.money(total.cash_cure_minor, total.currency),
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
