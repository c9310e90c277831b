"""The commands of ``collateral base`` and ``collateral certificate``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import (
    Actor,
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

base_app = typer.Typer(
    help="Show borrowing bases of loans and their reserves.", no_args_is_help=True, rich_markup_mode=None
)
certificate_app = typer.Typer(
    help="Submit, explain and approve certificates of bases.", no_args_is_help=True, rich_markup_mode=None
)


class CertificateForm(StrEnum):
    """Formats of the file of a certificate."""

    PDF = "pdf"
    CSV = "csv"


CertificateName = Annotated[str, typer.Argument(help="LOAN/CERTIFICATE, the ids of both")]
ReserveName = Annotated[str, typer.Argument(help="LOAN/RESERVE, the ids of both")]
ReserveFilter = Annotated[str, typer.Option("--filter", help="such as: kind = RENT AND NOT end_time:*")]
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


@base_app.command("set")
def base_set(
    loan: Annotated[str, typer.Argument(help="id of the loan")],
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="JSON file of BorrowingBaseTerms")
    ],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Set the terms of a loan's borrowing base."""
    from collateral_registry.cli.borrowing_base.reserves import set_terms

    in_session(server, set_terms, loan, file)


@base_app.command("reserve")
def base_reserve(
    reserve: ReserveName,
    kind: Annotated[str, typer.Option(help="such as RENT, PRIORITY_PAYABLES or OTHER")],
    owner: Annotated[str, typer.Option(help="name of the person responsible")],
    reason: Annotated[str, typer.Option(help="why it is deducted")],
    first: Annotated[str, typer.Option("--from", help="first day")],
    last: Annotated[str, typer.Option("--until", help="last day; default: until it is ended")] = "",
    amount: Annotated[str, typer.Option(help="amount in the currency of the loan")] = "",
    rate: Annotated[str, typer.Option(help="share of the base before reserves, 0 to 1")] = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record a reserve of a loan's borrowing base."""
    from collateral_registry.cli.borrowing_base.reserves import NewReserve, create_reserve

    stated = NewReserve(reserve, kind, amount, rate, owner, reason, first, last)
    in_session(server, create_reserve, stated, Layout(form, output, wide))


@base_app.command("end-reserve")
def base_end_reserve(
    reserve: ReserveName,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="why it is ended")],
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """End a reserve before its last day."""
    from collateral_registry.cli.borrowing_base.reserves import end_reserve

    in_session(server, end_reserve, reserve, actor, reason, Layout(form, output, wide))


@base_app.command("reserves")
def base_reserves(
    loan: Annotated[str, typer.Argument(help="id of the loan; empty for all loans")] = "",
    filter_: ReserveFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List reserves, including those that have ended."""
    from collateral_registry.cli.borrowing_base.reserves import list_reserves

    in_session(server, list_reserves, loan, filter_, limit, Layout(form, output, wide))


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
    actor: Actor,
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


@certificate_app.command("export")
def certificate_export(
    certificate: CertificateName,
    output: Annotated[Path, typer.Option(dir_okay=False, help="file to write")],
    form: Annotated[CertificateForm, typer.Option("--format", help="format of the file")] = CertificateForm.PDF,
    language: Annotated[ExportLanguage, typer.Option(help="language of the PDF")] = ExportLanguage.EN,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Write a certificate to a file: PDF for a committee, or CSV.

    The same certificate is the same bytes, whenever it is exported (docs/exports.md).
    """
    from collateral_registry.cli.borrowing_base.certificate_files import export_certificate

    in_session(server, export_certificate, certificate, form.value, language.value, output)


@certificate_app.command("text")
def certificate_text(certificate: CertificateName, server: Server = DEFAULT_ADDRESS) -> None:
    """Print the canonical text of a recomputed certificate."""
    from collateral_registry.cli.borrowing_base.certificates import print_text

    in_session(server, print_text, certificate)


@certificate_app.command("approve")
def certificate_approve(
    certificate: CertificateName,
    actor: Actor,
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
    actor: Actor,
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
    """List certificates of one or all loans by due day."""
    from collateral_registry.cli.borrowing_base.certificates import list_certificates

    in_session(server, list_certificates, loan, filter_, limit, Layout(form, output, wide))
