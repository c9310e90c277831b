"""Prints reports as tables, CSV or JSON."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table

from collateral_registry.cli.common.formatting import (
    LEVEL_STYLES,
    date_message,
    enum_label,
    escape_formula,
    format_amount,
    format_date,
    format_percent,
    level_name,
)
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.v1 import breach_pb2, common_pb2, loan_pb2, report_pb2, report_pb2_grpc

SEQUENCE = re.compile(r"\d{1,18}", re.ASCII)
ZONE = re.compile(r"(Z|[+-]\d{2}:\d{2})$")
WIDTH_OF_FILES = 160
PRINTED_FORMS = ("table", "csv", "json")
FILE_FORMS = ("arrow", "parquet", "csv")
LTV_COLUMNS = (
    "loan", "borrower", "currency", "exposure", "market_value", "lendable_value", "ltv", "last_good_ltv", "level",
    "coverage", "to_next_level", "price_fall_to_next", "cash_cure", "collateral_cure", "oldest_input", "flags",
    "breach", "deadline", "next_level",
)  # fmt: skip
NOTES = {
    common_pb2.QUALITY_FLAG_LOAN_MATURED: "matured",
    common_pb2.QUALITY_FLAG_CREDIT_LIMIT_EXCEEDED: "above limit",
    common_pb2.QUALITY_FLAG_NEWER_PRICE_QUARANTINED: "price in quarantine",
}
"""Flags that the table of loans shows, in a column that is omitted if no loan has one."""

BREACH_COLUMNS = (
    "breach",
    "borrower",
    "state",
    "level",
    "worst_level",
    "opened",
    "deadline",
    "cured",
    "acknowledged",
    "events",
)


def as_of_message(text: str) -> report_pb2.AsOf:
    """Parses a commit number, a time or a business date; an empty string means now. Raises ValueError if invalid."""
    if not text:
        return report_pb2.AsOf()
    if SEQUENCE.fullmatch(text):
        return report_pb2.AsOf(sequence=int(text))
    try:
        if "T" not in text:
            return report_pb2.AsOf(market_date=date_message("--as-of", text))
        stamp = Timestamp()
        stamp.FromJsonString(text if ZONE.search(text) else text + "Z")
        return report_pb2.AsOf(known_time=stamp)
    except ValueError:
        wanted = "a commit number, a time such as 2022-07-01T12:00:00Z or a date such as 2022-07-01"
        raise ValueError(f"--as-of: got {text[:40]!r}, want {wanted}") from None


def check_output(form: str, limit: int, output: Path | None) -> None:
    """Raises ValueError if the output does not support the format, or if a limit is given for output to a file."""
    if output is None and form not in PRINTED_FORMS:
        raise ValueError(f"--output: got nothing, want a file for --format {form}")
    if output is not None and form not in FILE_FORMS:
        raise ValueError(f"--format: got {form}, want one of {', '.join(FILE_FORMS)} with --output")
    if output is not None and limit:
        raise ValueError(f"--limit: got {limit}, want none with --output, which writes all rows")


def print_ltv_report(
    channel: grpc.Channel, as_of: str, filter_: str, order_by: str, output: str, limit: int = 0
) -> None:
    """Prints the loan-to-value report as a table, CSV or JSON."""
    request = report_pb2.GenerateLtvReportRequest(as_of=as_of_message(as_of), filter=filter_, order_by=order_by)
    report = fetch_all(report_pb2_grpc.ReportServiceStub(channel).GenerateLtvReport, request, "rows", limit)
    if output == "json":
        print_json(report)
    elif output == "csv":
        _print_csv(LTV_COLUMNS, [_ltv_cells(row) for row in report.rows])
    else:
        _print_ltv_table(report)


def print_breach_report(channel: grpc.Channel, as_of: str, filter_: str, output: str, limit: int = 0) -> None:
    """Prints the breach report as a table, CSV or JSON."""
    request = report_pb2.GenerateBreachReportRequest(as_of=as_of_message(as_of), filter=filter_)
    report = fetch_all(report_pb2_grpc.ReportServiceStub(channel).GenerateBreachReport, request, "breaches", limit)
    if output == "json":
        print_json(report)
    elif output == "csv":
        _print_csv(BREACH_COLUMNS, [_breach_cells(breach) for breach in report.breaches])
    else:
        print_breach_table(report.breaches)


def print_json(message: Message) -> None:
    """Prints a message as JSON with the field names of the protobuf contract."""
    json.dump(MessageToDict(message, preserving_proto_field_name=True), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


def _print_csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([escape_formula(cell) for cell in row] for row in rows)


def ltv_of(cover: loan_pb2.LoanCover, name: str = "ltv") -> str:
    """Formats an LTV field of a cover as a percentage; an empty string if it is not set."""
    if cover.ltv_infinite and name == "ltv":
        return "infinite"
    return format_percent(getattr(cover, name).value) if cover.HasField(name) else ""


def _flags(cover: loan_pb2.LoanCover) -> str:
    reasons = [enum_label(common_pb2.UnknownReason.Name(one), "UNKNOWN_REASON_") for one in cover.unknown_reasons]
    flags = [enum_label(common_pb2.QualityFlag.Name(one), "QUALITY_FLAG_") for one in cover.quality_flags]
    return " ".join([reason.upper() for reason in reasons] + flags)


def _coverage(cover: loan_pb2.LoanCover) -> str:
    return enum_label(common_pb2.Coverage.Name(cover.coverage), "COVERAGE_").upper()


def level_cell(level: common_pb2.LtvLevel.ValueType) -> str:
    """Returns a level with the markup of its colour."""
    style = LEVEL_STYLES.get(level, "")
    return f"[{style}]{level_name(level)}[/]" if style else level_name(level)


def coverage_cell(cover: loan_pb2.LoanCover) -> str:
    """Returns "known", or a highlighted UNKNOWN."""
    return "[bold magenta]UNKNOWN[/]" if cover.coverage == common_pb2.COVERAGE_UNKNOWN else "known"


def _ltv_cells(row: report_pb2.LtvReportRow) -> list[str]:
    cover = row.cover
    return [
        row.loan, row.borrower, cover.exposure.currency_code, format_amount(cover.exposure),
        format_amount(cover.market_value), format_amount(cover.lendable_value), ltv_of(cover),
        ltv_of(cover, "last_good_ltv"), level_name(cover.level),
        _coverage(cover),
        cover.distance_to_next_level.value, cover.price_fall_to_next_level.value, format_amount(cover.cash_cure),
        format_amount(cover.collateral_cure), format_date(cover.oldest_input_date), _flags(cover), row.breach,
        format_date(row.deadline_date) if row.HasField("deadline_date") else "",
        level_name(cover.next_level) if cover.next_level else "",
    ]  # fmt: skip


def _notes(cover: loan_pb2.LoanCover) -> str:
    """Returns the flags of a cover that a credit officer must see in the table."""
    return ", ".join(note for flag, note in NOTES.items() if flag in cover.quality_flags)


def _print_ltv_table(report: report_pb2.GenerateLtvReportResponse) -> None:
    console = console_for_reports()
    table = Table(
        title=f"Loan to value on {format_date(report.market_date)} (commit {report.sequence})", title_justify="left"
    )
    table.add_column("loan", no_wrap=True)
    for name in ("exposure", "market", "lendable", "LTV", "level", "fall to next", "cash cure", "coverage"):
        table.add_column(name, justify="left" if name in {"level", "coverage"} else "right", no_wrap=True)
    has_notes = any(_notes(row.cover) for row in report.rows)
    if has_notes:
        table.add_column("notes", no_wrap=True)
    for row in report.rows:
        cover = row.cover
        fall = (
            format_percent(cover.price_fall_to_next_level.value) if cover.HasField("price_fall_to_next_level") else ""
        )
        cash = format_amount(cover.cash_cure) if cover.cash_cure.units or cover.cash_cure.nanos else ""
        table.add_row(
            row.loan.removeprefix("loans/"),
            f"{format_amount(cover.exposure)} {cover.exposure.currency_code}",
            format_amount(cover.market_value),
            format_amount(cover.lendable_value),
            ltv_of(cover),
            level_cell(cover.level),
            fall,
            cash,
            coverage_cell(cover),
            *([_notes(cover)] if has_notes else []),
        )
    console.print(table)
    for total in report.totals:
        loans = f"{total.loan_count} loans, {total.breach_count} in breach, {total.unknown_count} with unknown coverage"
        values = f"lendable {format_amount(total.lendable_value)}, market {format_amount(total.market_value)}"
        console.print(f"{total.currency_code}: {loans}; exposure {format_amount(total.exposure)}, {values}")


def _breach_cells(breach: breach_pb2.Breach) -> list[str]:
    return [
        breach.name,
        breach.borrower,
        enum_label(breach_pb2.BreachState.Name(breach.state), "BREACH_STATE_"),
        level_name(breach.level),
        level_name(breach.worst_level),
        format_date(breach.open_date),
        format_date(breach.deadline_date),
        format_date(breach.cure_date) if breach.HasField("cure_date") else "",
        "yes" if breach.acknowledged else "no",
        " ".join(
            enum_label(breach_pb2.BreachEventKind.Name(event.kind), "BREACH_EVENT_KIND_") for event in breach.history
        ),
    ]


def print_breach_table(breaches: Sequence[breach_pb2.Breach]) -> None:
    """Prints breaches as a table."""
    table = Table(title="Breaches", title_justify="left")
    for name in ("loan", "no.", "state", "level", "worst", "opened", "deadline", "cured", "seen"):
        table.add_column(name, no_wrap=True)
    for breach in breaches:
        _, loan, _, number = breach.name.split("/")
        _, _, *cells, _ = _breach_cells(breach)
        table.add_row(loan, number, *cells)
    console_for_reports().print(table)


def print_table(names: Iterable[str], rows: Iterable[Iterable[str]], right: Collection[str] = ()) -> None:
    """Prints rows under the names of their columns; the columns in ``right`` are right-aligned."""
    table = Table()
    for name in names:
        table.add_column(name, no_wrap=True, justify="right" if name in right else "left")
    for cells in rows:
        table.add_row(*cells)
    console_for_reports().print(table)


def console_for_reports() -> Console:
    """Returns a console; if the output is a file or a pipe, the console is wide enough for a report."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_FILES)
