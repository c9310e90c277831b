"""Calls a server from a notebook: a time limit for every call, errors in one sentence, and all pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from collateral_partner.access.connection import Connection, names_server
from collateral_partner.channel import channel_to
from valuation.errors import InvalidInput

PAGE_ROWS = 1_000

ROWS_LIMIT = 1_000_000
"""Most rows of a table; a larger one raises TooManyRows."""

CALL_SECONDS = 60.0
"""Longest time for a call, or for a page of a table."""

LONGEST_SECONDS = 86_400.0
"""Largest limit of the time for a call: one day."""

MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
DETAILS_KEY = "grpc-status-details-bin"

Request = TypeVar("Request")


class CallFailed(Exception):
    """A call that the server refused; ``code`` is the gRPC status and ``reason`` the stable reason of the refusal."""

    def __init__(self, message: str, code: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Unreachable(CallFailed):
    """No server answered at the address."""


class TooManyRows(ValueError):
    """A table has more rows than its limit; nothing was left out silently."""


class PagedResponse(Protocol):
    """A response message with the standard paging field."""

    next_page_token: str


class Caller:
    """Makes calls on one channel."""

    def __init__(self, address: str, seconds: float, connection: Connection) -> None:
        if not isinstance(address, str) or not names_server(address):
            raise InvalidInput("address", repr(address), "host:port, such as 127.0.0.1:50051")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0.0 < seconds <= LONGEST_SECONDS:
            raise InvalidInput("seconds", repr(seconds), f"more than 0, at most {LONGEST_SECONDS:.0f}")
        self.address = address
        self._seconds = seconds
        options = [("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES)]
        self.channel = channel_to(address, connection, options)

    def call(self, method: Callable[..., Any], request: object) -> Any:
        """Returns the response to a request; raises CallFailed."""
        try:
            return method(request, timeout=self._seconds)
        except grpc.RpcError as error:
            raise self._failure(error) from None
        except ValueError:  # gRPC's error for a closed channel
            raise Unreachable("the book is closed; connect again", grpc.StatusCode.CANCELLED.name) from None

    def stream(self, method: Callable[..., Any], request: object) -> Iterator[Any]:
        """Yields the responses of a streaming call; raises CallFailed."""
        try:
            yield from method(request, timeout=self._seconds * 10)
        except grpc.RpcError as error:
            raise self._failure(error) from None
        except ValueError:  # as above
            raise Unreachable("the book is closed; connect again", grpc.StatusCode.CANCELLED.name) from None

    def rows(self, method: Callable[..., Any], request: Any, field: str, limit: int) -> Iterator[Any]:
        """Yields the pages of a list call; raises CallFailed, and TooManyRows beyond ``limit`` rows."""
        request.page_size, count = PAGE_ROWS, 0
        while True:
            page = self.call(method, request)
            rows = getattr(page, field)
            count += len(rows)
            require_rows(count, limit)
            yield page
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def _failure(self, error: grpc.RpcError) -> CallFailed:
        code: grpc.StatusCode = error.code()
        trailing: dict[str, bytes] = dict(error.trailing_metadata() or ())
        if code is grpc.StatusCode.UNAVAILABLE and DETAILS_KEY not in trailing:
            message = f"cannot reach a server at {self.address}; start one with: collateral serve"
            return Unreachable(message, code.name)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and DETAILS_KEY not in trailing:
            return CallFailed(f"no answer within {self._seconds:g} s; connect with more seconds", code.name)
        reason = ""
        if DETAILS_KEY in trailing:
            info = ErrorInfo()
            for detail in Status.FromString(trailing[DETAILS_KEY]).details:
                reason = info.reason if detail.Unpack(info) else reason
        return CallFailed(error.details() or f"the server failed with {code.name}", code.name, reason)


def require_rows(count: int, limit: int) -> None:
    """Raises TooManyRows if a table has more rows than its limit, and InvalidInput for a limit that is no number."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidInput("limit", repr(limit), "a whole number of 0 or more")
    if count > limit:
        raise TooManyRows(f"rows: got more than {limit:,}, want at most that many; pass a filter, or a larger limit")
