"""A fault of an audit log, and the bytes of its exports."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def decoded(text: object) -> bytes:
    """Returns the bytes of a text of base64; raises ValueError if it is not the one form that states them."""
    try:
        found = base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise ValueError(f"got no base64 ({error})") from None
    if base64.b64encode(found).decode() != text:
        raise ValueError("got base64 in another form than the one that is written")
    return found
