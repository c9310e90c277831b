"""Calls of streams in wrong ways: bad sequences, no or very large messages, ends and cancellations at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from benchmarks.fuzz.mutations import hostile_request
from benchmarks.fuzz.plausible import Names
from tests.support.contract_book import METHODS, Book

STREAMS = [one for one in METHODS.values() if one.client_streaming or one.server_streaming]
OVERSIZE_BYTES = 5 * 1024 * 1024
SECONDS = (0.05, 0.3, 1.0)
"""Deadlines of calls, in seconds."""

ANSWERS_LIMIT = 20
"""Answers after which a call is cancelled."""

MOVEMENTS = (
    'movement_ids: "s-1" kinds: MOVEMENT_KIND_RECEIPT effective_times_us: 1640000000000000 warehouses: "W-9" '
    'goods: "copper" lots: "S-1" units: "t" quantities_millionths: 1000000 '
)
TEXTS = {
    "PushStock": (
        'open {stock_feed: "stockFeeds/acme"}',
        f"batch {{sequence: 1 {MOVEMENTS}}}",
        f"batch {{sequence: 2 {MOVEMENTS.replace('s-1', 's-2')}}}",
        "batch {sequence: 9}",
    ),
    "FitEquipmentModel": ('model_id: "streamed" columns: "[columns]" chunk: "a,b"',),
    "WatchBreaches": ("", 'loan: "loans/loan-3"', "after_sequence: 5"),
    "WatchEquipmentFit": ('name: "equipmentFits/diggers"', 'name: "equipmentFits/none"'),
    "WatchRevaluation": ('name: "revaluations/1"',),
    "StreamLtvReport": ("", "as_of {sequence: 3}", "as_of {known_time {seconds: 1640000000}}"),
}
"""Messages of the streams, of which the first ones are valid; an empty one for others."""


class Streams:
    """Makes and sends the stream of a number, which depends on nothing else but the seed."""

    def __init__(self, book: Book, names: Names) -> None:
        self.names = names
        self.valid: dict[str, list[Message]] = {}
        for method in STREAMS:
            self.valid[method.name] = [book.request(method.name, text) for text in TEXTS.get(method.name, ("",))]

    async def send(self, channel: grpc.aio.Channel, random: Random) -> tuple[str, grpc.StatusCode, str, int, bytes]:
        """Returns the method, the code, its text, the length of the longest answer, and the last message."""
        method = random.choice(STREAMS)
        messages = list(self._messages(random, method))
        call = _call(channel, method, messages, random)
        longest, answers = 0, random.randint(0, ANSWERS_LIMIT)
        if random.random() < 0.3:
            await asyncio.sleep(random.random() * 0.05)
            call.cancel()
        try:
            if method.server_streaming:
                async for answer in call:
                    longest, answers = max(longest, len(answer)), answers - 1
                    if answers < 0:
                        call.cancel()
            else:
                longest = len(await call)
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            pass
        return method.name, await call.code(), await call.details() or "", longest, messages[-1] if messages else b""

    def _messages(self, random: Random, method: MethodDescriptor) -> list[bytes]:
        """Returns the messages of a call; one for a call with one request."""
        count = random.choice((0, 1, 2, 3, 8)) if method.client_streaming else 1
        found = []
        for place in range(count):
            valid = self.valid[method.name]
            message = valid[min(place, len(valid) - 1)] if random.random() < 0.6 else random.choice(valid)
            kind = random.random()
            if kind < 0.4:
                found.append(message.SerializeToString())
            elif kind < 0.9:
                found.append(hostile_request(random, message, [], self.names))
            elif kind < 0.98:
                found.append(random.choice((b"", b"\xff" * 9, random.randbytes(60))))
            else:
                found.append(bytes(OVERSIZE_BYTES))
        return found


def _call(channel: grpc.aio.Channel, method: MethodDescriptor, messages: list[bytes], random: Random) -> Any:
    path, seconds = f"/{method.containing_service.full_name}/{method.name}", random.choice(SECONDS)
    if not method.client_streaming:
        return channel.unary_stream(path, None, None)(messages[0], timeout=seconds)
    pauses = [random.random() * 0.02 if random.random() < 0.2 else 0.0 for _ in messages]
    is_open = random.random() < 0.2  # the caller never ends its part

    async def sent() -> AsyncIterator[bytes]:
        for message, pause in zip(messages, pauses, strict=True):
            await asyncio.sleep(pause)
            yield message
        if is_open:
            await asyncio.sleep(seconds)

    kind = channel.stream_stream if method.server_streaming else channel.stream_unary
    return kind(path, None, None)(sent(), timeout=seconds)
