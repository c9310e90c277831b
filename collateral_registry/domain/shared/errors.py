"""Domain errors. ``rpc/common/errors.py`` maps each class to one gRPC status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from valuation.errors import InvalidInput

__all__ = [
    "AlreadyExists",
    "Busy",
    "DomainError",
    "EtagMismatch",
    "InvalidInput",
    "LimitReached",
    "NotFound",
    "NotPermitted",
    "Overdue",
    "Refused",
    "RequestIdReused",
    "StoreUnavailable",
    "StoreUnusable",
    "TooLarge",
    "Unauthenticated",
]


class DomainError(Exception):
    """A request that cannot be carried out.

    ``reason`` is a stable, machine-readable code. ``facts`` hold the values that the message mentions, by name.
    """

    reason = "UNKNOWN"

    def __init__(self, message: str, **facts: str) -> None:
        super().__init__(message)
        self.facts: Mapping[str, str] = facts

    @property
    def answer(self) -> str:
        """The message for the caller; the error as text may state more, for operators."""
        return str(self)

    def at(self, place: str) -> DomainError:
        """Returns the same error with the place in the request to which it belongs, such as requests[3].asset."""
        return _restored(type(self), f"{place}: {self}", self.reason, {**self.facts, "place": place})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the error by its parts, because the constructors of the subclasses have different signatures."""
        return _restored, (type(self), str(self), self.reason, dict(self.facts))


@contextmanager
def located(place: str) -> Iterator[None]:
    """Adds the place in the request to errors of the block; an empty place adds nothing."""
    try:
        yield
    except InvalidInput as error:
        if not place:
            raise
        raise error.named(lambda field: f"{place}.{field}") from None
    except DomainError as error:
        if not place:
            raise
        raise error.at(place) from None


def _restored(kind: type[DomainError], message: str, reason: str, facts: Mapping[str, str]) -> DomainError:
    error = kind.__new__(kind)
    DomainError.__init__(error, message, **facts)
    error.reason = reason
    return error


class NotFound(DomainError):
    """The named resource does not exist."""

    reason = "NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist", resource=name)


class AlreadyExists(DomainError):
    """The id or the natural key is already in use; ``holder`` names the resource that has it."""

    reason = "ALREADY_EXISTS"

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} is already registered as {holder}", holder=holder)


class EtagMismatch(DomainError):
    """The resource has changed since the caller read it."""

    reason = "ETAG_MISMATCH"

    def __init__(self, name: str, got: str, want: str) -> None:
        super().__init__(f"etag of {name}: got {got}, want {want}; read it again", resource=name)


class RequestIdReused(DomainError):
    """The request_id was used before with a different request body."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request_id: {request_id} was used before with another body; send a new request_id", request_id=request_id
        )


class Refused(DomainError):
    """A lending rule forbids the request in the current state; ``reason`` names the rule."""

    def __init__(self, reason: str, message: str, **facts: str) -> None:
        super().__init__(message, **facts)
        self.reason = reason


class Unauthenticated(DomainError):
    """The caller presented no valid credentials."""

    reason = "UNAUTHENTICATED"


class NotPermitted(DomainError):
    """The caller is authenticated but lacks permission for the request."""

    reason = "NOT_PERMITTED"


class StoreUnavailable(DomainError):
    """The database is temporarily unavailable; no partial change was stored.

    ``cause`` is what the database or the system reported, such as a path or an address, which no caller may see.
    """

    reason = "STORE_UNAVAILABLE"

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(f"{message} ({cause})" if cause else message)
        self._answer, self.cause = message, cause

    @property
    def answer(self) -> str:
        """The message without the cause."""
        return self._answer

    def at(self, place: str) -> DomainError:  # noqa: ARG002 - the state of the database belongs to no place
        """Returns the error unchanged, because it belongs to no place in the request."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the error by the arguments of its constructor."""
        return type(self), (self._answer, self.cause)


class StoreUnusable(StoreUnavailable):
    """The database stays unavailable until an operator changes it or its address: it is damaged, or refuses access."""


class Busy(DomainError):
    """Too many calls are waiting for a limited worker; nothing was computed."""

    reason = "BUSY"


class LimitReached(DomainError):
    """A limit of the server on calls is reached; nothing was done.

    ``reason`` names the kind of limit. The call may be repeated after ``retry_seconds``.
    """

    def __init__(self, reason: str, message: str, retry_seconds: float, **facts: str) -> None:
        super().__init__(message, **facts)
        self.reason = reason
        self.retry_seconds = retry_seconds


class Overdue(DomainError):
    """The work did not end within its time limit and was stopped."""

    reason = "OVERDUE"


class TooLarge(DomainError):
    """The work needs more memory than it may use; it was stopped, and a repetition would be stopped too."""

    reason = "MEMORY_LIMIT"
