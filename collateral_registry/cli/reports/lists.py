"""Shows the reports on loans and breaches."""

from __future__ import annotations

import math
from collections.abc import Iterable

import grpc

from collateral_registry.cli.common.formatting import format_date, level_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.row_progress import row_progress
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import (
    COVERAGE_STYLES,
    LEVEL_STYLES,
    Cell,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    share,
    text,
)
from collateral_registry.cli.reports.stream import LTV, StreamedRows
from collateral_registry.v1 import breach_pb2, loan_pb2, report_pb2, report_pb2_grpc

OTHERS = "(others)"
"""The key of the row that sums the keys of a dimension and currency beyond the limit."""

LARGEST = "Largest concentrations (all: collateral report concentration)"

NOTES = {
    "LOAN_MATURED": "matured",
    "CREDIT_LIMIT_EXCEEDED": "above limit",
    "NEWER_PRICE_QUARANTINED": "price in quarantine",
}
"""Flags that are noted below the report."""

TOTALS = Table(
    "currencies",
    (
        Column("currency", Kind.CODE, "ccy"),
        Column("loan_count", Kind.COUNT, "loans"),
        Column("breach_count", Kind.COUNT, "in\nbreach"),
        Column("unknown_count", Kind.COUNT, "unknown\ncoverage"),
        Column("exposure", Kind.AMOUNT),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue", Importance.HIGH),
        Column("market_value", Kind.AMOUNT, "market\nvalue", Importance.USUAL),
    ),
)
CONCENTRATIONS = Table(
    "concentrations",
    (
        Column("dimension", Kind.CODE, "by"),
        Column("key", Kind.TEXT),
        Column("currency", Kind.CODE, "ccy"),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue"),
        Column("share", Kind.SHARE),
        Column("others_count", Kind.COUNT, "other\nkeys", Importance.USUAL),
    ),
)
REMARKS = Table(
    "remarks",
    (
        Column("loan", Kind.TEXT),
        Column("coverage", Kind.CODE, "cover", styles=COVERAGE_STYLES),
        Column("remarks", Kind.LABELS),
    ),
)
BREACHES = Table(
    "breaches",
    (
        Column("loan", Kind.TEXT),
        Column("breach", Kind.COUNT, "no."),
        Column("borrower", Kind.TEXT, importance=Importance.LOW),
        Column("state", Kind.CODE),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("worst_level", Kind.CODE, "worst\nlevel", Importance.LOW, LEVEL_STYLES),
        Column("open_date", Kind.DATE, "opened"),
        Column("deadline_date", Kind.DATE, "deadline", Importance.HIGH),
        Column("cure_date", Kind.DATE, "cured", Importance.USUAL),
        Column("acknowledged", Kind.FLAG, "seen", Importance.LOW),
        Column("events", Kind.LABELS, importance=Importance.DETAIL),
    ),
)


def show_ltv_report(channel: grpc.Channel, as_of: str, filter_: str, order_by: str, limit: int, layout: Layout) -> None:
    """Shows one row per loan; for a person also the largest concentrations, the unknown values and the totals.

    The totals are last, because a terminal shows the end of a long report.
    """
    stub = report_pb2_grpc.ReportServiceStub(channel)
    summary = _summary(channel, as_of, filter_, 1)
    moment = report_pb2.AsOf(sequence=summary.sequence)
    request = report_pb2.StreamLtvReportRequest(as_of=moment, filter=filter_, order_by=order_by)
    total = sum(one.loan_count for one in summary.totals)
    progress = row_progress(LTV.noun, min(limit or total, total), layout)
    with StreamedRows(stub.StreamLtvReport(request), limit, progress) as content:
        if layout.form is not Format.TABLE:
            show_table(LTV, content, layout)
            return
        rows = ListedRows(content.rows())
    largest = (one for one in summary.concentrations if not one.others_count)
    below = (
        Section(LARGEST, CONCENTRATIONS, ListedRows(map(_concentration_row, largest))),
        Section("Unknown values and remarks", REMARKS, ListedRows(filter(None, map(_remark_row, rows.rows())))),
        Section("Totals", TOTALS, ListedRows(map(_total_row, summary.totals))),
    )
    title = f"Loan to value {_moment(summary)}"
    show_table(LTV, rows, layout, title, below)


def show_totals(channel: grpc.Channel, as_of: str, filter_: str, layout: Layout) -> None:
    """Shows the totals of each currency."""
    rows = map(_total_row, _summary(channel, as_of, filter_, 1).totals)
    show_table(TOTALS, ListedRows(rows), layout)


def show_breach_report(channel: grpc.Channel, as_of: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows one row per breach."""
    request = report_pb2.GenerateBreachReportRequest(as_of=as_of_message(as_of), filter=filter_)
    report = fetch_all(report_pb2_grpc.ReportServiceStub(channel).GenerateBreachReport, request, "breaches", limit)
    title = f"Breaches {_moment(report)}"
    show_table(BREACHES, ListedRows(breach_rows(report.breaches)), layout, title)


def breach_rows(breaches: Iterable[breach_pb2.Breach]) -> list[Row]:
    """Returns the rows of breaches."""
    return [
        (
            breach.name.split("/")[1],
            int(breach.name.split("/")[3]),
            breach.borrower,
            label(breach_pb2.BreachState.Name(breach.state), "BREACH_STATE_"),
            level_name(breach.level),
            level_name(breach.worst_level),
            day(breach.open_date),
            day(breach.deadline_date),
            day(breach.cure_date),
            breach.acknowledged,
            [breach_pb2.BreachEventKind.Name(one.kind).removeprefix("BREACH_EVENT_KIND_") for one in breach.history],
        )
        for breach in breaches
    ]


def ltv_cell(cover: loan_pb2.LoanCover | breach_pb2.BreachEvent) -> float | None:
    """Returns an LTV as a cell; None if nothing is owed."""
    return math.inf if cover.ltv_infinite else share(cover.ltv)


def _summary(channel: grpc.Channel, as_of: str, filter_: str, keys: int) -> report_pb2.GenerateLtvReportResponse:
    """Returns a report for its moment, totals and concentrations; it has one row at most."""
    request = report_pb2.GenerateLtvReportRequest(
        as_of=as_of_message(as_of), filter=filter_, page_size=1, concentration_limit=keys
    )
    summary: report_pb2.GenerateLtvReportResponse
    summary = report_pb2_grpc.ReportServiceStub(channel).GenerateLtvReport(request)
    return summary


def _moment(report: report_pb2.GenerateLtvReportResponse | report_pb2.GenerateBreachReportResponse) -> str:
    """Returns the moment of a report; before the first commit there is no business date."""
    if not report.market_date.year:
        return "before the first business date of the book"
    return f"on {format_date(report.market_date)}, commit {report.sequence}"


def _remark_row(cells: Row) -> Row | None:
    """Returns the remarks on a loan: why values are unknown, and the flags that a credit officer must see."""
    row = dict(zip((column.name for column in LTV.columns), cells, strict=True))
    remarks = [
        *_labels(row["unknown_reasons"]),
        *(NOTES[flag] for flag in _labels(row["quality_flags"]) if flag in NOTES),
    ]
    return (row["loan"], row["coverage"], remarks) if remarks else None


def _labels(cell: Cell) -> list[str]:
    return cell if isinstance(cell, list) else []


def _total_row(total: report_pb2.LtvReportTotal) -> Row:
    amounts = (total.exposure, total.lendable_value, total.market_value)
    return (
        total.currency_code, total.loan_count, total.breach_count, total.unknown_count, *map(to_decimal, amounts)
    )  # fmt: skip


def _concentration_row(one: report_pb2.Concentration) -> Row:
    return (
        label(report_pb2.ConcentrationDimension.Name(one.dimension), "CONCENTRATION_DIMENSION_"),
        OTHERS if one.others_count else text(one.key),
        one.currency_code,
        to_decimal(one.lendable_value),
        share(one.share),
        one.others_count or None,
    )
