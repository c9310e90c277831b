"""Translates errors into gRPC statuses with one ErrorInfo and, where they apply, BadRequest or RetryInfo."""

from __future__ import annotations

import secrets
from itertools import accumulate
from string import printable
from traceback import format_exception
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from collateral_registry.domain.shared.errors import (
    AlreadyExists,
    Busy,
    DomainError,
    EtagMismatch,
    InvalidInput,
    LimitReached,
    NotFound,
    NotPermitted,
    Overdue,
    Refused,
    RequestIdReused,
    StoreUnavailable,
    StoreUnusable,
    TooLarge,
    Unauthenticated,
)
from collateral_registry.logs import CALL, logger
from valuation.errors import MissingExtra

DOMAIN = "collateral-registry"
RETRY_AFTER_SECONDS = 1
VIOLATIONS_LIMIT_BYTES = 7_000
"""Bytes that the violations of an error may take in the metadata of a response, of which clients accept 8 KiB."""

STATUS_OF: dict[type[Exception], grpc.StatusCode] = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    EtagMismatch: grpc.StatusCode.ABORTED,
    RequestIdReused: grpc.StatusCode.INVALID_ARGUMENT,
    Refused: grpc.StatusCode.FAILED_PRECONDITION,
    StoreUnavailable: grpc.StatusCode.UNAVAILABLE,
    StoreUnusable: grpc.StatusCode.UNAVAILABLE,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    NotPermitted: grpc.StatusCode.PERMISSION_DENIED,
    MissingExtra: grpc.StatusCode.FAILED_PRECONDITION,
    Busy: grpc.StatusCode.RESOURCE_EXHAUSTED,
    LimitReached: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Overdue: grpc.StatusCode.DEADLINE_EXCEEDED,
    TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""Status code of every error that a command may raise."""

KNOWN_ERRORS = tuple(STATUS_OF)

REFERENCE_BYTES = 6

LOG = logger("rpc")


def status_of(error: Exception) -> tuple[grpc.StatusCode, Status]:
    """Returns the status code of a known error, and its status with details."""
    code = STATUS_OF[type(error)]
    status = Status(code=code.value[0], message=_message(error))
    for detail in _details(error):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return code, status


def unforeseen_status(error: Exception, **place: str) -> Status:
    """Logs an error that no command may raise, and returns a status that states nothing of it but a reference.

    The log entry has the reference, the place and the traceback, without the values of local variables.
    """
    reference = secrets.token_hex(REFERENCE_BYTES)
    call = CALL.get()
    if call is not None:
        call.reference = reference
    LOG.error("call failed", reference=reference, **place, exception="".join(format_exception(error)).rstrip())
    message = f"internal error, reference {reference}: report it with this reference"
    status = Status(code=grpc.StatusCode.INTERNAL.value[0], message=message)
    status.details.add().Pack(ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"reference": reference}))
    return status


def _message(error: Exception) -> str:
    """Returns the message for the caller; of invalid input, the violations that are listed and the number of others."""
    if not isinstance(error, InvalidInput):
        return error.answer if isinstance(error, DomainError) else str(error)
    listed, count = _listed(error), len(error.violations)
    others = f"; and {count - len(listed)} more" if len(listed) < count else ""
    return "; ".join(one.description for one in listed) + others


def _listed(error: InvalidInput) -> list[InvalidInput]:
    """Returns the violations that fit into the metadata of a response; if some do not, those nearest to the root."""
    listed = list(error.violations)
    if sum(map(_weight, listed)) <= VIOLATIONS_LIMIT_BYTES:
        return listed
    listed.sort(key=lambda one: one.field.count("."))
    fitting = sum(end <= VIOLATIONS_LIMIT_BYTES for end in accumulate(map(_weight, listed)))
    return listed[: max(fitting, 1)]


def _weight(one: InvalidInput) -> int:
    """Returns the bytes that a violation takes: once percent-encoded, and twice within the details in base 64."""
    twice = 2 * len(one.description.encode()) + len(one.field.encode())
    return len(quote(one.description, safe=printable)) + 4 * twice // 3


def _details(error: Exception) -> list[ErrorInfo | BadRequest | RetryInfo]:
    if isinstance(error, InvalidInput):
        violations = [BadRequest.FieldViolation(field=one.field, description=one.description) for one in _listed(error)]
        return [ErrorInfo(reason="INVALID_INPUT", domain=DOMAIN), BadRequest(field_violations=violations)]
    if isinstance(error, MissingExtra):
        return [ErrorInfo(reason="EXTRA_MISSING", domain=DOMAIN, metadata={"extra": error.extra})]
    details: list[ErrorInfo | BadRequest | RetryInfo] = []
    if isinstance(error, DomainError):
        details.append(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=dict(error.facts)))
    if isinstance(error, StoreUnavailable | Busy):
        details.append(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS)))
    if isinstance(error, LimitReached):
        whole, part = divmod(max(round(error.retry_seconds * 1e9), 1_000_000), 1_000_000_000)
        details.append(RetryInfo(retry_delay=Duration(seconds=whole, nanos=part)))
    return details
