"""Sends hostile requests to a server with a small book, and judges the answers, the memory and the book."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from benchmarks.fuzz.mutations import hostile_request
from benchmarks.measured import children_of
from collateral_registry.v1 import report_pb2, revaluation_pb2
from tests.support.contract_book import METHODS, OPENING, Book, fit, without_time
from tests.support.contract_requests import requests
from tests.support.server import Server, connected

ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
MEMORY_LIMIT_MB = 100.0
RECEIVE_LIMIT_BYTES = 64 * 1024 * 1024
CALLS_AT_ONCE = 8
CALL_SECONDS = 60.0
WARM_UP_SHARE, WARM_UP_LIMIT = 0.2, 5_000
"""Part of the requests, and most requests, before the memory is measured for the first time."""

PROGRESS_SECONDS = 10.0
NEVER = frozenset(("UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS", "CANCELLED"))
"""Codes that no request may cause on a healthy server."""

SLOW = frozenset(
    ("BacktestHaircut", "EstimateHaircut", "ForecastPrice", "StartRevaluation", "Revalue", "BacktestAppraisers")
)
"""Methods that compute for long; they get one request in SLOW_EVERY."""

SLOW_EVERY = 40
VALIDATED_ONLY = frozenset(("AdvanceBusinessDate", "CreatePolicy", "ActivatePolicy"))
"""Methods whose requests only validate, because one success would leave nothing to do for the others."""


@dataclass
class Verdict:
    """What a run found; ``failures`` are the paths of saved requests."""

    requests: int = 0
    seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    longest_answer_bytes: int = 0
    memory_growth_mb: float = 0.0
    report_of_before_is_identical: bool = False
    covers_changed_by_revaluation: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return (
            not self.failures
            and self.longest_answer_bytes <= ANSWER_LIMIT_BYTES
            and self.memory_growth_mb < MEMORY_LIMIT_MB
            and self.report_of_before_is_identical
            and not self.covers_changed_by_revaluation
        )

    def record(self) -> dict[str, Any]:
        """Returns the verdict for JSON."""
        return {**vars(self), "holds": self.holds, "rate": round(self.requests / max(self.seconds, 1e-9), 1)}


@dataclass(frozen=True)
class Attack:
    """A seeded run of so many requests; failing requests are saved in a folder."""

    count: int
    seed: int
    saved: Path
    say: Callable[[str], None]


def attack_book(url: str, folder: Path, attack: Attack) -> Verdict:
    """Starts a server on an empty database, opens a book, sends the requests, and returns the verdict."""
    server = Server(url).start()
    try:
        with connected(server) as client:
            book = Book(server, client)
            for name, text in OPENING:
                book.call(name, book.request(name, text))
            fit(client, folder)
            book.quiet()
            before = _reports(book, book.call("GetBusinessDate", book.empty("GetBusinessDate")).sequence)
            verdict = asyncio.run(_attacked(server, _Source(book, attack), attack))
            verdict.report_of_before_is_identical = _reports(book, before[0]) == before
            verdict.covers_changed_by_revaluation = _covers_changed(book)
            book.engine.dispose()
    finally:
        server.stop()
    return verdict


class _Source:
    """Makes the n-th request of a seed, which depends on nothing else."""

    def __init__(self, book: Book, attack: Attack) -> None:
        unary = [one for one in METHODS.values() if not (one.client_streaming or one.server_streaming)]
        self.seed = attack.seed
        self.valid: dict[str, list[Message]] = {one.name: requests(book, one) for one in unary}
        self.tokens = {name: list(_tokens(book, name, found)) for name, found in self.valid.items()}
        self.names = [name for name in self.valid for _ in range(1 if name in SLOW else SLOW_EVERY)]

    def request(self, number: int) -> tuple[str, bytes]:
        """Returns the method and the bytes of a request."""
        random = Random(f"{self.seed}:{number}")
        name = random.choice(self.names)
        valid = random.choice(self.valid[name])
        if "validate_only" in valid.DESCRIPTOR.fields_by_name:
            valid.validate_only = name in VALIDATED_ONLY or random.random() < 0.5  # type: ignore[attr-defined] # has it
        data = hostile_request(random, valid, self.tokens[name])
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


async def _attacked(server: Server, source: _Source, attack: Attack) -> Verdict:
    """Sends all requests, several at once, and returns what the answers show."""
    verdict, numbers = Verdict(), iter(range(attack.count))
    started = said = time.monotonic()
    warm, memory = min(int(attack.count * WARM_UP_SHARE), WARM_UP_LIMIT), 0.0
    options = [("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES)]

    async def send(channel: grpc.aio.Channel) -> None:
        nonlocal said, memory
        for number in numbers:
            name, data = source.request(number)
            await _send(channel, name, data, number, verdict, attack)
            verdict.requests += 1
            if verdict.requests == warm:
                memory = memory_mb(server)
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                rate, failed = verdict.requests / (said - started), len(verdict.failures)
                attack.say(f"{verdict.requests:,} of {attack.count:,} requests, {rate:.0f}/s, {failed} failed")

    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        await asyncio.gather(*(send(channel) for _ in range(CALLS_AT_ONCE)))
    verdict.seconds = round(time.monotonic() - started, 1)
    verdict.memory_growth_mb = round(memory_mb(server) - memory, 1)
    return verdict


async def _send(
    channel: grpc.aio.Channel, name: str, data: bytes, number: int, verdict: Verdict, attack: Attack
) -> None:
    """Sends one request, counts its code, and saves it if its answer breaks a promise."""
    method = METHODS[name]
    call = channel.unary_unary(f"/{method.containing_service.full_name}/{name}", None, None)
    code, text, length, is_named = grpc.StatusCode.OK, "", 0, True
    try:
        length = len(await call(data, timeout=CALL_SECONDS))
    except grpc.aio.AioRpcError as error:
        code, text = error.code(), error.details() or ""
        is_named = code is not grpc.StatusCode.INVALID_ARGUMENT or _names_a_field(error)
    verdict.codes[code.name] += 1
    verdict.longest_answer_bytes = max(verdict.longest_answer_bytes, length)
    if code.name in NEVER or length > ANSWER_LIMIT_BYTES or not is_named:
        path = attack.saved / f"{attack.seed}-{number}-{name}.json"
        saved = {"method": name, "request": base64.b64encode(data).decode(), "code": code.name, "answer": text[:500]}
        path.write_text(json.dumps(saved, indent=1), encoding="utf-8")
        verdict.failures.append(str(path))


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
    """Sends a saved request to a server with the book on which runs begin; returns the code and the message."""
    found = json.loads(saved.read_text(encoding="utf-8"))
    server = Server(url).start()
    try:
        with connected(server) as client:
            book = Book(server, client)
            for name, text in OPENING:
                book.call(name, book.request(name, text))
            fit(client, folder)
            method = METHODS[found["method"]]
            call = client.channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}", None, None)
            try:
                answer = call(base64.b64decode(found["request"]))
                return f"OK: {GetMessageClass(method.output_type).FromString(answer)}"
            except grpc.RpcError as error:
                return f"{error.code().name}: {error.details()}\n{server.said[-4000:]}"
    finally:
        server.stop()


def memory_mb(server: Server) -> float:
    """Returns the memory in use by a server and its children in MB."""
    assert server.process is not None
    return sum(map(_resident_mb, [server.process.pid, *children_of(server.process.pid)]))


def _resident_mb(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:  # the process has ended
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(("RssAnon:", "VmRSS:"))) / 2


def _reports(book: Book, sequence: int) -> tuple[int, bytes, bytes]:
    """Returns a sequence with the serialised reports as of it."""
    as_of = report_pb2.AsOf(sequence=sequence)
    ltv = book.call("GenerateLtvReport", report_pb2.GenerateLtvReportRequest(as_of=as_of, page_size=1_000))
    breaches = book.call("GenerateBreachReport", report_pb2.GenerateBreachReportRequest(as_of=as_of, page_size=1_000))
    return sequence, ltv.SerializeToString(deterministic=True), breaches.SerializeToString(deterministic=True)


def _covers_changed(book: Book) -> int:
    """Returns the number of loans whose cover differs after everything has been revalued."""
    book.quiet()
    now = _covers(book)
    book.call("StartRevaluation", revaluation_pb2.StartRevaluationRequest())
    book.quiet()
    then = _covers(book)
    return sum(now[name] != then.get(name) for name in now)


def _covers(book: Book) -> dict[str, bytes]:
    """Returns the rows of the present LTV report by loan, without the sequence of their judgement."""
    answer = book.call("GenerateLtvReport", report_pb2.GenerateLtvReportRequest(page_size=1_000))
    return {row.loan: without_time(row).SerializeToString(deterministic=True) for row in answer.rows}
