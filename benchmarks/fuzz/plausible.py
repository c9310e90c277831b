"""Values that a caller might state, and the resources of a book that a request may name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from tests.support.contract_book import Book
from tests.support.contract_requests import METHODS, pattern_of

Names = dict[str, list[str]]
"""Names of resources by the pattern of their type."""

IDS = 200
"""Ids that requests may state, so that the book stays small and some are in use."""

DECIMALS = ("0", "0.01", "0.1", "0.5", "0.9", "1", "1.000000", "2", "12.5", "100", "100.000000", "10000", "999999.999")
TEXTS = ("Acme", "Bo", "W-1", "W-9", "L-1", "N-1", "copper", "zinc", "notice", "r\u00e9sum\u00e9", "\u94dc", "a b", "7")
CURRENCIES = ("USD", "USD", "EUR", "CNY")
UNITS = ("t", "kg", "lb")
PAGE_SIZES = (0, 1, 2, 7, 50, 1_000)
INTEGERS = (0, 1, 2, 5, 10, 30, 365)
DAYS = ((2021, 12, 30), (2021, 12, 31), (2022, 1, 3), (2022, 3, 1), (2015, 1, 1), (2035, 1, 1), (2024, 2, 29))
SECONDS = (1_600_000_000, 1_640_000_000, 1_640_000_001, 1_640_908_800)
AMOUNTS = (0, 1, 1_000, 50_000, 400_000, 10_000_000)
NANOS = (0, 0, 0, 500_000_000, 10_000_000)
VALUES = ("google.type.Decimal", "google.type.Money", "google.type.Date", "google.protobuf.Timestamp")


def is_value(field: FieldDescriptor) -> bool:
    """Returns whether a field contains a number, an amount, a date, a time or a mask of fields."""
    return field.message_type.full_name in (*VALUES, "google.protobuf.FieldMask")


def state_value(random: Random, stated: Message) -> None:
    """Sets a number, an amount, a date or a time to a plausible value; a mask gets one path more."""
    part: Any = stated
    kind = part.DESCRIPTOR.full_name
    if kind == "google.type.Decimal":
        part.value = random.choice(DECIMALS)
    elif kind == "google.type.Money":
        part.currency_code = part.currency_code or "USD"
        part.units, part.nanos = random.choice(AMOUNTS), random.choice(NANOS)
    elif kind == "google.type.Date":
        part.year, part.month, part.day = random.choice(DAYS)
    elif kind == "google.protobuf.Timestamp":
        part.seconds = random.choice(SECONDS)
    else:
        part.paths.append(random.choice((*part.paths, "display_name", "owner", "borrower", "share", "limit", "*")))


def state_id(random: Random, stated: Message) -> None:
    """Gives a creation another id, and now and then a request an id for its repetition."""
    request: Any = stated
    for field in request.DESCRIPTOR.fields:
        if field.name.endswith("_id") and field.name != "request_id" and field.type == field.TYPE_STRING:
            setattr(request, field.name, f"n-{random.randrange(IDS)}")
        elif field.name == "request_id" and random.random() < 0.2:
            request.request_id = f"r-{random.randrange(10 * IDS)}"
        elif field.name == "update_mask" and random.random() < 0.5:
            _state_mask(random, request)


def _state_mask(random: Random, stated: Message) -> None:
    """Lets an update change any field of its resource."""
    request: Any = stated
    for field in request.DESCRIPTOR.fields:
        if field.message_type is not None and not field.is_repeated and field.name != "update_mask":
            paths = [one.name for one in field.message_type.fields]
            for one in field.message_type.fields:
                if one.message_type is not None and not one.is_repeated:
                    paths += [f"{one.name}.{below.name}" for below in one.message_type.fields]
            request.update_mask.paths[:] = random.sample(paths, random.randint(1, min(3, len(paths))))
            return


def plausible_value(random: Random, field: FieldDescriptor, tokens: list[str], names: Names) -> Any:
    """Returns a value of a scalar field that a caller might state."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(random, field, tokens, names)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return random.choice(field.enum_type.values).number
    if field.type == FieldDescriptor.TYPE_BOOL:
        return random.random() < 0.5
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b""
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return random.choice((0.0, 0.5, 1.0, 100.0))
    return random.choice(PAGE_SIZES if field.name == "page_size" else INTEGERS)


def _text(random: Random, field: FieldDescriptor, tokens: list[str], names: Names) -> str:
    named = names.get(pattern_of(field) or "", ())
    if named:
        return random.choice(named)
    if field.name == "page_token":
        return random.choice(tokens) if tokens else ""
    if field.name in ("etag", "filter", "order_by", "request_id"):
        return ""
    if "currency" in field.name:
        return random.choice(CURRENCIES)
    return random.choice(UNITS if field.name == "unit" else TEXTS)


def list_methods() -> list[MethodDescriptor]:
    """Returns the methods that answer pages, those without a parent first."""
    paged = [one for one in METHODS.values() if one.name.startswith("List")]
    return sorted(paged, key=lambda one: "parent" in one.input_type.fields_by_name)


def names_in(book: Book) -> Names:
    """Returns the names of the resources in a book."""
    found: Names = {}
    for method in list_methods():
        for parent in parents_of(method, found):
            with suppress(grpc.RpcError):  # some methods need a parent of one kind
                for row in rows_of(book, method, parent, 1_000):
                    field = row.DESCRIPTOR.fields_by_name.get("name")
                    if field is not None:
                        found.setdefault(pattern_of(field), []).append(row.name)
    return found


def parents_of(method: MethodDescriptor, names: Names) -> list[str]:
    """Returns the parents with which a list is requested: none, or the resources of the type."""
    parent = method.input_type.fields_by_name.get("parent")
    return [""] if parent is None else names.get(pattern_of(parent), [])


def rows_of(book: Book, method: MethodDescriptor, parent: str, page_size: int) -> Iterator[Any]:
    """Yields the rows of a list, page by page."""
    request: Any = book.empty(method.name)
    request.page_size = page_size
    if parent:
        request.parent = parent
    field = next(one for one in method.output_type.fields if one.is_repeated and one.message_type is not None)
    while True:
        answer = book.call(method.name, request)
        yield from getattr(answer, field.name)
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token
