"""Servicer of DifferenceService, with the conversion of its rows."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.reports.differences import DifferenceReport, DifferenceReports
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.domain.reports.differences import AMOUNTS, DifferenceTotal, LoanChange, StepNote
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.reports.snapshot import Snapshot
from collateral_registry.domain.valuations.value_steps import Step
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import cover_message
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.moments import market_date, policy_name, read_moment
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import (
    difference_pb2 as pb,
    difference_pb2_grpc,
    loan_pb2,
    report_pb2,
)
from valuation._typing import Int
from valuation.errors import InvalidInput


class DifferenceServicer(difference_pb2_grpc.DifferenceServiceServicer):
    """Generates reports on what changed between two moments of the book."""

    def __init__(self, runner: BookRunner, reports: LtvReports) -> None:
        """Stores the LTV reports of the book, whose snapshots are shared."""
        self.runner = runner
        self.differences = DifferenceReports(reports)

    async def GenerateDifferenceReport(
        self, request: pb.GenerateDifferenceReportRequest, context: ServicerContext
    ) -> pb.GenerateDifferenceReportResponse:
        """Returns a page of the loans that differ, with totals."""
        if request.before.WhichOneof("moment") is None:
            raise InvalidInput("before", "no moment", "a commit, a time or a business date to compare with")
        scope = (request.before, request.after)
        wanted, page = filtered_page(request, "GenerateDifferenceReport", (0, 0, 0), *scope)

        def work(connection: Connection) -> pb.GenerateDifferenceReportResponse:
            first_seq, last_seq, start = page.after
            before = _moment(connection, "before", request.before, first_seq)
            after = _moment(connection, "after", request.after, last_seq)
            if before.seq > after.seq:
                raise InvalidInput("before", f"commit {before.seq}", f"at most commit {after.seq}, the one of after")
            report = self.differences.report(connection, before, after, wanted)
            end = start + page.size
            return pb.GenerateDifferenceReportResponse(
                rows=_rows(report, start, end),
                totals=[_total(total) for total in report.totals],
                before=_moment_message(before),
                after=_moment_message(after),
                row_count=len(report.rows),
                next_page_token=page.token((before.seq, after.seq, end)) if end < len(report.rows) else "",
            )

        return await self.runner.long_read(work)


def _moment(connection: Connection, field: str, as_of: report_pb2.AsOf, pinned_seq: int) -> Moment:
    """Returns one of the two moments; errors name its field."""
    try:
        return read_moment(connection, as_of, pinned_seq)
    except InvalidInput as error:
        raise error.named(lambda name: name.replace("as_of", field, 1)) from None


def _moment_message(moment: Moment) -> pb.DifferenceMoment:
    return pb.DifferenceMoment(sequence=moment.seq, market_date=market_date(moment), policy=policy_name(moment))


def _rows(report: DifferenceReport, start: int, end: int) -> list[pb.DifferenceRow]:
    """Returns the rows of a page."""
    rows, of = report.rows[start:end], report.loans.columns
    covers = [
        _covers(snapshot, places[rows])
        for snapshot, places in zip(report.snapshots, (report.loans.before_row, report.loans.after_row), strict=True)
    ]
    return [
        pb.DifferenceRow(
            loan=f"loans/{of['loan_id'][row]}",
            borrower=of["borrower"][row],
            change=pb.LoanChange.Value(f"LOAN_CHANGE_{LoanChange(of['change'][row]).name}"),
            before=covers[0][n],
            after=covers[1][n],
            steps=_steps(report.divided.changes[start + n], report.divided.notes[start + n], str(of["currency"][row])),
        )
        for n, row in enumerate(rows.tolist())
    ]


def _covers(snapshot: Snapshot, places: Int) -> list[loan_pb2.LoanCover | None]:
    """Returns the covers in the rows of a snapshot; None for the row -1."""
    found = iter(plain_rows(snapshot, places[places >= 0]))
    plain = [next(found) if place >= 0 else None for place in places.tolist()]
    return [None if one is None else cover_message(one, one["currency_code"]) for one in plain]


def _steps(changes: Int, notes: Int, currency: str) -> list[pb.StepChange]:
    return [
        pb.StepChange(
            step=pb.ChangeStep.Value(f"CHANGE_STEP_{step.name}"),
            **_amounts(changes[step - 1].tolist(), currency),
            notes=[pb.ChangeNote.Value(f"CHANGE_NOTE_{note.name}") for note in StepNote if notes[step - 1] & note],
        )
        for step in Step
    ]


def _amounts(minor: list[int], currency: str) -> dict[str, object]:
    """Returns the amounts in the order of AMOUNTS by the names of their fields."""
    names = ("exposure", "market_value", "lendable_value")
    return {name: convert.money(amount, currency) for name, amount in zip(names, minor, strict=True)}


def _total(total: DifferenceTotal) -> pb.DifferenceTotal:
    code = total.currency
    before, after = ([one[name] for name in AMOUNTS] for one in (total.before, total.after))
    return pb.DifferenceTotal(
        currency_code=code,
        loan_count=total.loans,
        changed_count=total.changed,
        registered_count=total.registered,
        closed_count=total.closed,
        worse_count=total.worse,
        better_count=total.better,
        before=pb.DifferenceAmounts(**_amounts(before, code)),
        after=pb.DifferenceAmounts(**_amounts(after, code)),
        steps=_steps(total.changes, total.changes[:, 0] * 0, code),
    )
