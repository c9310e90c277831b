"""The commands of ``collateral base`` and ``collateral certificate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import AsOf, Form, Format, Layout, Limit, Output, Wide, in_session

base_app = typer.Typer(help="Show borrowing bases of loans.", no_args_is_help=True, rich_markup_mode=None)
certificate_app = typer.Typer(
    help="Submit, explain and approve certificates of borrowing bases.", no_args_is_help=True, rich_markup_mode=None
)

CertificateName = Annotated[str, typer.Argument(help="LOAN/CERTIFICATE, the ids of both")]
Person = Annotated[str, typer.Option(help="name of the person who does it")]
CertificateFilter = Annotated[str, typer.Option("--filter", help="such as: state = OPEN AND due_date < 2025-07-01")]


@base_app.command("show")
def base_show(
    loan: Annotated[str, typer.Argument(help="id of the loan")],
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show the borrowing base of a loan, line by line.

    The lines sum to the availability. With --as-of, shows the base by the judgement that was current then.
    """
    from collateral_registry.cli.borrowing_base.base import show_base

    in_session(server, show_base, loan, as_of, Layout(form, output, wide))


@certificate_app.command("create")
def certificate_create(
    certificate: CertificateName,
    period_end: Annotated[str, typer.Option(help="last day of the period")],
    due: Annotated[str, typer.Option(help="last day to submit the statement")],
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Open a certificate for a period."""
    from collateral_registry.cli.borrowing_base.certificates import create_certificate

    in_session(server, create_certificate, certificate, period_end, due, Layout(form, output, wide))


@certificate_app.command("submit")
def certificate_submit(
    certificate: CertificateName,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="file: class, line, value")],
    actor: Person,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Submit the borrower's statement.

    Shows the difference from the recomputed base, step by step.
    """
    from collateral_registry.cli.borrowing_base.certificates import submit_certificate

    in_session(server, submit_certificate, certificate, file, actor, Layout(form, output, wide))


@certificate_app.command("show")
def certificate_show(
    certificate: CertificateName,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show a certificate with its difference step by step."""
    from collateral_registry.cli.borrowing_base.certificates import show_certificate

    in_session(server, show_certificate, certificate, Layout(form, output, wide))


@certificate_app.command("text")
def certificate_text(certificate: CertificateName, server: Server = DEFAULT_ADDRESS) -> None:
    """Print the canonical text of a recomputed certificate."""
    from collateral_registry.cli.borrowing_base.certificates import print_text

    in_session(server, print_text, certificate)


@certificate_app.command("approve")
def certificate_approve(
    certificate: CertificateName,
    actor: Person,
    amount: Annotated[str, typer.Option(help="approved base; default: the recomputed one")] = "",
    reason: Annotated[str, typer.Option(help="why less than the recomputed base")] = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Approve a recomputed certificate; not by its submitter."""
    from collateral_registry.cli.borrowing_base.certificates import approve_certificate

    in_session(server, approve_certificate, certificate, actor, amount, reason, Layout(form, output, wide))


@certificate_app.command("return")
def certificate_return(
    certificate: CertificateName,
    actor: Person,
    reason: Annotated[str, typer.Option(help="why it is returned")],
    line: Annotated[list[str] | None, typer.Option(help="failing line as class:line:note; may be repeated")] = None,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Return a certificate with the lines that fail."""
    from collateral_registry.cli.borrowing_base.certificates import return_certificate

    in_session(server, return_certificate, certificate, actor, reason, line or [], Layout(form, output, wide))


@certificate_app.command("list")
def certificate_list(
    loan: Annotated[str, typer.Argument(help="id of the loan; empty for all loans")] = "",
    filter_: CertificateFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List certificates of a loan, or of all loans."""
    from collateral_registry.cli.borrowing_base.certificates import list_certificates

    in_session(server, list_certificates, loan, filter_, limit, Layout(form, output, wide))
