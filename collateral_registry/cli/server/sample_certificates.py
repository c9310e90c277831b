"""Certificates of the sample: the borrower's statement of a base, and its approval."""

from __future__ import annotations

from importlib.resources import files

import grpc
from google.type.date_pb2 import Date

from collateral_registry.cli.borrowing_base.certificates import certificate_name
from collateral_registry.cli.common.file_schemas import Row
from collateral_registry.cli.common.formatting import date_message
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import certificate_pb2 as pb, certificate_pb2_grpc, loan_pb2, loan_pb2_grpc
from collateral_registry.web.pages.certificates.statement_table import STATEMENT, statement_of
from valuation.tables.reader import Table, read_source
from valuation.tables.source import Format, Source

BORROWER, LENDER = "finance of the borrower", "credit desk"
"""Who submits and who approves."""


def sample_statement() -> Table:
    """Returns the statement of the sample."""
    content = files("collateral_registry.sample").joinpath("statement.csv").read_bytes()
    return read_source(Source("statement.csv", content, Format.TEXT), STATEMENT)


def certify(channel: grpc.Channel, row: Row, today: Date) -> None:
    """Opens a certificate that is due today for the period that ends on the day of a row, and submits the statement."""
    stub, name = certificate_pb2_grpc.CertificateServiceStub(channel), certificate_name(row["target"])
    loan, _, certificate_id = name.partition("/certificates/")
    found = loan_pb2_grpc.LoanServiceStub(channel).GetLoan(loan_pb2.GetLoanRequest(name=loan))
    days = pb.Certificate(period_end_date=date_message("value", row["value"]), due_date=today)
    create = pb.CreateCertificateRequest(parent=loan, certificate_id=certificate_id, certificate=days)
    stub.CreateCertificate(with_request_id(create))
    statement = statement_of(sample_statement(), found.currency_code)
    submit = pb.SubmitCertificateRequest(name=name, statement=statement, actor=BORROWER)
    stub.SubmitCertificate(with_request_id(submit))


def approve(channel: grpc.Channel, row: Row) -> None:
    """Approves a certificate with the amount of a row, for the reason that it notes."""
    stub, name = certificate_pb2_grpc.CertificateServiceStub(channel), certificate_name(row["target"])
    currency = stub.GetCertificate(pb.GetCertificateRequest(name=name)).recomputed.base.currency_code
    amount = money(row["value"], currency, "value")
    request = pb.ApproveCertificateRequest(name=name, approved_base=amount, actor=LENDER, reason=row["note"])
    stub.ApproveCertificate(with_request_id(request))
