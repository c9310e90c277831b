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
    """Returns the bytes that a text states in base64; raises ValueError."""
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise ValueError(f"got no base64 ({error})") from None
