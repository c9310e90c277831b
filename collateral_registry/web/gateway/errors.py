"""Errors over HTTP: the same ``google.rpc.Status`` as over gRPC, as JSON, with the HTTP status of its code."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from collateral_registry.rpc.common.errors import DOMAIN, RETRY_AFTER_SECONDS

CLIENT_CLOSED_REQUEST = 499
"""HTTP status of a call that its caller cancelled; it has no registered name."""

HTTP_STATUS: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.CANCELLED: CLIENT_CLOSED_REQUEST,
    grpc.StatusCode.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.ABORTED: HTTPStatus.CONFLICT,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    grpc.StatusCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""HTTP status of each code, as in google/rpc/code.proto."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class HttpError(Exception):
    """An error of a call, with the HTTP status of its answer."""

    def __init__(self, status: Status, http_status: int = 0, headers: dict[str, str] | None = None) -> None:
        super().__init__(status.message)
        self.status = status
        self.http_status = http_status or HTTP_STATUS[_CODES[status.code]]
        self.headers = headers or {}


def refusal(code: grpc.StatusCode, reason: str, message: str, http_status: int = 0) -> HttpError:
    """Returns an error of the gateway itself. A caller may retry it if its code is UNAVAILABLE."""
    status = Status(code=code.value[0], message=message)
    status.details.add().Pack(ErrorInfo(reason=reason, domain=DOMAIN))
    if code is grpc.StatusCode.UNAVAILABLE:
        retry = RetryInfo()
        retry.retry_delay.seconds = RETRY_AFTER_SECONDS
        status.details.add().Pack(retry)
    return HttpError(status, http_status)


def of_call(error: grpc.aio.AioRpcError) -> HttpError:
    """Returns the error of a call. Errors of gRPC itself, which have no details, get a reason named as their code."""
    status = rpc_status.from_call(error)
    return HttpError(status) if status else refusal(error.code(), error.code().name, error.details() or "no details")


def document_of(error: HttpError) -> dict[str, Any]:
    """Returns the JSON object of an error."""
    described = MessageToDict(error.status, preserving_proto_field_name=True)
    return {
        "error": {
            "code": error.http_status,
            "status": _CODES[error.status.code].name,
            "message": error.status.message,
            "details": described.get("details", []),
        }
    }


def headers_of(error: HttpError) -> dict[str, str]:
    """Returns the headers of the answer to an error: its own, when to retry, and which credentials are wanted."""
    headers, retry = dict(error.headers), RetryInfo()
    if any(detail.Unpack(retry) for detail in error.status.details):
        headers["retry-after"] = str(max(1, retry.retry_delay.seconds))
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return headers
