"""Streams of events are bounded, end when the server stops, and state events in the language of the reader."""

import asyncio
import json
from contextlib import AsyncExitStack, aclosing
from types import SimpleNamespace

import pytest

from collateral_registry.v1 import breach_pb2, common_pb2
from collateral_registry.web.gateway.errors import HttpError
from collateral_registry.web.pages.client import Book
from collateral_registry.web.pages.live import STREAMS_LIMIT, LiveEvents, message_of
from collateral_registry.web.pages.texts import texts_of

ENGLISH = texts_of("en")


def silent_book():
    """Returns a book in which nothing happens."""
    breaches = SimpleNamespace(WatchBreaches=lambda *_, **__: never())
    return Book(SimpleNamespace(breaches=breaches), ())


async def never():
    await asyncio.Event().wait()
    yield


def test_streams_beyond_the_limit_are_refused_until_one_ends():
    async def work():
        live, book = LiveEvents(), silent_book()
        async with AsyncExitStack() as stack:
            for _ in range(STREAMS_LIMIT):
                stream = await stack.enter_async_context(aclosing(live.stream(book, ENGLISH, 0, 0)))
                assert await anext(stream) == "retry: 5000\n\n"
            with pytest.raises(HttpError, match="streams at once"):
                live.stream(book, ENGLISH, 0, 0)
        assert await anext(live.stream(book, ENGLISH, 0, 0))

    asyncio.run(work())


def test_a_stream_that_is_never_read_takes_no_place():
    async def work():
        live, book = LiveEvents(), silent_book()
        for _ in range(STREAMS_LIMIT + 1):
            live.stream(book, ENGLISH, 0, 0)

    asyncio.run(work())


def test_a_stream_ends_when_the_server_stops():
    async def work():
        live = LiveEvents()
        stream = live.stream(silent_book(), ENGLISH, 0, 0)
        await anext(stream)
        asyncio.get_running_loop().call_later(0.01, live.stop)
        assert [message async for message in stream] == []

    asyncio.run(asyncio.wait_for(work(), 5))


def test_an_event_is_one_line_in_the_language_of_the_reader():
    event = breach_pb2.BreachEvent(
        sequence=7,
        kind=breach_pb2.BREACH_EVENT_KIND_OPENED,
        loan="loans/loan-1",
        level=common_pb2.LTV_LEVEL_MARGIN_CALL,
        coverage=common_pb2.COVERAGE_KNOWN,
    )
    number, data, *rest = message_of(event, texts_of("zh")).split("\n")

    assert (number, rest) == ("id: 7", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == {
        "href": "/loans/loan-1",
        "loan": "loan-1",
        "what": "触线超限",
        "level": "2",
    }
