"""Commands that look at the book of a running server: reports, assets, loans, breaches, pick-ups, double pledges."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, Filter, Limit, Server

report_app = typer.Typer(help="Read reports from a running server.", no_args_is_help=True, rich_markup_mode=None)
asset_app = typer.Typer(help="Look at assets.", no_args_is_help=True, rich_markup_mode=None)
loan_app = typer.Typer(help="Look at loans.", no_args_is_help=True, rich_markup_mode=None)
breach_app = typer.Typer(help="Look at breaches and acknowledge them.", no_args_is_help=True, rich_markup_mode=None)
pickup_app = typer.Typer(help="Goods that may leave a pledged lot.", no_args_is_help=True, rich_markup_mode=None)
check_app = typer.Typer(help="Look for things pledged twice.", no_args_is_help=True, rich_markup_mode=None)

AsOf = Annotated[str, typer.Option(help="commit number, time (2022-07-01T12:00:00Z) or business date (2022-07-01)")]
LoanId = Annotated[str, typer.Argument(help="id of the loan")]
AssetId = Annotated[str, typer.Argument(help="id of the lot")]
Quantity = Annotated[str, typer.Argument(help="how much, in the lot's unit")]
BreachName = Annotated[str, typer.Argument(help="loan and number, such as loan-1/1")]


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class LtvFormat(StrEnum):
    """How the loan-to-value report is printed, or written to a file."""

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
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="file for every row: arrow, parquet, csv")] = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """A row per loan, worst first."""
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
    """A row per breach, newest first."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.report import print_breach_report

    with session(server) as channel:
        print_breach_report(channel, as_of, filter_, output.value, limit)


@asset_app.command("show")
def asset_show(asset: Annotated[str, typer.Argument(help="id of the asset")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print an asset as JSON."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show_list import show_asset

    with session(server) as channel:
        show_asset(channel, asset)


@asset_app.command("list")
def asset_list(filter_: Filter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per asset."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show_list import list_assets

    with session(server) as channel:
        list_assets(channel, filter_, limit)


@loan_app.command("show")
def loan_show(loan: Annotated[str, typer.Argument(help="id of the loan")], server: Server = DEFAULT_ADDRESS) -> None:
    """Print a loan with its cover as JSON."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show_list import show_loan

    with session(server) as channel:
        show_loan(channel, loan)


@loan_app.command("list")
def loan_list(filter_: Filter = "", limit: Limit = 0, server: Server = DEFAULT_ADDRESS) -> None:
    """A row per loan with its level."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show_list import list_loans

    with session(server) as channel:
        list_loans(channel, filter_, limit)


@loan_app.command("floor")
def loan_floor(loan: Annotated[str, typer.Argument(help="id of the loan")], server: Server = DEFAULT_ADDRESS) -> None:
    """The least value that must stay under control, and what stands above it."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import show_controlled_value

    with session(server) as channel:
        show_controlled_value(channel, loan)


@pickup_app.command("check")
def pickup_check(loan: LoanId, asset: AssetId, quantity: Quantity, server: Server = DEFAULT_ADDRESS) -> None:
    """Whether goods may leave: all of them, the largest part that may, or the cash that would free them."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import check_pickup

    with session(server) as channel:
        raise typer.Exit(check_pickup(channel, loan, asset, quantity))


@pickup_app.command("request")
def pickup_request(
    loan: LoanId,
    asset: AssetId,
    quantity: Quantity,
    expire: Annotated[str, typer.Option(help="last day on which they may leave; else five days on")] = "",
    note: Annotated[str, typer.Option(help="what is said with it, such as who comes")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Authorise a pick-up; from then on the goods no longer count."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import request_pickup

    with session(server) as channel:
        request_pickup(channel, loan, asset, quantity, expire, note)


@pickup_app.command("cancel")
def pickup_cancel(
    pickup: Annotated[str, typer.Argument(help="loans/{loan}/pickups/{pickup}")], server: Server = DEFAULT_ADDRESS
) -> None:
    """Take an authorisation back."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import cancel_pickup

    with session(server) as channel:
        cancel_pickup(channel, pickup)


@pickup_app.command("list")
def pickup_list(
    loan: Annotated[str, typer.Option(help="id of one loan")] = "",
    filter_: Filter = "",
    limit: Limit = 0,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """A row per authorisation."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import list_pickups

    with session(server) as channel:
        list_pickups(channel, loan, filter_, limit)


@check_app.command("book")
def check_book_command(server: Server = DEFAULT_ADDRESS) -> None:
    """Look over the whole book for numbers that come twice and goods claimed beyond what is there."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import check_book

    with session(server) as channel:
        raise typer.Exit(check_book(channel))


@check_app.command("confirm")
def check_confirm(
    finding: Annotated[str, typer.Argument(help="number of the finding")],
    actor: Annotated[str, typer.Option(help="who says so")],
    note: Annotated[str, typer.Option(help="what proves it")],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Take a double pledge for proved: its asset is worth nothing from now on."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.pickups import confirm_finding

    with session(server) as channel:
        confirm_finding(channel, finding, actor, note)


@breach_app.command("show")
def breach_show(breach: BreachName, server: Server = DEFAULT_ADDRESS) -> None:
    """A breach with everything that happened."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show_list import show_breach

    with session(server) as channel:
        show_breach(channel, breach)


@breach_app.command("ack")
def breach_ack(
    breach: BreachName,
    actor: Annotated[str, typer.Option(help="who has seen it")],
    note: Annotated[str, typer.Option(help="what they say")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record that somebody has seen a breach."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.loans.show_list import acknowledge_breach

    with session(server) as channel:
        acknowledge_breach(channel, breach, actor, note)
