"""Reads all pages of a list call into one response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

PAGE_ROWS = 1_000


class PagedRequest(Protocol):
    """A request message with the standard paging fields."""

    page_size: int
    page_token: str


class PagedResponse(Protocol):
    """A response message with the standard paging field."""

    next_page_token: str


Request = TypeVar("Request", bound=PagedRequest)
Response = TypeVar("Response", bound=PagedResponse)


def fetch_all(call: Callable[[Request], Response], request: Request, field: str, limit: int = 0) -> Response:
    """Returns one response with the rows of all pages, or only the first ``limit`` rows; ``field`` names the rows."""
    request.page_size = min(limit, PAGE_ROWS) if limit else PAGE_ROWS
    answer = call(request)
    rows, request.page_token = getattr(answer, field), answer.next_page_token
    while request.page_token and not (limit and len(rows) >= limit):
        page = call(request)
        rows.extend(getattr(page, field))
        request.page_token = page.next_page_token
    if limit:
        del rows[limit:]
    answer.next_page_token = ""
    return answer
