"""Forms that change the book: their tokens, their origin and their fields."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from secrets import token_bytes
from urllib.parse import parse_qsl, urlsplit

import grpc
from starlette.requests import Request

from collateral_registry.web.gateway.bodies import Bodies
from collateral_registry.web.gateway.errors import HttpError, refusal
from collateral_registry.web.pages.visit import invalid

COOKIE = "collateral-form"
SECRET_BYTES = 32
FORM_LIMIT_BYTES = 16 * 1024
FIELDS_LIMIT = 20

_BODIES = Bodies()


def new_secret() -> str:
    """Returns a secret for the cookie of a visitor."""
    return urlsafe_b64encode(token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Returns whether a cookie holds a secret as ``new_secret`` makes it."""
    return len(_decoded(text)) == SECRET_BYTES


def token_of(secret: str) -> str:
    """Returns a token of the secret, masked differently each time: compression cannot reveal what changes."""
    pad = token_bytes(SECRET_BYTES)
    return urlsafe_b64encode(pad + _masked(pad, _decoded(secret))).decode()


async def read_form(request: Request) -> Mapping[str, str]:
    """Returns the fields of a form of our own; raises HttpError for a form of another site or without its token."""
    _check_origin(request.headers)
    body = await _BODIES.receive(request, FORM_LIMIT_BYTES)
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    except ValueError:
        raise invalid("body: got no form, want fields in UTF-8") from None
    secret, token = _decoded(request.cookies.get(COOKIE, "")), _decoded(fields.get("token", ""))
    pad, masked = token[:SECRET_BYTES], token[SECRET_BYTES:]
    if len(secret) != SECRET_BYTES or len(masked) != SECRET_BYTES:
        raise _foreign("token: got none of this visitor; load the page again")
    if not hmac.compare_digest(_masked(pad, masked), secret):
        raise _foreign("token: got that of another visitor; load the page again")
    return fields


def _check_origin(headers: Mapping[str, str]) -> None:
    """Raises HttpError unless the browser states that a page of this origin sends the form.

    Where a proxy in front has another name, only ``Sec-Fetch-Site`` can state it, because ``Host`` is then our own.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "")
    is_own = site == "same-origin" if site else bool(origin) and urlsplit(origin).netloc == headers.get("host")
    if not is_own:
        raise _foreign(f"origin: got {(site or origin or 'none')[:80]!r}, want a page of this service")


def _foreign(message: str) -> HttpError:
    return refusal(grpc.StatusCode.PERMISSION_DENIED, "FOREIGN_FORM", message)


def _masked(pad: bytes, secret: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(pad, secret, strict=True))


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode())
    except (Base64Error, ValueError):
        return b""
