"""No text of a request that writes may hold a character that no reader sees or that commands a screen."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.api.field_behavior_pb2 import OUTPUT_ONLY
from google.protobuf.descriptor import FieldDescriptor

from tests.support.contract_book import EXAMPLES, METHODS, OPENING, Book
from tests.support.contract_requests import behaviors, copied, places, requests
from tests.support.server import Server, connected

pytestmark = pytest.mark.slow

OVERRIDE = "\u202e"
"""A character that reverses the direction of the text after it."""

NOT_STORED = {"filter", "etag", "page_token", "name"}
"""Texts that are compared and not stored, and names, which a creation ignores and other methods look up."""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    server = Server(f"sqlite:///{tmp_path_factory.mktemp('texts') / 'book.db'}").start()
    with connected(server) as client:
        opened = Book(server, client)
        for name, text in OPENING:
            opened.call(name, opened.request(name, text))
        yield opened
        opened.engine.dispose()
    server.stop()


def is_accepted(book: Book, name: str, request: Any) -> bool:
    """Whether a request succeeds, or fails otherwise than by a refusal, and none of its items is refused."""
    try:
        answer = book.call(name, request)
    except grpc.RpcError as refused:
        return refused.code() is grpc.StatusCode.INTERNAL
    return not (getattr(answer, "problems", ()) or getattr(answer, "rejected_items", ()))


def reversing(request: Any, path: str) -> Any:
    """Returns a copy of a request in which one text reverses what follows it."""
    copy, holder, last = copied(request, path)
    value = getattr(holder, last)
    if isinstance(value, str):
        setattr(holder, last, f"{value or 'a'}{OVERRIDE}")
    elif hasattr(value, "append"):
        value[:] = [f"{one}{OVERRIDE}" for one in value] or [OVERRIDE]
    else:
        value[OVERRIDE] = "a"
    return copy


def is_text(field: FieldDescriptor) -> bool:
    """Whether a field holds texts, or a map with texts as keys."""
    below = field.message_type
    return field.type == field.TYPE_STRING or (below is not None and below.GetOptions().map_entry)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_text_that_reverses_its_reader_is_refused(book, name):
    accepted = [
        path
        for request in requests(book, METHODS[name])
        for path, field in places(request)
        if is_text(field)
        and field.name not in NOT_STORED
        and OUTPUT_ONLY not in behaviors(field)
        and not (field.message_type and field.message_type.fields_by_name["value"].type == field.TYPE_DOUBLE)
        and is_accepted(book, name, reversing(request, path))
    ]
    assert accepted == []
