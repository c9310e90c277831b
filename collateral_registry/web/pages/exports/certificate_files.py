"""Files of a certificate: its PDF, its rows as CSV, and its canonical text, of which the digest is signed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import grpc
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from collateral_registry.rpc.common.errors import status_of
from collateral_registry.v1 import certificate_pb2 as pb, loan_pb2
from collateral_registry.web.gateway.errors import HttpError, refusal
from collateral_registry.web.pages.exports.download import Exports
from collateral_registry.web.pages.views.receivables.certificate import fetch_numbers
from collateral_registry.web.pages.visit import Visit
from valuation.errors import InvalidInput

MEDIA_TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8", "txt": "text/plain; charset=utf-8"}


async def certificate_file(visit: Visit, exports: Exports) -> Response:
    """Returns a file of the certificate of an address; raises HttpError, grpc.aio.AioRpcError or HTTPException."""
    form = visit.parameters["form"]
    if form not in MEDIA_TYPES:
        raise HTTPException(404)
    loan, certificate = visit.parameters["loan"], visit.parameters["certificate"]
    request = pb.GetCertificateRequest(name=f"loans/{loan}/certificates/{certificate}")
    found: pb.Certificate = await visit.book.call(visit.book.services.certificates.GetCertificate, request)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{loan}-{certificate}.{form}"',
        "content-language": visit.texts.language,
    }
    if form == "txt":
        return Response(_text(found), media_type=MEDIA_TYPES[form], headers=headers)
    return StreamingResponse(await _written(visit, exports, found), media_type=MEDIA_TYPES[form], headers=headers)


def _text(certificate: pb.Certificate) -> bytes:
    if not certificate.canonical_text:
        message = f"{certificate.name}: got no recomputed base, want a submitted statement first"
        raise refusal(grpc.StatusCode.FAILED_PRECONDITION, "CERTIFICATE_STATE", message)
    return certificate.canonical_text.encode()


async def _written(visit: Visit, exports: Exports, certificate: pb.Certificate) -> Iterator[bytes]:
    """Returns the pieces of the PDF or of the CSV of a certificate."""
    from collateral_registry.web.pages.exports.certificates import Certified, check_stated, write_certificate_file

    services, call = visit.book.services, visit.book.call
    try:
        check_stated(certificate)
    except InvalidInput as error:
        raise HttpError(status_of(error)[1]) from error
    loan, numbers = await asyncio.gather(
        call(services.loans.GetLoan, loan_pb2.GetLoanRequest(name=f"loans/{visit.parameters['loan']}")),
        fetch_numbers(visit, certificate),
    )
    found = Certified(certificate, loan, numbers)
    return await exports.written(partial(write_certificate_file, visit.parameters["form"], visit.texts.language, found))
