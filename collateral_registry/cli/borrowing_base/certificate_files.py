"""Writes certificates to files, whose bytes are those of the files of their pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

from collateral_registry.cli.borrowing_base.certificates import certificate_name
from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.table_files import destination
from collateral_registry.v1 import certificate_pb2 as pb, certificate_pb2_grpc, loan_pb2, loan_pb2_grpc, policy_pb2_grpc
from collateral_registry.web.pages.certificates.sentences import class_requests, numbers_of
from collateral_registry.web.pages.exports.certificates import Certified, check_stated, write_certificate_file


def export_certificate(channel: grpc.Channel, certificate: str, form: str, language: str, output: Path) -> None:
    """Writes a certificate to a file, which is replaced once it is complete.

    Raises InvalidInput for a certificate without a statement, and OSError if the file cannot be written.
    """
    name = certificate_name(certificate)
    found = certificate_pb2_grpc.CertificateServiceStub(channel).GetCertificate(pb.GetCertificateRequest(name=name))
    check_stated(found)
    request = loan_pb2.GetLoanRequest(name=name.partition("/certificates/")[0])
    loan = loan_pb2_grpc.LoanServiceStub(channel).GetLoan(request)
    classes = map(policy_pb2_grpc.PolicyServiceStub(channel).GetAssetClass, class_requests(found))
    with TemporaryDirectory(prefix="collateral-") as folder:
        part = Path(folder, "certificate")
        write_certificate_file(form, language, Certified(found, loan, numbers_of(classes)), part)
        with destination(output) as file, part.open("rb") as written:
            shutil.copyfileobj(written, file)
    print_line(f"wrote {name} to {output}", to_stderr=True)
