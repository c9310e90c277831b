"""Derives request ids from the content of requests, so that repeating a request has no further effect."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

Request = TypeVar("Request", bound=Any)


def with_request_id(request: Request, occasion: str = "") -> Request:
    """Sets the request id to a hash of the content and returns the request.

    ``occasion`` distinguishes requests that have equal content but must each be applied.
    """
    request.ClearField("request_id")
    content = request.SerializeToString(deterministic=True)
    request.request_id = hashlib.sha256(f"{type(request).__name__} {occasion} ".encode() + content).hexdigest()
    return request
