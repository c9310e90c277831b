"""Certificates of a loan on a real server: opened, submitted, approved and returned."""

from collections.abc import Sequence
from datetime import timedelta

from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import certificate_pb2 as pb, certificate_pb2_grpc
from tests.support.server import FIRST_DAY, Client, calendar, money

NAME = "loans/loan-1/certificates/december"
DUE = FIRST_DAY + timedelta(days=10)


def stub(client: Client) -> certificate_pb2_grpc.CertificateServiceStub:
    return certificate_pb2_grpc.CertificateServiceStub(client.channel)


def create(client: Client, certificate_id: str = "december", loan: str = "loan-1", **days: object) -> pb.Certificate:
    """Opens a certificate of a loan for the first day, or for the days that are given."""
    stated = {"period_end_date": calendar(FIRST_DAY), "due_date": calendar(DUE), **days}
    request = pb.CreateCertificateRequest(
        parent=f"loans/{loan}", certificate_id=certificate_id, certificate=pb.Certificate(**stated)
    )
    return stub(client).CreateCertificate(request)


def stated_class(name: str, gross: str, rate: str, **excluded: str) -> pb.StatedClass:
    exclusions = [pb.StatedExclusion(rule=rule, amount=money(value)) for rule, value in excluded.items()]
    return pb.StatedClass(asset_class=name, gross=money(gross), rate=Decimal(value=rate), exclusions=exclusions)


def submit(client: Client, *classes: pb.StatedClass, actor: str = "Bo", name: str = NAME) -> pb.Certificate:
    statement = pb.BaseStatement(classes=classes or [stated_class("inventory", "600000", "1")])
    return stub(client).SubmitCertificate(pb.SubmitCertificateRequest(name=name, statement=statement, actor=actor))


def approve(client: Client, actor: str = "Ana", name: str = NAME, **fields: object) -> pb.Certificate:
    return stub(client).ApproveCertificate(pb.ApproveCertificateRequest(name=name, actor=actor, **fields))


def give_back(client: Client, actor: str = "Ana", lines: Sequence[pb.FailingLine] = ()) -> pb.Certificate:
    """Returns the certificate, with one line that fails unless others are given."""
    line = pb.FailingLine(asset_class="inventory", line="gross", note="counted less")
    request = pb.ReturnCertificateRequest(name=NAME, actor=actor, reason="see lines", failing_lines=lines or [line])
    return stub(client).ReturnCertificate(request)


def get(client: Client, name: str = NAME) -> pb.Certificate:
    return stub(client).GetCertificate(pb.GetCertificateRequest(name=name))
