"""Page tokens: opaque, bound to the query they came from, refused when they are not ours (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from valuation.errors import InvalidInput

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_LIMIT = 1_000
TOKEN_LIMIT_CHARACTERS = 1_000


def page_size(asked: int) -> int:
    """Rows of a page: 100 when 0 is asked, at most 1,000."""
    if asked < 0:
        raise InvalidInput("page_size", asked, "0 or more")
    return min(asked or PAGE_SIZE_DEFAULT, PAGE_SIZE_LIMIT)


def page_token(query: str, position: list[Any]) -> str:
    """A token that goes on after a position of a query."""
    body = json.dumps([_digest(query), position], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode()


def position_of(query: str, token: str) -> list[Any] | None:
    """The position in a token, none for no token; raises InvalidInput for a token of another query."""
    if not token:
        return None
    try:
        digest, position = json.loads(base64.urlsafe_b64decode(token[:TOKEN_LIMIT_CHARACTERS].encode()))
    except (binascii.Error, ValueError, TypeError):
        digest, position = "", None
    if digest != _digest(query) or not isinstance(position, list):
        raise InvalidInput("page_token", repr(token[:20]), "the token of the page before of the same query")
    return position


def _digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:16]
