"""Commands for the book of a running server: reports, assets, loans, breaches, pick-ups and double pledges."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, Filter, Limit, Server, in_session

report_app = typer.Typer(help="Print reports on loans and breaches.", no_args_is_help=True, rich_markup_mode=None)
asset_app = typer.Typer(help="Show assets and correct their identity.", no_args_is_help=True, rich_markup_mode=None)
loan_app = typer.Typer(help="Show loans.", no_args_is_help=True, rich_markup_mode=None)
breach_app = typer.Typer(help="Show and acknowledge breaches.", no_args_is_help=True, rich_markup_mode=None)
pickup_app = typer.Typer(
    help="Check and authorise pick-ups from pledged lots.", no_args_is_help=True, rich_markup_mode=None
)
check_app = typer.Typer(help="Check the book for double pledges.", no_args_is_help=True, rich_markup_mode=None)

AsOf = Annotated[str, typer.Option(help="commit number, time (2022-07-01T12:00:00Z) or business date (2022-07-01)")]
LoanId = Annotated[str, typer.Argument(help="id of the loan")]
AssetId = Annotated[str, typer.Argument(help="id of the asset, a stock lot")]
Quantity = Annotated[str, typer.Argument(help="quantity in the unit of the lot")]
BreachName = Annotated[str, typer.Argument(help="loan and number of the breach, such as loan-1/1")]


class Format(StrEnum):
    """Formats in which a report can be printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class LtvFormat(StrEnum):
    """Formats in which the loan-to-value report can be printed or written to a file."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"
    PARQUET = "parquet"


@report_app.command("ltv")
def report_ltv(
    as_of: AsOf = "",
    form: Annotated[LtvFormat, typer.Option("--format")] = LtvFormat.TABLE,
    filter_: Filter = "",
    order_by: Annotated[str, typer.Option(help="ltv desc, ltv, loan, exposure desc or level desc")] = "",
    limit: Limit = 0,
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="file to write all rows to: arrow, parquet or csv")
    ] = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the loan-to-value report, worst loan first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.report import check_output, print_ltv_report

    with session(server) as channel:
        check_output(form.value, limit, output)
        if output is None:
            print_ltv_report(channel, as_of, filter_, order_by, form.value, limit)
        else:
            from collateral_registry.cli.loans.report_file import save_ltv_report

            save_ltv_report(channel, as_of, filter_, order_by, form.value, output)


@report_app.command("breaches")
def report_breaches(
    as_of: AsOf = "",
    output: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    filter_: Filter = "",
    limit: Limit = 0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the breach report, newest breach first."""
    from collateral_registry.cli.loans.report import print_breach_report

    in_session(server, print_breach_report, as_of, filter_, output.value, limit)


@asset_app.command("show")
def asset_show(asset: Annotated[str, typer.Argument(help="id of the asset")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print an asset as JSON."""
    from collateral_registry.cli.loans.show_list import show_asset

    in_session(server, show_asset, asset)


@asset_app.command("list")
def asset_list(filter_: Filter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """List assets."""
    from collateral_registry.cli.loans.show_list import list_assets

    in_session(server, list_assets, filter_, limit)


@asset_app.command("correct")
def asset_correct(
    asset: Annotated[str, typer.Argument(help="id of the asset")],
    values: Annotated[list[str], typer.Argument(help="NAME=VALUE, such as serial_number=SN-4711 or owner=Acme")],
    reason: Annotated[str, typer.Option(help="why the recorded identity is wrong")],
    actor: Annotated[str, typer.Option(help="who corrects it")],
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
def loan_list(filter_: Filter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """List loans with their LTV level."""
    from collateral_registry.cli.loans.show_list import list_loans

    in_session(server, list_loans, filter_, limit)


@loan_app.command("floor")
def loan_floor(loan: Annotated[str, typer.Argument(help="id of the loan")], server: Server = DEFAULT_ADDRESS) -> None:
    """Show the minimum controlled value of a loan and its gap."""
    from collateral_registry.cli.loans.pickups import show_controlled_value

    in_session(server, show_controlled_value, loan)


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
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Authorise a pick-up.

    Authorised goods no longer count as collateral.
    """
    from collateral_registry.cli.loans.pickups import request_pickup

    in_session(server, request_pickup, loan, asset, quantity, expire, note)


@pickup_app.command("cancel")
def pickup_cancel(
    pickup: Annotated[str, typer.Argument(help="name of the pick-up: loans/{loan}/pickups/{pickup}")],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Cancel the authorisation of a pick-up."""
    from collateral_registry.cli.loans.pickups import cancel_pickup

    in_session(server, cancel_pickup, pickup)


@pickup_app.command("list")
def pickup_list(
    loan: Annotated[str, typer.Option(help="only pick-ups of the loan with this id")] = "",
    filter_: Filter = "",
    limit: Limit = 0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List pick-up authorisations."""
    from collateral_registry.cli.loans.pickups import list_pickups

    in_session(server, list_pickups, loan, filter_, limit)


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
    actor: Annotated[str, typer.Option(help="name of the person who confirms")],
    note: Annotated[str, typer.Option(help="evidence")],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Confirm a double pledge.

    The asset of the finding is valued at zero from then on.
    """
    from collateral_registry.cli.loans.pickups import confirm_finding

    in_session(server, confirm_finding, finding, actor, note)


@breach_app.command("show")
def breach_show(breach: BreachName, server: Server = DEFAULT_ADDRESS) -> None:
    """Show a breach with its history."""
    from collateral_registry.cli.loans.show_list import show_breach

    in_session(server, show_breach, breach)


@breach_app.command("ack")
def breach_ack(
    breach: BreachName,
    actor: Annotated[str, typer.Option(help="name of the person who acknowledges")],
    note: Annotated[str, typer.Option(help="note stored with the acknowledgement")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Acknowledge a breach."""
    from collateral_registry.cli.loans.show_list import acknowledge_breach

    in_session(server, acknowledge_breach, breach, actor, note)
