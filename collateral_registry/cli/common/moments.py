"""Parses the moment of an option."""

from __future__ import annotations

import re

from google.protobuf.timestamp_pb2 import Timestamp

from collateral_registry.cli.common.formatting import date_message
from collateral_registry.v1 import report_pb2

SEQUENCE = re.compile(r"\d{1,18}", re.ASCII)
ZONE = re.compile(r"(Z|[+-]\d{2}:\d{2})$")


def as_of_message(text: str, option: str = "--as-of") -> report_pb2.AsOf:
    """Parses a commit number, a time or a business date; an empty string means now.

    Raises ValueError that names the option if the text is invalid.
    """
    if not text:
        return report_pb2.AsOf()
    if SEQUENCE.fullmatch(text):
        return report_pb2.AsOf(sequence=int(text))
    try:
        if "T" not in text:
            return report_pb2.AsOf(market_date=date_message(option, text))
        stamp = Timestamp()
        stamp.FromJsonString(text if ZONE.search(text) else text + "Z")
        return report_pb2.AsOf(known_time=stamp)
    except ValueError:
        wanted = "a commit number, a time such as 2022-07-01T12:00:00Z or a date such as 2022-07-01"
        raise ValueError(f"{option}: got {text[:40]!r}, want {wanted}") from None
