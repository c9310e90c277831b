"""Paging of lists by opaque tokens, each of which is valid only for the query that issued it (AIP-158).

Tokens are not signed. The digest in a token protects a client from mixing up queries; it keeps nothing secret. A forged
token states another position in the same query, whose rows the caller may list anyway, or another commit, which the
caller may name in the request. It states no query, so it reaches no row that the request does not select.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from google.protobuf.message import Message

from valuation.errors import InvalidInput

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_LIMIT = 1_000
PAGE_BYTES_LIMIT = 3 * 1024 * 1024
"""Size of the messages of a page, well below the limit of gRPC clients (4 MiB) for an answer."""

TOKEN_LIMIT_CHARACTERS = 1_000

KEY_LIMIT = 2**63 - 1
"""Largest integer of a database, and of the keys that are hashes."""

NEWEST = 2**62
"""Start of lists in descending order of integer keys. It exceeds every key."""

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
"""NUL and halves of characters, which no database takes."""

Row = TypeVar("Row")
Answer = TypeVar("Answer", bound=Message)
Position = TypeVar("Position", bound="int | str | tuple[int | str, ...]")
"""Sort key of a row, which is one value or several."""


class PagedRequest(Protocol):
    """Request message with the two fields of paging."""

    page_size: int
    page_token: str


@dataclass(frozen=True)
class Page(Generic[Position]):
    """One page of a query: at most ``size`` rows that follow the position ``after``."""

    query: str
    size: int
    after: Position

    @property
    def bounds(self) -> tuple[Position, int]:
        """The position and the number of rows to read. One extra row is read to show whether another page follows."""
        return self.after, self.size + 1

    def cut(self, rows: list[Row], position_of: Callable[[Row], Position]) -> tuple[list[Row], str]:
        """Returns the rows of the page and the token of the next page, which is empty on the last page.

        ``rows`` are the rows read within ``bounds``. ``position_of`` gives the sort key of a row.
        """
        if len(rows) <= self.size:
            return rows, ""
        return rows[: self.size], self.token(position_of(rows[self.size - 1]))

    def filled(
        self, rows: list[Row], position_of: Callable[[Row], Position], message_of: Callable[[Row], Answer]
    ) -> tuple[list[Answer], str]:
        """Returns the messages of the page and the token of the next page, which is empty on the last page.

        A page with large messages ends before its size, at PAGE_BYTES_LIMIT; it has at least one. ``rows`` and
        ``position_of`` are those of ``cut``.
        """
        messages: list[Answer] = []
        left = PAGE_BYTES_LIMIT
        for row in rows[: self.size]:
            message = message_of(row)
            left -= message.ByteSize()
            if messages and left < 0:
                break
            messages.append(message)
        is_last = len(messages) == len(rows)
        return messages, "" if is_last else self.token(position_of(rows[len(messages) - 1]))

    def token(self, position: Position) -> str:
        """Returns the token of the page that follows a position."""
        body = json.dumps([_digest(self.query), _parts(position)], separators=(",", ":"))
        return base64.urlsafe_b64encode(body.encode()).decode()


def page_of(request: PagedRequest, query: str, start: Position) -> Page[Position]:
    """Returns the requested page of a query. Without a token, this is the first page after ``start``.

    ``query`` identifies the list and its filter. The page size defaults to 100 and is capped at 1,000. Raises
    InvalidInput for a negative page size and for a token that another query issued.
    """
    if request.page_size < 0:
        raise InvalidInput("page_size", request.page_size, "0 or more")
    size = min(request.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_LIMIT)
    return Page(query, size, _position_in(request.page_token, query, start) if request.page_token else start)


def _position_in(token: str, query: str, start: Position) -> Position:
    """Returns the position in a token. It must be like ``start``, because clients can forge tokens."""
    try:
        digest, parts = json.loads(base64.urlsafe_b64decode(token[:TOKEN_LIMIT_CHARACTERS].encode()))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        digest, parts = "", []
    if digest != _digest(query) or not isinstance(parts, list) or not _are_like(parts, _parts(start)):
        raise InvalidInput("page_token", repr(token[:20]), "the token of the previous page of the same query")
    return cast("Position", tuple(parts) if isinstance(start, tuple) else parts[0])


def _are_like(parts: list[Any], start: tuple[Any, ...]) -> bool:
    """Returns whether the parts of a position have the types of ``start`` and can be compared by a database."""
    return list(map(type, parts)) == list(map(type, start)) and all(
        abs(part) <= KEY_LIMIT if isinstance(part, int) else not _NOT_TEXT.search(part) for part in parts
    )


def _parts(position: int | str | tuple[int | str, ...]) -> tuple[Any, ...]:
    return position if isinstance(position, tuple) else (position,)


def _digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:16]
