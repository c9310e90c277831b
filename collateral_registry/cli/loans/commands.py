"""Commands for the book of a running server: assets, loans, pick-ups and double pledges."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import Actor, AsOf, Form, Format, Layout, Limit, Output, Wide, in_session
from collateral_registry.cli.reports.commands import DayLimit, FirstDay, LastDay

asset_app = typer.Typer(help="Show assets and correct their identity.", no_args_is_help=True, rich_markup_mode=None)
loan_app = typer.Typer(help="Show loans.", no_args_is_help=True, rich_markup_mode=None)
pickup_app = typer.Typer(
    help="Check and authorise pick-ups from pledged lots.", no_args_is_help=True, rich_markup_mode=None
)
check_app = typer.Typer(help="Check the book for double pledges.", no_args_is_help=True, rich_markup_mode=None)

AssetFilter = Annotated[str, typer.Option("--filter", help='such as: good IN (copper, zinc) AND warehouse:"W-*"')]
ClassFilter = Annotated[str, typer.Option("--filter", help="such as: kind = equipment")]
LoanFilter = Annotated[str, typer.Option("--filter", help='such as: state = ACTIVE AND exposure >= "1000 USD"')]
PledgeFilter = Annotated[str, typer.Option("--filter", help="such as: state = ACTIVE AND asset = lot-1")]
PickupFilter = Annotated[str, typer.Option("--filter", help="such as: state = AUTHORISED AND expire_date < 2025-07-01")]


LoanId = Annotated[str, typer.Argument(help="id of the loan")]
AssetId = Annotated[str, typer.Argument(help="id of the asset, a stock lot")]
Quantity = Annotated[str, typer.Argument(help="quantity in the unit of the lot")]


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


@loan_app.command("history")
def loan_history(
    loan: LoanId,
    first: FirstDay = "",
    last: LastDay = "",
    as_of: AsOf = "",
    limit: DayLimit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the cover of a loan at the end of each business date."""
    from collateral_registry.cli.reports.history import Days, show_loan_history

    in_session(server, show_loan_history, loan, Days(first, last, as_of, limit), Layout(form, output, wide))


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
