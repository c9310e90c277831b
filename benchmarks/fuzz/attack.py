"""Sends hostile requests to a server with a small book, and judges the answers, the memory and the book."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from random import Random

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from benchmarks.fuzz.bodies import Bodies
from benchmarks.fuzz.invariants import (
    claims_above_value,
    covers,
    covers_changed,
    lists_broken,
    log_of_errors,
    reports,
    store_damaged,
)
from benchmarks.fuzz.memory import REST_SECONDS, memory_at_rest, memory_of
from benchmarks.fuzz.mutations import hostile_request
from benchmarks.fuzz.plausible import names_in
from benchmarks.fuzz.streams import Streams
from benchmarks.fuzz.verdict import ANSWER_LIMIT_BYTES, NEVER, Saved, Verdict
from benchmarks.fuzz.warm_up import start_workers
from tests.support.contract_book import OPENING, Book, fit
from tests.support.contract_requests import METHODS, requests
from tests.support.server import Client, Server, connected, free_port

RECEIVE_LIMIT_BYTES = 64 * 1024 * 1024
CALLS_AT_ONCE = 16
PATIENCE_SECONDS = 60.0
"""Deadline of a call, at which a healthy server on a machine of its own has long answered."""

WATCHDOG_SHARE = 1.5
"""Part of that time after which a call counts as hanging that has not ended, not even by its deadline."""

WARM_UP_SHARE, WARM_UP_LIMIT = 0.2, 10_000
"""Part of the requests, and most requests, before the memory is measured for the first time."""

READINGS = 20
"""Readings of the memory between the first and the last one."""

PROGRESS_SECONDS = 10.0
STREAM_SHARE, HTTP_SHARE, STRAY_SHARE = 0.02, 0.05, 0.005
"""Shares of streams, of calls over HTTP/JSON, and of unknown methods and compressed noise."""

SLOW = frozenset(
    ("BacktestHaircut", "EstimateHaircut", "ForecastPrice", "StartRevaluation", "Revalue", "BacktestAppraisers")
)
"""Methods that compute for long; they get one request in SLOW_EVERY."""

SLOW_EVERY = 40
VALIDATED_ONLY = frozenset(("AdvanceBusinessDate", "CreatePolicy", "ActivatePolicy"))
"""Methods whose requests only validate, because one success would leave nothing to do for the others."""

ENDED_BY_CALLER = frozenset((grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED))
"""Codes of streams that the fuzzer itself ended."""

LOST_BY_CLIENT = "Internal error from Core"
"""Text with which grpcio's client replaces the status of a call that ended while it was still sending."""

FAILED_STATUSES = frozenset(("500", "502", "503", "504"))


@dataclass(frozen=True)
class Attack:
    """A seeded run of so many requests, or fewer if the time ends before; failing requests are saved in a folder."""

    count: int
    seconds: float
    seed: int
    saved: Path
    say: Callable[[str], None]
    patience: float = PATIENCE_SECONDS
    rest_seconds: float = REST_SECONDS


def attack_book(url: str, folder: Path, attack: Attack) -> Verdict:
    """Starts a server on an empty database, opens a book, sends the requests, and returns the verdict."""
    web = f"127.0.0.1:{free_port()}"
    server = Server(url, options=["--http-address", web]).start()
    try:
        with connected(server) as client:
            book = _opened(server, client, folder)
            before = reports(book, book.call("GetBusinessDate", book.empty("GetBusinessDate")).sequence)
            start_workers(book)
            verdict = asyncio.run(_Run(server, web, _Source(book, attack.seed), attack).verdict())
            attack.say("checks the invariants")
            verdict.broken += ["the report of before differs"] if reports(book, before[0]) != before else []
            verdict.broken += [*covers_changed(book), *lists_broken(book), *claims_above_value(book)]
            now = covers(book)
            book.engine.dispose()
        server.stop()
        verdict.broken += [*log_of_errors(server), *store_damaged(url)]
        server.start()
        with connected(server) as client:
            book = Book(server, client)
            verdict.broken += ["a restart changes the report"] if covers(book) != now else []
            verdict.broken += ["a restart changes the report of before"] if reports(book, before[0]) != before else []
            book.engine.dispose()
    finally:
        server.stop()
    return verdict


def _opened(server: Server, client: Client, folder: Path) -> Book:
    book = Book(server, client)
    for name, text in OPENING:
        book.call(name, book.request(name, text))
    fit(book.client, folder)
    book.quiet()
    return book


class _Source:
    """Makes the n-th request of a seed, which depends on nothing else."""

    def __init__(self, book: Book, seed: int) -> None:
        self.seed = seed
        self.names = names_in(book)
        self.valid: dict[str, list[Message]] = {name: requests(book, one) for name, one in METHODS.items()}
        self.tokens = {name: list(_tokens(book, name, found)) for name, found in self.valid.items()}
        self.all_tokens = [token for found in self.tokens.values() for token in found]
        self.methods = [name for name in self.valid for _ in range(1 if name in SLOW else SLOW_EVERY)]
        self.streams, self.bodies = Streams(book, self.names), Bodies(book, self.names)

    def random(self, number: int) -> Random:
        """Returns the random source of a request."""
        return Random(f"{self.seed}:{number}")

    def request(self, random: Random) -> tuple[str, bytes]:
        """Returns the method and the bytes of a unary request."""
        name = random.choice(self.methods)
        valid = random.choice(self.valid[name])
        if "validate_only" in valid.DESCRIPTOR.fields_by_name:
            valid.validate_only = name in VALIDATED_ONLY or random.random() < 0.3  # type: ignore[attr-defined] # has it
        tokens = self.tokens[name] if random.random() < 0.8 else self.all_tokens
        data = hostile_request(random, valid, tokens, self.names)
        return name, data if name not in VALIDATED_ONLY else _validating(valid, data)


def _validating(valid: Message, data: bytes) -> bytes:
    """Returns the bytes of a request with validate_only; a repeated field of one value has its last one."""
    return data + type(valid)(validate_only=True).SerializeToString()


def _tokens(book: Book, name: str, valid: list[Message]) -> Iterator[str]:
    """Yields page tokens of the valid requests of a method, if it has pages."""
    for request in valid:
        if "page_token" in request.DESCRIPTOR.fields_by_name:
            first = type(request)()
            first.CopyFrom(request)
            first.page_size = 1  # type: ignore[attr-defined] # it has pages
            with suppress(grpc.RpcError):  # some lists need another parent than the one in the examples
                yield from filter(None, [book.call(name, first).next_page_token])


class _Run:
    """Sends the requests of a run, several at once."""

    def __init__(self, server: Server, web: str, source: _Source, attack: Attack) -> None:
        self.server, self.web, self.source, self.attack = server, web, source, attack
        self.saved = Saved(attack.saved, attack.seed)
        self.found = Verdict()
        self.warm = min(int(attack.count * WARM_UP_SHARE), WARM_UP_LIMIT)
        self.current: dict[int, str] = {}

    async def verdict(self) -> Verdict:
        """Sends all requests, and returns what the answers show."""
        started = time.monotonic()
        options = [("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES)]
        progress = asyncio.create_task(self._progress(started))
        async with grpc.aio.insecure_channel(self.server.address, options=options) as channel:
            for numbers in (range(self.warm), range(self.warm, self.attack.count)):
                left = _until(started + self.attack.seconds, numbers)
                await asyncio.gather(*(self._send_all(channel, left) for _ in range(CALLS_AT_ONCE)))
                self.found.memory.append(
                    await memory_at_rest(self.server, self.found.requests, self.attack.rest_seconds)
                )
        progress.cancel()
        self.found.seconds = round(time.monotonic() - started, 1)
        return self.found

    async def _progress(self, started: float) -> None:
        """Reports the progress, and the calls under way if there is none."""
        before = -1
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            done, failed = self.found.requests, len(self.found.failures)
            rate = done / (time.monotonic() - started)
            waiting = f"; waits for {sorted(self.current.values())}" if done == before else ""
            memory = memory_of(self.server, done)
            used = f"{memory.server_mb:.0f} and {memory.workers_mb:.0f} MB"
            self.attack.say(
                f"{done:,} of {self.attack.count:,} requests, {rate:.0f}/s, {used}, {failed} failed{waiting}"
            )
            before = done

    async def _send_all(self, channel: grpc.aio.Channel, numbers: Iterator[int]) -> None:
        for number in numbers:
            try:
                async with asyncio.timeout(WATCHDOG_SHARE * self.attack.patience):
                    await self._send(channel, number)
            except TimeoutError:
                self._fail(number, self.current[number], b"", "no end, not even by the deadline")
            self.current.pop(number, None)
            self.found.requests += 1
            if self.found.requests > self.warm and self.found.requests % max(self.attack.count // READINGS, 1) == 0:
                self.found.memory.append(memory_of(self.server, self.found.requests))

    async def _send(self, channel: grpc.aio.Channel, number: int) -> None:
        random = self.source.random(number)
        kind = random.random()
        if kind < STREAM_SHARE:
            self.current[number] = "stream"
            await self._stream(channel, random, number)
        elif kind < STREAM_SHARE + HTTP_SHARE:
            self.current[number] = "http"
            await self._http(random, number)
        elif kind < STREAM_SHARE + HTTP_SHARE + STRAY_SHARE:
            self.current[number] = "stray"
            await self._stray(channel, random, number)
        else:
            name, data = self.source.request(random)
            self.current[number] = name
            await self._unary(channel, name, data, number)

    async def _unary(self, channel: grpc.aio.Channel, name: str, data: bytes, number: int) -> None:
        method = METHODS[name]
        call = channel.unary_unary(f"/{method.containing_service.full_name}/{name}", None, None)
        code, text, length, is_named = grpc.StatusCode.OK, "", 0, True
        try:
            length = len(await call(data, timeout=self.attack.patience))
        except grpc.aio.AioRpcError as error:
            code, text = error.code(), error.details() or ""
            is_named = code is not grpc.StatusCode.INVALID_ARGUMENT or _names_a_field(error)
        self.found.codes[code.name] += 1
        self._judge_length(number, name, data, length)
        if code.name in NEVER or not is_named:
            self._fail(number, name, data, f"{code.name}: {text}")

    async def _stream(self, channel: grpc.aio.Channel, random: Random, number: int) -> None:
        name, code, text, length, data = await self.source.streams.send(channel, random)
        self.found.stream_codes[f"{name} {code.name}"] += 1
        self._judge_length(number, name, data, length)
        if code.name in NEVER and code not in ENDED_BY_CALLER and text != LOST_BY_CLIENT:
            self._fail(number, name, data, f"{code.name}: {text}")

    async def _http(self, random: Random, number: int) -> None:
        data = self.source.bodies.request(random)
        try:
            status, length = await self.source.bodies.send(self.web, data, self.attack.patience)
        except TimeoutError:
            self._fail(number, "http", data, "no answer")
            return
        self.found.http_statuses[status or "closed"] += 1
        self._judge_length(number, "http", data, length)
        if status in FAILED_STATUSES and not (status == "504" and b"grpc-timeout" in data):
            self._fail(number, "http", data, status)

    async def _stray(self, channel: grpc.aio.Channel, random: Random, number: int) -> None:
        """Calls an unknown method, or sends compressed noise to a known one."""
        name, valid = self.source.request(random)
        path = f"/{METHODS[name].containing_service.full_name}/{random.choice((name, f'{name}x', '', 'a/b'))}"
        data = random.choice((valid, random.randbytes(200), bytes(2_000_000)))
        data = data if name not in VALIDATED_ONLY else b""
        try:
            await channel.unary_unary(path, None, None)(
                data, timeout=self.attack.patience, compression=random.choice(list(grpc.Compression))
            )
        except grpc.aio.AioRpcError as error:
            if error.code().name in NEVER:
                self._fail(number, path.rpartition("/")[2] or "none", data, f"{error.code().name}: {error.details()}")

    def _judge_length(self, number: int, kind: str, data: bytes, length: int) -> None:
        self.found.longest_answer_bytes = max(self.found.longest_answer_bytes, length)
        if length > ANSWER_LIMIT_BYTES:
            self._fail(number, kind, data, f"an answer of {length} bytes")

    def _fail(self, number: int, kind: str, data: bytes, answer: str) -> None:
        self.found.failures.append(self.saved.save(number, kind.replace("/", "-"), data, answer))


def _until(end: float, numbers: Iterable[int]) -> Iterator[int]:
    """Yields numbers until a monotonic time."""
    return takewhile(lambda _: time.monotonic() < end, numbers)


def _names_a_field(error: grpc.aio.AioRpcError) -> bool:
    """Returns whether an error names a field in its details, or a request id that was used before."""
    bad, info = BadRequest(), ErrorInfo()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        if (detail.Unpack(bad) and all(one.field for one in bad.field_violations)) or (
            detail.Unpack(info) and info.reason == "REQUEST_ID_REUSED"
        ):
            return True
    return False


def replayed(url: str, folder: Path, saved: Path) -> str:
    """Sends a saved unary request to a server with the book on which runs begin; returns the code and the message."""
    found = json.loads(saved.read_text(encoding="utf-8"))
    server = Server(url).start()
    try:
        with connected(server) as client:
            _opened(server, client, folder)
            method = METHODS[found["method"]]
            call = client.channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}", None, None)
            try:
                answer = call(base64.b64decode(found["request"]), timeout=PATIENCE_SECONDS)
                return f"OK: {GetMessageClass(method.output_type).FromString(answer)}"
            except grpc.RpcError as error:
                return f"{error.code().name}: {error.details()}\n{server.said[-4000:]}"
    finally:
        server.stop()
