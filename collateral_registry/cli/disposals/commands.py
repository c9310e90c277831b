"""Commands for disposals of collateral and the realisation test."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import Actor, AsOf, Form, Format, Layout, Limit, Output, Wide, in_session

disposal_app = typer.Typer(
    help="Record sales after a default, and test what they bring.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DisposalName = Annotated[str, typer.Argument(help="loan and id of the disposal, such as loan-1/sale-1")]
Why = Annotated[str, typer.Option("--note", help="why; stored with the step")]
OptionalNote = Annotated[str, typer.Option("--note", help="note stored with the step")]
Expected = Annotated[str, typer.Option(help="what is still expected less costs, such as '1000 USD'; default: nothing")]
ExpectedDate = Annotated[str, typer.Option("--expected-date", help="day on which it is expected")]


class Cause(StrEnum):
    """Causes of a default, as commands spell them."""

    PAYMENT = "payment"
    BREACH = "breach"
    INSOLVENCY = "insolvency"
    COVENANT = "covenant"
    FRAUD = "fraud"
    OTHER = "other"


class Method(StrEnum):
    """How proceeds are made, as commands spell it."""

    COLLECTION = "collection"
    AUCTION = "auction"
    PRIVATE_SALE = "private-sale"
    SET_OFF = "set-off"
    PROTECTION_PAYOUT = "protection-payout"
    REFUND = "refund"


@disposal_app.command("open")
def disposal_open(
    disposal: DisposalName,
    actor: Actor,
    default_date: Annotated[str, typer.Option(help="business date of the default, such as 2022-07-01")],
    cause: Annotated[Cause, typer.Option(help="cause of the default")],
    rate: Annotated[str, typer.Option(help="yearly discount rate, such as 0.08")],
    note: Why,
    breach: Annotated[int, typer.Option(min=0, help="number of the escalated breach of the loan; 0 for none")] = 0,
    assets: Annotated[list[str] | None, typer.Option("--asset", help="asset to sell; default: all pledged")] = None,
    expected: Expected = "",
    expected_date: ExpectedDate = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Open a disposal, which freezes the recorded values.

    Nothing leaves the loan by it: goods by a pick-up, pledges by a release.
    """
    from collateral_registry.cli.disposals.calls import NewDisposal, open_disposal

    new = NewDisposal(disposal, default_date, cause, rate, breach, assets or [], expected, expected_date)
    in_session(server, open_disposal, new, actor, note, Layout(form, output, wide))


@disposal_app.command("claim")
def disposal_claim(
    disposal: DisposalName,
    actor: Actor,
    addressee: Annotated[str, typer.Option(help="court, insurer or guarantor")],
    amount: Annotated[str, typer.Option(help="amount claimed, such as '1000 USD'")],
    date: Annotated[str, typer.Option(help="day of the claim")],
    note: OptionalNote = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record a claim in court or against an insurer."""
    from collateral_registry.cli.disposals.calls import record_claim

    in_session(server, record_claim, disposal, actor, addressee, amount, date, note, Layout(form, output, wide))


@disposal_app.command("proceeds")
def disposal_proceeds(
    disposal: DisposalName,
    actor: Actor,
    method: Annotated[Method, typer.Option(help="how they were made")],
    amount: Annotated[str, typer.Option(help="amount received, such as '1000 USD'")],
    date: Annotated[str, typer.Option(help="day of receipt")],
    asset: Annotated[str, typer.Option(help="id of the asset; empty for a protection payout")] = "",
    invoice: Annotated[str, typer.Option(help="number of the invoice of a pool")] = "",
    cost: Annotated[str, typer.Option(help="cost, such as '10 USD'; default: none")] = "",
    loan_amount: Annotated[str, typer.Option(help="part for this loan; default: all")] = "",
    buyer: Annotated[str, typer.Option(help="buyer or payer")] = "",
    related: Annotated[bool, typer.Option("--related", help="the buyer is related to borrower or lender")] = False,
    finishes: Annotated[bool, typer.Option("--finishes", help="nothing more is expected of the asset")] = False,
    corrects: Annotated[int, typer.Option(min=0, help="number of the proceeds that these replace")] = 0,
    expected: Expected = "",
    expected_date: ExpectedDate = "",
    note: OptionalNote = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record what a sale, collection or payout brought.

    What is owed changes by a balance.
    """
    from collateral_registry.cli.disposals.calls import NewProceeds, record_proceeds

    new = NewProceeds(
        disposal, method, amount, date, asset, invoice, cost, loan_amount, buyer, corrects, expected, expected_date,
        related=related, finishes=finishes,
    )  # fmt: skip
    in_session(server, record_proceeds, new, actor, note, Layout(form, output, wide))


@disposal_app.command("close")
def disposal_close(
    disposal: DisposalName,
    actor: Actor,
    note: Why,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Close a disposal, of which nothing more is expected."""
    from collateral_registry.cli.disposals.calls import close_disposal

    in_session(server, close_disposal, disposal, actor, note, Layout(form, output, wide))


@disposal_app.command("show")
def disposal_show(
    disposal: DisposalName,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show a disposal: assets, estimates and steps."""
    from collateral_registry.cli.disposals.calls import show_disposal

    in_session(server, show_disposal, disposal, Layout(form, output, wide))


@disposal_app.command("list")
def disposal_list(
    filter_: Annotated[str, typer.Option("--filter", help="such as: state != CLOSED AND loan = loan-1")] = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List disposals with what they brought."""
    from collateral_registry.cli.disposals.calls import list_disposals

    in_session(server, list_disposals, filter_, limit, Layout(form, output, wide))


@disposal_app.command("test")
def disposal_test(
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Test the 70 % of value and the haircuts by class."""
    from collateral_registry.cli.disposals.calls import show_test

    in_session(server, show_test, as_of, Layout(form, output, wide))
