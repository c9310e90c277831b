"""Files of a certificate: its canonical text, of which the digest is signed."""

from __future__ import annotations

import grpc
from starlette.exceptions import HTTPException
from starlette.responses import Response

from collateral_registry.v1 import certificate_pb2 as pb
from collateral_registry.web.gateway.errors import refusal
from collateral_registry.web.pages.visit import Visit

TEXT = "txt"


async def certificate_file(visit: Visit) -> Response:
    """Returns a file of the certificate of an address; raises HttpError, grpc.aio.AioRpcError or HTTPException."""
    if visit.parameters["form"] != TEXT:
        raise HTTPException(404)
    loan, certificate = visit.parameters["loan"], visit.parameters["certificate"]
    request = pb.GetCertificateRequest(name=f"loans/{loan}/certificates/{certificate}")
    found: pb.Certificate = await visit.book.call(visit.book.services.certificates.GetCertificate, request)
    if not found.canonical_text:
        message = f"{found.name}: got no recomputed base, want a submitted statement first"
        raise refusal(grpc.StatusCode.FAILED_PRECONDITION, "CERTIFICATE_STATE", message)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{loan}-{certificate}.{TEXT}"',
    }
    return Response(found.canonical_text.encode(), media_type="text/plain; charset=utf-8", headers=headers)
