"""Request ids made from what is asked, so that asking again, after a break or in a second run, does nothing twice."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

Request = TypeVar("Request", bound=Any)


def identified(request: Request, occasion: str = "") -> Request:
    """The request with an id made from its content; the same content on another occasion is another request."""
    request.ClearField("request_id")
    content = request.SerializeToString(deterministic=True)
    request.request_id = hashlib.sha256(f"{type(request).__name__} {occasion} ".encode() + content).hexdigest()
    return request
