"""Translates errors into gRPC statuses with one ErrorInfo and, where they apply, BadRequest or RetryInfo."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from collateral_registry.domain.shared.errors import (
    AlreadyExists,
    DomainError,
    EtagMismatch,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    RequestIdReused,
    StoreUnavailable,
    Unauthenticated,
)

DOMAIN = "collateral-registry"
RETRY_AFTER_SECONDS = 1

STATUS_OF: dict[type[Exception], grpc.StatusCode] = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    EtagMismatch: grpc.StatusCode.ABORTED,
    RequestIdReused: grpc.StatusCode.INVALID_ARGUMENT,
    Refused: grpc.StatusCode.FAILED_PRECONDITION,
    StoreUnavailable: grpc.StatusCode.UNAVAILABLE,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    NotPermitted: grpc.StatusCode.PERMISSION_DENIED,
}
"""Status code of every error that a command may raise."""

KNOWN_ERRORS = tuple(STATUS_OF)


def status_of(error: Exception) -> tuple[grpc.StatusCode, Status]:
    """Returns the status code of a known error, and its status with details."""
    code = STATUS_OF[type(error)]
    status = Status(code=code.value[0], message=str(error))
    for detail in _details(error):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return code, status


def _details(error: Exception) -> list[ErrorInfo | BadRequest | RetryInfo]:
    if isinstance(error, InvalidInput):
        violations = [
            BadRequest.FieldViolation(field=one.field, description=one.description) for one in error.violations
        ]
        return [ErrorInfo(reason="INVALID_INPUT", domain=DOMAIN), BadRequest(field_violations=violations)]
    details: list[ErrorInfo | BadRequest | RetryInfo] = []
    if isinstance(error, DomainError):
        details.append(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=dict(error.facts)))
    if isinstance(error, StoreUnavailable):
        details.append(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS)))
    return details
