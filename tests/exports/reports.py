"""A small report with hostile names, as its parts are given to the writers."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import inf
from pathlib import Path

from collateral_registry.exports.ltv_rows import as_they_are
from collateral_registry.exports.program_files import spool, table_of
from collateral_registry.exports.report import Chart, Column, Fact, Kind, Labels, Printed, Report, Section, Table

DAY = date(2022, 7, 13)

HOSTILE = [
    '=HYPERLINK("http://evil.example","x")',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd",
    "@SUM(1)",
    "\tTab",
    "two\nlines",
    "\r\n=1",
    "say \"hi\", twice; 'once'",
    "\uff1d1+1",
    "12345678901234567890",
    "007",
    "1e5",
    "华东铜业有限公司",
    "שלום \u202e gnp.exe",
    "copper 🔥",
    "喆",
    "http://evil.example",
    "internal:Sheet1!A1",
    "_x0041_",
    "#[let x = 1] $a$ \\ *b*",
]
"""Names of borrowers that a spreadsheet, a terminal or a typesetter may take for something else."""

COLUMNS = (
    Column("borrower", Kind.TEXT, "Borrower", Printed.YES),
    Column("loan", Kind.TEXT, "Loan", Printed.BELOW),
    Column("level", Kind.LEVEL, "Level", Printed.YES, {"NONE": "Covered", "LIQUIDATION": "处置"}, "coverage"),
    Column("coverage", Kind.LEVEL, "Coverage", Printed.YES, {"UNKNOWN": "Unknown"}),
    Column("exposure", Kind.AMOUNT, "Owed", Printed.YES),
    Column("ltv", Kind.SHARE, "LTV", Printed.YES),
    Column("deadline_date", Kind.DATE, "Deadline", Printed.YES),
    Column("unknown_reasons", Kind.LABELS, "Reasons", Printed.YES, {"NO_PRICE": "no price"}),
    Column("breach", Kind.COUNT, "Breach", Printed.YES),
    Column("waived", Kind.FLAG, "Waived", Printed.YES),
)

ROWS = [
    (name, f"{number:020d}", "LIQUIDATION", "KNOWN", Decimal("-1234567.89"), 0.861, DAY, [], number, False)
    for number, name in enumerate(HOSTILE)
] + [("Unknown Ltd", "u-1", "NONE", "UNKNOWN", Decimal("0.001"), inf, None, ["NO_PRICE"], None, None)]

LABELS = Labels(
    language="en", product="Collateral", about="About", rows="Rows", digest="SHA-256", page="Page {n} of {all}",
    as_of="As of 13 Jul 2022", missing="A square stands for a missing character.", yes="yes", no="no",
)  # fmt: skip

TOTALS = Table("Totals", (Column("exposure", Kind.AMOUNT, "Owed", Printed.YES),))


def one_chart(_):
    """Returns a chart with a text in Chinese."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20"><rect width="50" height="9" fill="#b5382c"/>'
        '<text x="0" y="18" font-size="8" font-family="Source Sans 3">超限</text></svg>'
    )
    return [Chart("Levels", svg, "Levels: 处置 1")]


def report_of(rows=ROWS, **changes) -> tuple[Report, bytes]:
    """Returns a report and its rows as an Arrow stream."""
    facts = (
        Fact("report", "", "ltv"), Fact("as_of", "As of", DAY.isoformat()), Fact("commit", "Commit", "271"),
        Fact("policy", "Policy", "default-2021"), Fact("filter", "Filter", '=1 OR borrower = "铜"'),
    )  # fmt: skip
    sections = (Section(TOTALS, ((Decimal("9999999999999.99"),),)),)
    report = Report("ltv", "贷款 Loans", DAY, facts, Table("Loans", COLUMNS), sections, LABELS, as_they_are, one_chart)
    return replace(report, **changes), spool(table_of(report, rows))


def spooled(folder: Path, rows=ROWS, **changes) -> tuple[Report, Path]:
    """Returns a report and the file of its rows."""
    report, data = report_of(rows, **changes)
    path = folder / "rows.arrow"
    path.write_bytes(data)
    return report, path
