"""Writes reports to files, whose bytes are those of the files of the pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.row_progress import row_progress
from collateral_registry.cli.common.table_files import destination
from collateral_registry.exports.report import Form, Report, Selection
from collateral_registry.exports.writing import ROWS_LIMIT, check_rows, write_file
from collateral_registry.v1 import policy_pb2, policy_pb2_grpc, report_pb2 as pb, report_pb2_grpc
from collateral_registry.web.pages.exports.reports import breach_report, concentration_report, ltv_report
from collateral_registry.web.pages.texts import Texts, texts_of
from collateral_registry.web.pages.views.common.report import stated_limits

CONCENTRATIONS = 10_000
"""Keys of a dimension and currency, the most that the service lists."""

Read = Callable[[grpc.Channel, Texts, pb.AsOf, Selection, Form, Path], tuple[Report, int]]


def export_report(
    channel: grpc.Channel, name: str, form: Form, as_of: str, selection: Selection, language: str, output: Path
) -> None:
    """Writes a report to a file, which is replaced once it is complete.

    Raises InvalidInput for too many rows, ValueError for an order of another report, and OSError if the file cannot
    be written.
    """
    if selection.order_by and name == "concentrations":
        raise ValueError(f"--order-by: got {selection.order_by!r}, want none for {name}, whose order is fixed")
    with TemporaryDirectory(prefix="collateral-") as folder:
        rows, part = Path(folder, "rows"), Path(folder, "report")
        report, count = READERS[name](channel, texts_of(language), as_of_message(as_of), selection, form, rows)
        with row_progress(report.title, count, Layout(Format.TABLE, output, wide=False)) as advance:
            write_file(form, report, rows, part, advance)
        with destination(output) as file, part.open("rb") as written:
            shutil.copyfileobj(written, file)
    print_line(f"wrote {count:,} rows to {output}", to_stderr=True)


def _ltv(
    channel: grpc.Channel, texts: Texts, as_of: pb.AsOf, selection: Selection, form: Form, rows: Path
) -> tuple[Report, int]:
    """Reads all rows of the loan-to-value report; returns it with their number."""
    stub = report_pb2_grpc.ReportServiceStub(channel)
    request = pb.StreamLtvReportRequest(as_of=as_of, filter=selection.filter, order_by=selection.order_by)
    stream = stub.StreamLtvReport(request)
    try:
        first: pb.StreamLtvReportResponse = next(stream)
        check_rows(form, first.row_count)
        with rows.open("wb") as file:
            file.write(first.arrow)
            for response in stream:
                file.write(response.arrow)
    finally:
        stream.cancel()
    sums = _sums(stub, pb.AsOf(sequence=first.sequence), selection, 1)
    policy = policy_pb2.Policy()
    if first.policy:
        policy = policy_pb2_grpc.PolicyServiceStub(channel).GetPolicy(policy_pb2.GetPolicyRequest(name=first.policy))
    return ltv_report(texts, selection, first, sums, stated_limits(policy)), first.row_count


def _breaches(
    channel: grpc.Channel, texts: Texts, as_of: pb.AsOf, selection: Selection, form: Form, rows: Path
) -> tuple[Report, int]:
    """Reads all pages of the breach report, which show one commit; returns it with the number of rows."""
    stub = report_pb2_grpc.ReportServiceStub(channel)
    request = pb.GenerateBreachReportRequest(as_of=as_of, filter=selection.filter, order_by=selection.order_by)
    found = fetch_all(stub.GenerateBreachReport, request, "breaches", ROWS_LIMIT + 1)
    check_rows(form, len(found.breaches))
    report, data = breach_report(texts, selection, found, found.breaches)
    rows.write_bytes(data)
    return report, len(found.breaches)


def _concentrations(
    channel: grpc.Channel, texts: Texts, as_of: pb.AsOf, selection: Selection, _: Form, rows: Path
) -> tuple[Report, int]:
    sums = _sums(report_pb2_grpc.ReportServiceStub(channel), as_of, selection, CONCENTRATIONS)
    report, data = concentration_report(texts, selection, sums)
    rows.write_bytes(data)
    return report, len(sums.concentrations)


READERS: dict[str, Read] = {"ltv": _ltv, "breaches": _breaches, "concentrations": _concentrations}
"""What reads each report, by its name."""


def _sums(
    stub: report_pb2_grpc.ReportServiceStub, as_of: pb.AsOf, selection: Selection, keys: int
) -> pb.GenerateLtvReportResponse:
    found: pb.GenerateLtvReportResponse = stub.GenerateLtvReport(
        pb.GenerateLtvReportRequest(as_of=as_of, filter=selection.filter, page_size=1, concentration_limit=keys)
    )
    return found
