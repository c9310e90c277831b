"""Answers that come in pages, as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PAGE_ROWS = 1_000


def fetch_all(call: Callable[[Any], Any], request: Any, field: str, limit: int = 0) -> Any:  # noqa: ANN401 - any messages
    """Every page of an answer in one message, or its first ``limit`` rows; ``field`` holds the rows."""
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
