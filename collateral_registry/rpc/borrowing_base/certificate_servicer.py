"""Servicer of CertificateService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.borrowing_base import certificates as commands
from collateral_registry.domain.loans.agreements import check_loan_currency
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.borrowing_base.certificate_messages import (
    certificate_message,
    read_failing_lines,
    read_statement,
)
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page, order_of
from collateral_registry.rpc.loans.pickup_servicer import EVERY_LOAN, of_loan
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.borrowing_base.certificates import (
    START,
    CertificateOrder,
    get_certificate,
    list_certificates,
)
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import certificate_pb2 as pb, certificate_pb2_grpc
from valuation.errors import InvalidInput


class CertificateServicer(certificate_pb2_grpc.CertificateServiceServicer):
    """Records the certificates of borrowing bases."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def CreateCertificate(self, request: pb.CreateCertificateRequest, context: ServicerContext) -> pb.Certificate:
        """Opens a certificate for a period."""
        message = request.certificate
        read = convert.read_all(
            loan_id=lambda: id_of("parent", request.parent, "loans")[0],
            certificate_id=lambda: checked_id("certificate_id", request.certificate_id),
            period_end=lambda: convert.required_date("certificate.period_end_date", message, "period_end_date"),
            due=lambda: convert.required_date("certificate.due_date", message, "due_date"),
        )
        return await self.runner.write(
            call_of(request, "CreateCertificate", pb.Certificate),
            lambda write: certificate_message(commands.create_certificate(write, **read)),
        )

    async def SubmitCertificate(self, request: pb.SubmitCertificateRequest, context: ServicerContext) -> pb.Certificate:
        """Records the borrower's statement and recomputes the base."""
        read = convert.read_all(
            ids=lambda: id_of("name", request.name, "loans", "certificates"),
            actor=lambda: actor_of(request),
            statement=lambda: _check_stated(request),
        )
        loan_id, certificate_id = read["ids"]

        def work(write: Write) -> pb.Certificate:
            statement = read_statement(request.statement, get_loan(write.connection, loan_id).loan.currency)
            return certificate_message(commands.submit_certificate(write, loan_id, certificate_id, statement))

        return await self.runner.write(call_of(request, "SubmitCertificate", pb.Certificate, read["actor"]), work)

    async def ApproveCertificate(
        self, request: pb.ApproveCertificateRequest, context: ServicerContext
    ) -> pb.Certificate:
        """Approves a recomputed certificate."""
        read = convert.read_all(
            ids=lambda: id_of("name", request.name, "loans", "certificates"),
            actor=lambda: actor_of(request),
            reason=lambda: checked_text("reason", request.reason, required=False),
            amount=lambda: convert.read_optional_money("approved_base", request, "approved_base"),
        )
        (loan_id, certificate_id), amount = read["ids"], read["amount"]

        def work(write: Write) -> pb.Certificate:
            check_loan_currency("approved_base", amount, get_loan(write.connection, loan_id).loan.currency)
            approved = amount.minor if amount else None
            return certificate_message(
                commands.approve_certificate(write, loan_id, certificate_id, approved, read["reason"])
            )

        return await self.runner.write(call_of(request, "ApproveCertificate", pb.Certificate, read["actor"]), work)

    async def ReturnCertificate(self, request: pb.ReturnCertificateRequest, context: ServicerContext) -> pb.Certificate:
        """Returns a certificate to the borrower."""
        read = convert.read_all(
            ids=lambda: id_of("name", request.name, "loans", "certificates"),
            actor=lambda: actor_of(request),
            reason=lambda: checked_text("reason", request.reason),
            lines=lambda: read_failing_lines(request),
        )
        loan_id, certificate_id = read["ids"]
        return await self.runner.write(
            call_of(request, "ReturnCertificate", pb.Certificate, read["actor"]),
            lambda write: certificate_message(
                commands.return_certificate(write, loan_id, certificate_id, read["reason"], read["lines"])
            ),
        )

    async def GetCertificate(self, request: pb.GetCertificateRequest, context: ServicerContext) -> pb.Certificate:
        """Returns one certificate."""
        loan_id, certificate_id = id_of("name", request.name, "loans", "certificates")
        return await self.runner.read(
            lambda connection: certificate_message(get_certificate(connection, loan_id, certificate_id))
        )

    async def ListCertificates(
        self, request: pb.ListCertificatesRequest, context: ServicerContext
    ) -> pb.ListCertificatesResponse:
        """Lists the certificates of a loan, or of all loans."""
        wanted, page = filtered_page(request, "ListCertificates", START, request.order_by, of_parent=of_loan)
        order = order_of(CertificateOrder, request.order_by)

        def work(connection: Connection) -> pb.ListCertificatesResponse:
            if request.parent not in EVERY_LOAN:
                get_loan(connection, *id_of("parent", request.parent, "loans"))
            found = list_certificates(connection, wanted, order, *page.bounds)
            messages, token = page.filled(found, lambda row: row.position(order), certificate_message)
            return pb.ListCertificatesResponse(certificates=messages, next_page_token=token)

        return await self.runner.read(work)


def _check_stated(request: pb.SubmitCertificateRequest) -> None:
    if not request.HasField("statement"):
        raise InvalidInput("statement", "nothing", "the classes and reserves of the base")
