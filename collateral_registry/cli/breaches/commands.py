"""Commands for breaches: lists, history, and the steps that people take on them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import Actor, Form, Format, Layout, Limit, Output, Wide, in_session

breach_app = typer.Typer(help="List breaches and take steps on them.", no_args_is_help=True, rich_markup_mode=None)

BreachName = Annotated[str, typer.Argument(help="loan and number of the breach, such as loan-1/1")]
Why = Annotated[str, typer.Option("--note", help="why; stored with the step")]
OptionalNote = Annotated[str, typer.Option("--note", help="note stored with the step")]


class Order(StrEnum):
    """Orders of a list of breaches."""

    LEVEL = "level"
    AGE = "age"
    DEADLINE = "deadline"
    NEWEST = "newest"


class WaiverCause(StrEnum):
    """Reasons of a waiver, as commands spell them."""

    PAYMENT_IN_TRANSIT = "payment-in-transit"
    COLLATERAL_IN_REGISTRATION = "collateral-in-registration"
    BRIDGE_FINANCING = "bridge-financing"
    RESTRUCTURING = "restructuring"
    PRICE_UNDER_REVIEW = "price-under-review"
    OTHER = "other"


class Outcome(StrEnum):
    """How a dispute ended, as commands spell it."""

    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


Cause = Annotated[
    WaiverCause,
    typer.Option(metavar="<cause>", help=f"reason of the waiver: {', '.join(cause.value for cause in WaiverCause)}"),
]
Until = Annotated[str, typer.Option(help="last day of the waiver, such as 2022-07-01")]


@breach_app.command("list")
def breach_list(
    filter_: Annotated[
        str, typer.Option("--filter", help="such as: level >= STOP_DRAW AND deadline_date < 2022-07-01")
    ] = "state = OPEN",
    order: Annotated[
        Order, typer.Option(help="worst level, longest open, next deadline, or newest first")
    ] = Order.LEVEL,
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List breaches with age, deadline and allowed steps."""
    from collateral_registry.cli.breaches.calls import list_breaches

    in_session(server, list_breaches, filter_, order, limit, Layout(form, output, wide))


@breach_app.command("show")
def breach_show(
    breach: BreachName,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show a breach with its history."""
    from collateral_registry.cli.breaches.calls import show_breach

    in_session(server, show_breach, breach, Layout(form, output, wide))


@breach_app.command("acknowledge")
@breach_app.command("ack", hidden=True)
def breach_acknowledge(
    breach: BreachName,
    actor: Actor,
    note: OptionalNote = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Acknowledge a breach."""
    from collateral_registry.cli.breaches.calls import acknowledge

    in_session(server, acknowledge, breach, actor, note, Layout(form, output, wide))


@breach_app.command("note")
def breach_note(
    breach: BreachName,
    actor: Actor,
    note: Why,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record a note on a breach."""
    from collateral_registry.cli.breaches.calls import add_note

    in_session(server, add_note, breach, actor, note, Layout(form, output, wide))


@breach_app.command("dispute")
def breach_dispute(
    breach: BreachName,
    actor: Actor,
    note: Why,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record that the borrower disputes a breach.

    Level and deadline stay.
    """
    from collateral_registry.cli.breaches.calls import dispute

    in_session(server, dispute, breach, actor, note, Layout(form, output, wide))


@breach_app.command("settle")
def breach_settle(
    breach: BreachName,
    actor: Actor,
    outcome: Annotated[Outcome, typer.Option(help="how the dispute ended")],
    note: Why,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record how a dispute ended."""
    from collateral_registry.cli.breaches.calls import settle

    in_session(server, settle, breach, actor, note, outcome, Layout(form, output, wide))


@breach_app.command("grace")
def breach_grace(
    breach: BreachName,
    actor: Actor,
    deadline: Annotated[str, typer.Option(help="new deadline, such as 2022-07-01")],
    note: OptionalNote = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Move the deadline of a breach to a later day."""
    from collateral_registry.cli.breaches.calls import grant_grace

    in_session(server, grant_grace, breach, actor, note, deadline, Layout(form, output, wide))


@breach_app.command("waive")
def breach_waive(
    breach: BreachName,
    actor: Actor,
    cause: Cause,
    until: Until,
    note: Why,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Waive the margin call until a day, as the local owner.

    Everyone else uses `collateral proposal waive-breach`, because two persons decide it.
    """
    from collateral_registry.cli.breaches.calls import waive

    in_session(server, waive, breach, actor, note, cause, until, Layout(form, output, wide))


@breach_app.command("cure")
def breach_cure(
    breach: BreachName,
    actor: Actor,
    cash: Annotated[str, typer.Option(help="amount with its currency, such as '1000 USD'")] = "",
    asset: Annotated[str, typer.Option(help="id of a registered asset that would be pledged")] = "",
    received: Annotated[bool, typer.Option("--received", help="it was received; otherwise it is promised")] = False,
    check: Annotated[bool, typer.Option("--check", help="print the result of the test, and record nothing")] = False,
    note: OptionalNote = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record cash or collateral, and test whether it is enough.

    What is owed changes by a balance, and what secures the loan by a pledge.
    """
    from collateral_registry.cli.breaches.calls import Offer, record_cure

    offer = Offer(cash, asset, received=received, check=check)
    in_session(server, record_cure, breach, actor, note, offer, Layout(form, output, wide))


@breach_app.command("escalate")
def breach_escalate(
    breach: BreachName,
    actor: Actor,
    note: Why,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Decide that the collateral is to be sold.

    `collateral disposal open` records the sale.
    """
    from collateral_registry.cli.breaches.calls import escalate

    in_session(server, escalate, breach, actor, note, Layout(form, output, wide))
