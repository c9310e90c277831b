"""Creates, submits, shows, approves, returns and lists certificates of borrowing bases."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
from google.type.money_pb2 import Money

from collateral_registry.cli.common.formatting import (
    date_message,
    format_amount,
    format_date,
    member_name,
    resource_name,
    to_decimal,
)
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    text,
)
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import certificate_pb2 as pb, certificate_pb2_grpc, loan_pb2, loan_pb2_grpc
from collateral_registry.web.pages.certificates.changes import failing_line
from collateral_registry.web.pages.certificates.statement_table import STATEMENT, statement_of
from valuation.tables.reader import read_file

STEPS = Table(
    "steps",
    (
        Column("term", Kind.CODE),
        Column("asset_class", Kind.TEXT, "class"),
        Column("rule", Kind.TEXT),
        Column("change", Kind.AMOUNT),
        Column("base", Kind.AMOUNT),
        Column("currency", Kind.CURRENCY),
    ),
)
CERTIFICATES = Table(
    "certificates",
    (
        Column("loan", Kind.TEXT),
        Column("certificate", Kind.TEXT),
        Column("period_end", Kind.DATE, importance=Importance.HIGH),
        Column("due", Kind.DATE),
        Column("state", Kind.CODE),
        Column("submitted_base", Kind.AMOUNT, "submitted", Importance.HIGH),
        Column("approved_base", Kind.AMOUNT, "approved", Importance.USUAL),
        Column("recomputed_base", Kind.AMOUNT, "recomputed"),
        Column("currency", Kind.CURRENCY),
        Column("submitted_by", Kind.TEXT, importance=Importance.LOW),
        Column("approved_by", Kind.TEXT, importance=Importance.LOW),
    ),
)


def create_certificate(channel: grpc.Channel, certificate: str, period_end: str, due: str, layout: Layout) -> None:
    """Opens a certificate and shows it."""
    parent, _, certificate_id = certificate_name(certificate).partition("/certificates/")
    stated = pb.Certificate(
        period_end_date=date_message("--period-end", period_end), due_date=date_message("--due", due)
    )
    request = pb.CreateCertificateRequest(
        parent=parent, certificate_id=certificate_id, certificate=stated, request_id=uuid.uuid4().hex
    )
    _show(_stub(channel).CreateCertificate(request), layout)


def submit_certificate(channel: grpc.Channel, certificate: str, file: Path, actor: str, layout: Layout) -> None:
    """Submits the statement in a file, and shows its difference from the recomputed base."""
    name = certificate_name(certificate)
    loan = loan_pb2.GetLoanRequest(name=name.partition("/certificates/")[0])
    currency = loan_pb2_grpc.LoanServiceStub(channel).GetLoan(loan).currency_code
    statement = statement_of(read_file(file, STATEMENT), currency)
    request = pb.SubmitCertificateRequest(name=name, statement=statement, actor=actor, request_id=uuid.uuid4().hex)
    _show(_stub(channel).SubmitCertificate(request), layout)


def approve_certificate(
    channel: grpc.Channel, certificate: str, actor: str, amount: str, reason: str, layout: Layout
) -> None:
    """Approves a certificate and shows it."""
    name, stub = certificate_name(certificate), _stub(channel)
    approved: Money | None = None
    if amount:
        recomputed = stub.GetCertificate(pb.GetCertificateRequest(name=name)).recomputed
        approved = money(amount, recomputed.base.currency_code, "--amount")
    request = pb.ApproveCertificateRequest(
        name=name, actor=actor, approved_base=approved, reason=reason, request_id=uuid.uuid4().hex
    )
    _show(stub.ApproveCertificate(request), layout)


def return_certificate(
    channel: grpc.Channel, certificate: str, actor: str, reason: str, lines: list[str], layout: Layout
) -> None:
    """Returns a certificate with its failing lines and shows it."""
    request = pb.ReturnCertificateRequest(
        name=certificate_name(certificate),
        actor=actor,
        reason=reason,
        failing_lines=[failing_line("--line", line) for line in lines],
        request_id=uuid.uuid4().hex,
    )
    _show(_stub(channel).ReturnCertificate(request), layout)


def show_certificate(channel: grpc.Channel, certificate: str, layout: Layout) -> None:
    """Shows a certificate: its bases and people, and the difference step by step."""
    _show(_stub(channel).GetCertificate(pb.GetCertificateRequest(name=certificate_name(certificate))), layout)


def print_text(channel: grpc.Channel, certificate: str) -> None:
    """Prints the canonical text of a recomputed certificate, of which the digest is signed."""
    found = _stub(channel).GetCertificate(pb.GetCertificateRequest(name=certificate_name(certificate)))
    if not found.canonical_text:
        raise ValueError(f"{found.name}: got no recomputed base, want a submitted statement first")
    sys.stdout.write(found.canonical_text)


def list_certificates(channel: grpc.Channel, loan: str, filter_: str, limit: int, layout: Layout) -> None:
    """Lists the certificates of a loan, or of all loans, the earliest due day first."""
    parent = resource_name("loans", loan) if loan else "loans/-"
    request = pb.ListCertificatesRequest(parent=parent, filter=filter_, order_by="due_date")
    found = fetch_all(_stub(channel).ListCertificates, request, "certificates", limit)
    show_table(CERTIFICATES, ListedRows(map(_certificate_row, found.certificates)), layout)


def _stub(channel: grpc.Channel) -> certificate_pb2_grpc.CertificateServiceStub:
    return certificate_pb2_grpc.CertificateServiceStub(channel)


def certificate_name(certificate: str) -> str:
    """Returns the name of a certificate given as LOAN/CERTIFICATE or in full; raises ValueError for any other form."""
    loan, certificate_id = member_name("certificates", certificate, "2022-06")
    return f"{loan}/certificates/{certificate_id}"


def _show(found: pb.Certificate, layout: Layout) -> None:
    show_table(STEPS, ListedRows(_step_rows(found)), layout, _title(found))


def _step_rows(found: pb.Certificate) -> Iterator[Row]:
    """Yields the submitted base, each change with the base after it, the recomputed base and the approved one."""
    if found.HasField("submitted"):
        base = found.submitted.base
        total, currency = to_decimal(base), base.currency_code
        yield ("SUBMITTED", None, None, None, total, currency)
        for step in found.steps:
            total += to_decimal(step.change)
            term = label(pb.StatementTerm.Name(step.term), "STATEMENT_TERM_")
            yield (term, text(step.asset_class), text(step.rule), to_decimal(step.change), total, currency)
    for name in ("recomputed", "approved"):
        base = found.recomputed.base if name == "recomputed" else found.approved_base
        if base.currency_code:
            yield (name.upper(), None, None, None, to_decimal(base), base.currency_code)


def _title(found: pb.Certificate) -> str:
    """Returns the state of a certificate, and who did what, one fact a line."""
    state = label(pb.CertificateState.Name(found.state), "CERTIFICATE_STATE_")
    lines = [found.name, f"{state}, period to {format_date(found.period_end_date)}, due {format_date(found.due_date)}"]
    if found.submitted_by:
        lines.append(f"submitted by {found.submitted_by}")
    if found.sequence:
        lines += [f"recomputed as of commit {found.sequence}", f"sha256 {found.canonical_sha256}"]
        lines.append(f"used {format_amount(found.used)}, available {format_amount(found.availability)}")
    if found.approved_by:
        reason = f": {found.approval_reason}" if found.approval_reason else ""
        lines.append(f"approved by {found.approved_by}{reason}")
    if found.state == pb.CERTIFICATE_STATE_RETURNED:
        lines.append(f"returned by {found.returned_by}: {found.return_reason}")
        lines += [f"  {one.asset_class or 'all classes'} {one.line}: {one.note}" for one in found.failing_lines]
    return "\n".join(lines)


def _certificate_row(found: pb.Certificate) -> Row:
    loan, _, certificate_id = found.name.removeprefix("loans/").partition("/certificates/")
    bases = (found.submitted.base, found.approved_base, found.recomputed.base)
    return (
        loan,
        certificate_id,
        day(found.period_end_date),
        day(found.due_date),
        label(pb.CertificateState.Name(found.state), "CERTIFICATE_STATE_"),
        *(to_decimal(base) if base.currency_code else None for base in bases),
        next((base.currency_code for base in bases if base.currency_code), None),
        text(found.submitted_by),
        text(found.approved_by),
    )
