"""New events of breaches as server-sent events, each with the texts of the reader's language."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import grpc

from collateral_registry.v1 import breach_pb2, common_pb2
from collateral_registry.web.gateway.errors import refusal
from collateral_registry.web.pages.client import Book
from collateral_registry.web.pages.numbers import identifier
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts

STREAMS_LIMIT = 32
"""Streams at the same time in one process. Further ones are answered 503."""

STREAM_SECONDS = 1800.0
"""Longest duration of a stream; the browser then opens another, with the number of its last event."""

PULSE_SECONDS = 15.0
"""A stream without events is written to this often, so that a connection that is gone is found."""

RETRY_MILLISECONDS = 5000


class LiveEvents:
    """The open streams of a process."""

    def __init__(self) -> None:
        self._open = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends every stream after its current message."""
        self._stopping.set()

    def stream(self, book: Book, texts: Texts, after: int, commit: int) -> AsyncGenerator[str]:
        """Returns a stream of the events after a number and a commit; raises HttpError if there are too many."""
        if self._open >= STREAMS_LIMIT:
            message = f"got more than {STREAMS_LIMIT} streams at once; close other windows"
            raise refusal(grpc.StatusCode.UNAVAILABLE, "TOO_MANY_STREAMS", message)
        return self._counted(book, texts, after, commit)

    async def _counted(self, book: Book, texts: Texts, after: int, commit: int) -> AsyncGenerator[str]:
        # Counted once it is read, because the stream of a reader who has left is never read, and so never ends.
        if self._open >= STREAMS_LIMIT:
            return
        self._open += 1
        try:
            async with aclosing(self._messages(book, texts, after, commit)) as messages:
                async for message in messages:
                    yield message
        finally:
            self._open -= 1

    async def _messages(self, book: Book, texts: Texts, after: int, commit: int) -> AsyncGenerator[str]:
        request = breach_pb2.WatchBreachesRequest(after_sequence=after)
        call = book.stream(book.services.breaches.WatchBreaches, request, STREAM_SECONDS)
        responses = aiter(call)
        coming = asyncio.ensure_future(anext(responses))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n"
            while not self._stopping.is_set():
                done, _ = await asyncio.wait({coming, stopping}, timeout=PULSE_SECONDS, return_when="FIRST_COMPLETED")
                if coming in done:
                    try:
                        response = coming.result()
                    except (StopAsyncIteration, grpc.aio.AioRpcError):
                        break
                    for event in response.events:
                        if event.commit_sequence > commit:
                            yield message_of(event, texts)
                    coming = asyncio.ensure_future(anext(responses))
                elif not done:
                    yield ": nothing new\n\n"
        finally:
            for task in (coming, stopping):
                task.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration, grpc.aio.AioRpcError):
                    await task


def message_of(event: breach_pb2.BreachEvent, texts: Texts) -> str:
    """Returns the message of an event: what the page shows, in one line of JSON."""
    is_unknown = event.coverage == common_pb2.COVERAGE_UNKNOWN
    shown = {
        "href": f"/{event.loan}",
        "loan": identifier(event.loan),
        "what": word(texts, "event", event.kind),
        "level": "u" if is_unknown else str(max(0, event.level - common_pb2.LTV_LEVEL_NONE)),
    }
    return f"id: {event.sequence}\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n"
