"""Commands for assignments of invoices, and for the verification of ledgers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import Actor, Form, Format, Layout, Limit, Note, Output, Wide, in_session

assignment_app = typer.Typer(
    help="Record assignments of invoices and exclusions.", no_args_is_help=True, rich_markup_mode=None
)
verification_app = typer.Typer(
    help="Verify ledgers with debtors, payments and closing amounts.", no_args_is_help=True, rich_markup_mode=None
)

Pool = Annotated[str, typer.Argument(help="id of the pool or of the receivable")]
Assignment = Annotated[str, typer.Argument(help="id of the assignment")]
Verification = Annotated[str, typer.Argument(help="id of the verification")]
Debtor = Annotated[str, typer.Option(help="only invoices of this debtor, as the ledger states it")]
Invoices = Annotated[list[str] | None, typer.Option("--invoice", help="number of one of its invoices; repeatable")]
Day = Annotated[str, typer.Option(help="day, such as 2022-07-01")]
Document = Annotated[str, typer.Option(help="number or digest of the paper behind it")]


@assignment_app.command("list")
def assignment_list(
    pool: Annotated[str, typer.Argument(help="id of the pool; default: all pools")] = "",
    filter_: Annotated[str, typer.Option("--filter", help="such as: asset = acme")] = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List assignments with their states."""
    from collateral_registry.cli.assignments.calls import list_assignments

    in_session(server, list_assignments, pool, filter_, limit, Layout(form, output, wide))


@assignment_app.command("show")
def assignment_show(pool: Pool, assignment: Assignment, server: Server = DEFAULT_ADDRESS) -> None:
    """Show an assignment with its events as JSON."""
    from collateral_registry.cli.assignments.calls import show_assignment

    in_session(server, show_assignment, pool, assignment)


@assignment_app.command("record")
def assignment_record(
    pool: Pool,
    assignment: Assignment,
    kind: Annotated[str, typer.Argument(help="REGISTERED, NOTICE_SENT, NOTICE_DELIVERED, ACKNOWLEDGED, REFUSED, …")],
    date: Day,
    actor: Actor,
    debtor: Debtor = "",
    invoice: Invoices = None,
    registry: Annotated[str, typer.Option(help="registry; required in a registration")] = "",
    number: Annotated[str, typer.Option(help="number of the registration")] = "",
    expire: Annotated[str, typer.Option(help="last day of the registration")] = "",
    amount: Annotated[str, typer.Option(help="acknowledged amount with its currency, such as '1200.50 EUR'")] = "",
    set_off: Annotated[bool, typer.Option("--set-off", help="the debtor reserves set-off")] = False,
    account: Annotated[str, typer.Option(help="account to which the debtor pays")] = "",
    reason: Annotated[str, typer.Option(help="reason of a refusal")] = "",
    document: Document = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record an event of an assignment.

    The first event, REGISTERED, creates the assignment. Without a debtor an event concerns all of it.
    """
    from collateral_registry.cli.assignments.calls import EventFields, record_event

    fields = EventFields(registry, number, expire, amount, account, reason, document, set_off)
    in_session(server, record_event, pool, assignment, kind, date, actor, debtor, invoice or [], fields)


@assignment_app.command("exclude")
def assignment_exclude(
    pool: Pool,
    actor: Actor,
    note: Note,
    debtor: Debtor = "",
    invoice: Invoices = None,
    expire: Annotated[str, typer.Option(help="last day of the exclusion; default: until it is ended")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Exclude invoices of a pool by hand.

    Prints the name of the exclusion.
    """
    from collateral_registry.cli.assignments.calls import exclude

    in_session(server, exclude, pool, actor, note, debtor, invoice or [], expire)


@assignment_app.command("readmit")
def assignment_readmit(
    pool: Pool,
    number: Annotated[int, typer.Argument(help="number of the exclusion")],
    actor: Actor,
    note: Note,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """End an exclusion."""
    from collateral_registry.cli.assignments.calls import readmit

    in_session(server, readmit, pool, number, actor, note)


@verification_app.command("plan")
def verification_plan(
    pool: Pool,
    verification: Verification,
    actor: Actor,
    tolerable: Annotated[str, typer.Option(help="misstatement to exclude, such as '128000 EUR'; default: policy")] = "",
    confidence: Annotated[str, typer.Option(help="probability to notice a larger one")] = "",
    seed: Annotated[int, typer.Option(min=0, help="seed of the sample; 0: chosen by the server")] = 0,
    targets: Annotated[int, typer.Option(min=0, max=200, help="further invoices to verify by suspicion")] = 10,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Sample invoices of a pool by monetary units, and add unusual ones.

    Lists those that their debtors are to confirm.
    """
    from collateral_registry.cli.assignments.verifications import plan_verification

    layout = Layout(form, output, wide)
    in_session(server, plan_verification, pool, verification, actor, tolerable, confidence, seed, targets, layout)


@verification_app.command("show")
def verification_show(
    pool: Pool,
    verification: Verification,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show the sampled invoices with their outcomes."""
    from collateral_registry.cli.assignments.verifications import show_verification

    in_session(server, show_verification, pool, verification, Layout(form, output, wide))


@verification_app.command("record")
def verification_record(
    pool: Pool,
    verification: Verification,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="file: CSV, xlsx or parquet of answers"),
    ],
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record answers of debtors from a file.

    Its columns are debtor, invoice, outcome, and optionally confirmed, currency, proof and document.
    """
    from collateral_registry.cli.assignments.verifications import record_answers

    in_session(server, record_answers, pool, verification, file, actor)


@verification_app.command("close")
def verification_close(
    pool: Pool,
    date: Day,
    amount: Annotated[str, typer.Argument(help="closing amount with its currency, such as '920000 EUR'")],
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record the closing amount of a day.

    Prints how the entries of the period lead to it.
    """
    from collateral_registry.cli.assignments.verifications import record_closing

    in_session(server, record_closing, pool, date, amount, actor)


@verification_app.command("check")
def verification_check(pool: Pool, actor: Actor, server: Server = DEFAULT_ADDRESS) -> None:
    """Compare the ledger with the other records.

    These are the collection account and the closing amount. The exit code is 1 if this opens findings.
    """
    from collateral_registry.cli.assignments.verifications import check_ledger

    in_session(server, check_ledger, pool, actor)
