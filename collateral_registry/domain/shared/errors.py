"""What can go wrong in words of the field; the gRPC face turns each into one status by one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valuation.errors import InvalidInput

__all__ = [
    "AlreadyExists",
    "DomainError",
    "EtagMismatch",
    "InvalidInput",
    "NotFound",
    "NotPermitted",
    "Refused",
    "RequestIdReused",
    "StoreUnavailable",
    "Unauthenticated",
]


class DomainError(Exception):
    """A request that cannot be done; ``reason`` is stable and machine-readable, ``facts`` name the parts."""

    reason = "UNKNOWN"

    def __init__(self, message: str, **facts: str) -> None:
        super().__init__(message)
        self.facts: Mapping[str, str] = facts

    def __reduce__(self) -> tuple[Any, ...]:
        """How it comes from one process to another, whatever it is made of."""
        return _restored, (type(self), str(self), self.reason, dict(self.facts))


def _restored(kind: type[DomainError], message: str, reason: str, facts: Mapping[str, str]) -> DomainError:
    error = kind.__new__(kind)
    DomainError.__init__(error, message, **facts)
    error.reason = reason
    return error


class NotFound(DomainError):
    """The named thing does not exist."""

    reason = "NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist", resource=name)


class AlreadyExists(DomainError):
    """The id or the identity is taken; the holder is named."""

    reason = "ALREADY_EXISTS"

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} is already registered as {holder}", holder=holder)


class EtagMismatch(DomainError):
    """The thing has changed since the caller read it."""

    reason = "ETAG_MISMATCH"

    def __init__(self, name: str, got: str, want: str) -> None:
        super().__init__(f"etag of {name}: got {got}, want {want}; read it again", resource=name)


class RequestIdReused(DomainError):
    """The same request_id came with another body."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request_id: {request_id} was used before with another body", request_id=request_id)


class Refused(DomainError):
    """The rules of lending forbid it in the present state; ``reason`` says which rule."""

    def __init__(self, reason: str, message: str, **facts: str) -> None:
        super().__init__(message, **facts)
        self.reason = reason


class Unauthenticated(DomainError):
    """The caller has not said who it is in a way that can be believed."""

    reason = "UNAUTHENTICATED"


class NotPermitted(DomainError):
    """The caller is known and may not do this."""

    reason = "NOT_PERMITTED"


class StoreUnavailable(DomainError):
    """The database cannot be read or written now; nothing was half-written."""

    reason = "STORE_UNAVAILABLE"
