"""A visit of a page: who reads, in which language, at which address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

import grpc
from google.type.date_pb2 import Date

from collateral_registry.v1 import report_pb2
from collateral_registry.web.gateway.errors import HttpError, refusal
from collateral_registry.web.pages.client import Book
from collateral_registry.web.pages.texts import Texts

ROWS = 100
"""Rows of a page of a list."""

NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Visit:
    """A request for a page. ``query`` is that of the address, ``parameters`` are the parts of its path."""

    book: Book
    texts: Texts
    path: str
    query: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def as_of(self) -> report_pb2.AsOf:
        """Moment that the address states; empty means now. Raises HttpError for another text."""
        return self.moment("as_of")

    def moment(self, name: str) -> report_pb2.AsOf:
        """Returns the moment in a field of the address: a day or the number of a commit; empty means now."""
        text = self.query.get(name, "")
        if not text:
            return report_pb2.AsOf()
        if NUMBER.fullmatch(text):
            return report_pb2.AsOf(sequence=int(text))
        return report_pb2.AsOf(market_date=day_of(name, text))

    def address(self, **changes: str) -> str:
        """Returns the address of this page with other values in its query; an empty value removes a name."""
        return address_of(self.path, {**self.query, **changes})

    def file_address(self, path: str, form: str, sequence: int) -> str:
        """Returns the address of the report of a path as a file: the same filter, and the commit of the page."""
        return address_of(f"{path}.{form}", {**self.query, "as_of": str(sequence), "page_token": ""})


@dataclass(frozen=True)
class Moment:
    """The moment of the figures of a page."""

    day: Date
    sequence: int
    policy: str
    is_past: bool = False


@dataclass(frozen=True)
class Page:
    """A template with its values. ``moment`` is that of its figures; None means that of the newest commit."""

    template: str
    section: str
    values: Mapping[str, object] = field(default_factory=dict)
    moment: Moment | None = None
    exported: str = ""
    """Path of the report that is exported from this page."""


def address_of(path: str, query: Mapping[str, str]) -> str:
    """Returns a path with the values of a query that are not empty."""
    kept = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def day_of(name: str, text: str) -> Date:
    """Returns the day that a text such as 2022-07-01 states; raises HttpError that names the field."""
    try:
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise invalid(f"{name}: got {text[:40]!r}, want a date such as 2022-07-01")
    return Date(year=day.year, month=day.month, day=day.day)


def invalid(message: str) -> HttpError:
    """Returns the error of a wrong value in an address or a form."""
    return refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", message)
