"""Commands for reports on the book of a running server."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import (
    AsOf,
    ExportLanguage,
    Form,
    Format,
    Layout,
    Limit,
    Output,
    Wide,
    in_session,
)
from collateral_registry.exports.report import Form as ExportForm, Selection

report_app = typer.Typer(help="Print reports on loans and breaches.", no_args_is_help=True, rich_markup_mode=None)

ReportFilter = Annotated[
    str, typer.Option("--filter", help='such as: level >= WATCH AND exposure >= "1000 USD" (docs/filters.md)')
]
DifferenceFilter = Annotated[str, typer.Option("--filter", help="such as: change = CLOSED OR level >= MARGIN_CALL")]
BreachFilter = Annotated[str, typer.Option("--filter", help="such as: state = OPEN AND level >= MARGIN_CALL")]
FirstDay = Annotated[str, typer.Option("--from", help="first business date; default: the first of the book")]
LastDay = Annotated[str, typer.Option("--to", help="last business date; default: the newest")]
DayLimit = Annotated[int, typer.Option("--limit", min=0, max=10**9, help="maximum number of days; 0 for all")]


class ExportedReport(StrEnum):
    """Reports that can be exported."""

    LTV = "ltv"
    BREACHES = "breaches"
    CONCENTRATIONS = "concentrations"


class By(StrEnum):
    """Dimensions of a concentration."""

    GOOD = "good"
    ASSET_CLASS = "asset-class"
    WAREHOUSE = "warehouse"
    BORROWER = "borrower"
    REGION = "region"
    CURRENCY = "currency"


class DayRows(StrEnum):
    """What the rows of a day of the book are."""

    CURRENCY = "currency"
    LEVEL = "level"
    CLASS = "class"
    GOOD = "good"


@report_app.command("ltv")
def report_ltv(
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    filter_: ReportFilter = "",
    order_by: Annotated[str, typer.Option(help="column, such as ltv or 'exposure desc' (docs/commands.md)")] = "",
    limit: Limit = 0,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the loan-to-value report, worst loan first.

    The table is followed by the largest concentrations, the reasons of unknown values, and the totals.
    """
    from collateral_registry.cli.reports.lists import show_ltv_report

    in_session(server, show_ltv_report, as_of, filter_, order_by, limit, Layout(form, output, wide))


@report_app.command("totals")
def report_totals(
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    filter_: ReportFilter = "",
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the totals of the loan-to-value report by currency."""
    from collateral_registry.cli.reports.lists import show_totals

    in_session(server, show_totals, as_of, filter_, Layout(form, output, wide))


@report_app.command("concentration")
def report_concentration(
    by: Annotated[list[By] | None, typer.Option(help="dimension, also several times; default: all")] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217 code; default: that of most loans")] = "",
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    filter_: ReportFilter = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="largest keys of each dimension")] = 10,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the concentration of the book in one currency.

    The table is followed by the Herfindahl-Hirschman index of each dimension, the total, and the exchange rates.
    """
    from collateral_registry.cli.reports.concentration import show_concentration

    dimensions = [one.name for one in by or ()]
    in_session(server, show_concentration, dimensions, currency, as_of, filter_, limit, Layout(form, output, wide))


@report_app.command("breaches")
def report_breaches(
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    filter_: BreachFilter = "",
    limit: Limit = 0,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the breach report, newest breach first."""
    from collateral_registry.cli.reports.lists import show_breach_report

    in_session(server, show_breach_report, as_of, filter_, limit, Layout(form, output, wide))


@report_app.command("export")
def report_export(
    report: Annotated[ExportedReport, typer.Argument(help="report to export")],
    output: Annotated[Path, typer.Option(dir_okay=False, help="file to write")],
    form: Annotated[ExportForm, typer.Option("--format", help="format of the file")] = ExportForm.XLSX,
    as_of: AsOf = "",
    filter_: Annotated[str, typer.Option("--filter", help="filter of the rows (docs/filters.md)")] = "",
    order_by: Annotated[str, typer.Option(help="order, such as: exposure desc; level desc")] = "",
    language: Annotated[ExportLanguage, typer.Option(help="language of Excel and PDF")] = ExportLanguage.EN,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Write a report to a file: Excel, PDF, CSV or Parquet.

    All rows are written. The same report is the same bytes, whenever it is exported (docs/exports.md).
    """
    from collateral_registry.cli.reports.export import export_report

    selection = Selection(filter_, order_by)
    in_session(server, export_report, report.value, form, as_of, selection, language.value, output)


@report_app.command("diff")
def report_diff(
    before: Annotated[str, typer.Option("--from", help="first moment: commit number, time or business date")],
    after: Annotated[str, typer.Option("--to", help="second moment; default: now")] = "",
    form: Form = Format.TABLE,
    filter_: DifferenceFilter = "",
    limit: Limit = 0,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print what changed between two moments, worst change first.

    The table is followed by the totals of each currency, step by step.
    """
    from collateral_registry.cli.reports.differences import show_differences

    in_session(server, show_differences, before, after, filter_, limit, Layout(form, output, wide))


@report_app.command("history")
def report_history(
    by: Annotated[DayRows, typer.Option(help="what the rows of a day are")] = DayRows.CURRENCY,
    first: FirstDay = "",
    last: LastDay = "",
    as_of: AsOf = "",
    limit: DayLimit = 0,
    keys: Annotated[int, typer.Option(min=1, max=100, help="classes or goods of each currency")] = 10,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the book at the end of each business date."""
    from collateral_registry.cli.reports.history import Days, show_book_history

    in_session(server, show_book_history, by, Days(first, last, as_of, limit), keys, Layout(form, output, wide))
