"""Commands for the book of a running server: reports, assets, loans, breaches, pick-ups and double pledges."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import Actor, AsOf, Form, Format, Layout, Limit, Output, Wide, in_session
from collateral_registry.exports.report import Form as ExportForm, Selection

report_app = typer.Typer(help="Print reports on loans and breaches.", no_args_is_help=True, rich_markup_mode=None)
asset_app = typer.Typer(help="Show assets and correct their identity.", no_args_is_help=True, rich_markup_mode=None)
loan_app = typer.Typer(help="Show loans.", no_args_is_help=True, rich_markup_mode=None)
breach_app = typer.Typer(help="Show and acknowledge breaches.", no_args_is_help=True, rich_markup_mode=None)
pickup_app = typer.Typer(
    help="Check and authorise pick-ups from pledged lots.", no_args_is_help=True, rich_markup_mode=None
)
check_app = typer.Typer(help="Check the book for double pledges.", no_args_is_help=True, rich_markup_mode=None)

ReportFilter = Annotated[
    str, typer.Option("--filter", help='such as: level >= WATCH AND exposure >= "1000 USD" (docs/filters.md)')
]
DifferenceFilter = Annotated[str, typer.Option("--filter", help="such as: change = CLOSED OR level >= MARGIN_CALL")]
BreachFilter = Annotated[str, typer.Option("--filter", help="such as: state = OPEN AND level >= MARGIN_CALL")]
AssetFilter = Annotated[str, typer.Option("--filter", help='such as: good IN (copper, zinc) AND warehouse:"W-*"')]
ClassFilter = Annotated[str, typer.Option("--filter", help="such as: kind = equipment")]
LoanFilter = Annotated[str, typer.Option("--filter", help='such as: state = ACTIVE AND exposure >= "1000 USD"')]
PledgeFilter = Annotated[str, typer.Option("--filter", help="such as: state = ACTIVE AND asset = lot-1")]
PickupFilter = Annotated[str, typer.Option("--filter", help="such as: state = AUTHORISED AND expire_date < 2025-07-01")]


class ExportedReport(StrEnum):
    """Reports that can be exported."""

    LTV = "ltv"
    BREACHES = "breaches"
    CONCENTRATIONS = "concentrations"


class ExportLanguage(StrEnum):
    """Languages of files for people."""

    EN = "en"
    ZH = "zh"


class By(StrEnum):
    """Dimensions of a concentration."""

    GOOD = "good"
    ASSET_CLASS = "asset-class"
    WAREHOUSE = "warehouse"
    BORROWER = "borrower"
    REGION = "region"
    CURRENCY = "currency"


LoanId = Annotated[str, typer.Argument(help="id of the loan")]
AssetId = Annotated[str, typer.Argument(help="id of the asset, a stock lot")]
Quantity = Annotated[str, typer.Argument(help="quantity in the unit of the lot")]
BreachName = Annotated[str, typer.Argument(help="loan and number of the breach, such as loan-1/1")]


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
    from collateral_registry.cli.loans.report import show_ltv_report

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
    from collateral_registry.cli.loans.report import show_totals

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
    from collateral_registry.cli.loans.concentration import show_concentration

    dimensions = [one.name for one in by or ()]
    in_session(server, show_concentration, dimensions, currency, as_of, filter_, limit, Layout(form, output, wide))


@report_app.command("concentrations")
def report_concentrations(
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    filter_: ReportFilter = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="keys of each dimension and currency")] = 100,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print shares within each currency of the loans.

    Keys beyond the limit are summed in one row for each dimension and currency.
    """
    from collateral_registry.cli.loans.report import show_concentrations

    in_session(server, show_concentrations, as_of, filter_, limit, Layout(form, output, wide))


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
    from collateral_registry.cli.loans.report import show_breach_report

    in_session(server, show_breach_report, as_of, filter_, limit, Layout(form, output, wide))


@report_app.command("export")
def report_export(
    report: Annotated[ExportedReport, typer.Argument(help="report to export")],
    output: Annotated[Path, typer.Option(dir_okay=False, help="file to write")],
    form: Annotated[ExportForm, typer.Option("--format", help="format of the file")] = ExportForm.XLSX,
    as_of: AsOf = "",
    filter_: Annotated[str, typer.Option("--filter", help="filter of the rows (docs/filters.md)")] = "",
    order_by: Annotated[str, typer.Option(help="order of ltv, such as: exposure desc")] = "",
    language: Annotated[ExportLanguage, typer.Option(help="language of Excel and PDF")] = ExportLanguage.EN,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Write a report to a file: Excel, PDF, CSV or Parquet.

    All rows are written. The same report is the same bytes, whenever it is exported (docs/exports.md).
    """
    from collateral_registry.cli.loans.report_export import export_report

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
    from collateral_registry.cli.loans.differences import show_differences

    in_session(server, show_differences, before, after, filter_, limit, Layout(form, output, wide))


@asset_app.command("show")
def asset_show(asset: Annotated[str, typer.Argument(help="id of the asset")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print an asset as JSON."""
    from collateral_registry.cli.loans.show_list import show_asset

    in_session(server, show_asset, asset)


@asset_app.command("list")
def asset_list(
    filter_: AssetFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List assets."""
    from collateral_registry.cli.loans.show_list import list_assets

    in_session(server, list_assets, filter_, limit, Layout(form, output, wide))


@asset_app.command("quote-pool")
def asset_quote_pool(
    assets: Annotated[list[str], typer.Argument(help="ids of the assets")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code of the currency of the loan")],
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show what may be lent on assets together.

    An asset that is pledged counts what the limits of its pledges leave.
    """
    from collateral_registry.cli.loans.pledges import quote_pool

    in_session(server, quote_pool, assets, currency, Layout(form, output, wide))


@asset_app.command("classes")
def asset_classes(
    asset_class: Annotated[str, typer.Argument(help="a class, for all its numbers; empty for all classes")] = "",
    as_of: AsOf = "",
    filter_: ClassFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show the asset classes of the policy and their numbers."""
    from collateral_registry.cli.loans.asset_classes import list_asset_classes, show_asset_class

    layout = Layout(form, output, wide)
    if asset_class:
        in_session(server, show_asset_class, asset_class, as_of, layout)
    else:
        in_session(server, list_asset_classes, as_of, filter_, limit, layout)


@asset_app.command("correct")
def asset_correct(
    asset: Annotated[str, typer.Argument(help="id of the asset")],
    values: Annotated[list[str], typer.Argument(help="NAME=VALUE, such as serial_number=SN-4711 or owner=Acme")],
    reason: Annotated[str, typer.Option(help="why the recorded identity is wrong")],
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Correct the identity or the owner of an asset.

    The former numbers stay reserved, and a finding records the correction.
    """
    from collateral_registry.cli.loans.identity import correct_asset

    in_session(server, correct_asset, asset, values, reason, actor)


@loan_app.command("show")
def loan_show(loan: Annotated[str, typer.Argument(help="id of the loan")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print a loan with its cover as JSON."""
    from collateral_registry.cli.loans.show_list import show_loan

    in_session(server, show_loan, loan)


@loan_app.command("list")
def loan_list(
    filter_: LoanFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List loans with their LTV level."""
    from collateral_registry.cli.loans.show_list import list_loans

    in_session(server, list_loans, filter_, limit, Layout(form, output, wide))


@loan_app.command("pledges")
def loan_pledges(
    loan: Annotated[str, typer.Argument(help="id of the loan; default: all loans")] = "",
    filter_: PledgeFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List the pledges of a loan, or of all loans."""
    from collateral_registry.cli.loans.pledges import list_pledges

    in_session(server, list_pledges, loan, filter_, limit, Layout(form, output, wide))


@loan_app.command("floor")
def loan_floor(
    loan: Annotated[str, typer.Argument(help="id of the loan")],
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show the minimum controlled value of a loan and its gap."""
    from collateral_registry.cli.loans.pickups import show_controlled_value

    in_session(server, show_controlled_value, loan, Layout(form, output, wide))


@pickup_app.command("check")
def pickup_check(loan: LoanId, asset: AssetId, quantity: Quantity, server: Server = DEFAULT_ADDRESS) -> None:
    """Check whether goods may leave a pledged lot.

    If not, prints the largest quantity that may leave, or the repayment that would release the goods; exit code 1.
    """
    from collateral_registry.cli.loans.pickups import check_pickup

    in_session(server, check_pickup, loan, asset, quantity)


@pickup_app.command("request")
def pickup_request(
    loan: LoanId,
    asset: AssetId,
    quantity: Quantity,
    expire: Annotated[str, typer.Option(help="last day of the authorisation; default: five days from now")] = "",
    note: Annotated[str, typer.Option(help="note, such as who collects the goods")] = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Authorise a pick-up.

    Authorised goods no longer count as collateral.
    """
    from collateral_registry.cli.loans.pickups import request_pickup

    in_session(server, request_pickup, loan, asset, quantity, expire, note, Layout(form, output, wide))


@pickup_app.command("cancel")
def pickup_cancel(
    pickup: Annotated[str, typer.Argument(help="name of the pick-up: loans/{loan}/pickups/{pickup}")],
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Cancel the authorisation of a pick-up."""
    from collateral_registry.cli.loans.pickups import cancel_pickup

    in_session(server, cancel_pickup, pickup, Layout(form, output, wide))


@pickup_app.command("list")
def pickup_list(
    loan: Annotated[str, typer.Option(help="only pick-ups of the loan with this id")] = "",
    filter_: PickupFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List pick-up authorisations."""
    from collateral_registry.cli.loans.pickups import list_pickups

    in_session(server, list_pickups, loan, filter_, limit, Layout(form, output, wide))


@check_app.command("book")
def check_book_command(server: Server = DEFAULT_ADDRESS) -> None:
    """Check the book for duplicates and over-pledged stock.

    Compares reference numbers and claimed quantities of the whole book; exit code 1 if anything is found.
    """
    from collateral_registry.cli.loans.pickups import check_book

    in_session(server, check_book)


@check_app.command("confirm")
def check_confirm(
    finding: Annotated[str, typer.Argument(help="number of the finding")],
    actor: Actor,
    note: Annotated[str, typer.Option(help="evidence")],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Confirm a double pledge.

    The asset of the finding is valued at zero from then on.
    """
    from collateral_registry.cli.loans.pickups import confirm_finding

    in_session(server, confirm_finding, finding, actor, note)


@breach_app.command("show")
def breach_show(
    breach: BreachName,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show a breach with its history."""
    from collateral_registry.cli.loans.show_list import show_breach

    in_session(server, show_breach, breach, Layout(form, output, wide))


@breach_app.command("ack")
def breach_ack(
    breach: BreachName,
    actor: Actor,
    note: Annotated[str, typer.Option(help="note stored with the acknowledgement")] = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Acknowledge a breach."""
    from collateral_registry.cli.loans.show_list import acknowledge_breach

    in_session(server, acknowledge_breach, breach, actor, note, Layout(form, output, wide))
