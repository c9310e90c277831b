"""Hostile calls over HTTP/JSON, as bytes on a connection."""

from __future__ import annotations

import asyncio
import json
from random import Random

from google.protobuf.json_format import MessageToDict

from benchmarks.fuzz.plausible import Names
from tests.support.contract_book import Book
from tests.support.contract_requests import METHODS, requests

DEPTH = 3_000
VALUES = (
    *("null", "true", "-1", "1e400", "-0", "1" * 400, "1" * 5_000, "0.1", '""', '"\\u0000"', '"\\ud800"', '"\u202e"'),
    *("[]", "{}", "[[]]", '{"a": 1}', "NaN", "Infinity", '"1E-999999999"', '"9999-99-99"', '"' + "x" * 20_000 + '"'),
    "[" * DEPTH + "]" * DEPTH,
    '{"a":' * DEPTH + "1" + "}" * DEPTH,
)
BODIES = (
    *("", "{", "}", "null", "[]", "1", '"a"', "{}{}", '{"name": 1, "name": 2}', "\ufeff{}", "{'a': 1}", "{//\n}"),
    *("[" * DEPTH, "{" * DEPTH, '{"a":' * DEPTH, '{"' + "x" * 100_000 + '": 1}', "9" * 100_000),
)
VERBS = ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT", "post", "X" * 300)
PATHS = (
    *("/", "/v1", "/v1/", "/v1/LoanService", "/v1/LoanService/", "/v1/LoanService/Nothing", "/v1/../etc/passwd"),
    *("/v1/%00/%ff", "/v1/LoanService/GetLoan?name=loans/a", "//v1//LoanService//GetLoan", "*", "/v1/" + "a" * 9_000),
    *("/v1/openapi.json", "/v1/descriptors.binpb", "/v1/StockService/PushStock", "http://other/v1/LoanService/GetLoan"),
)
TYPES = ("text/plain", "application/grpc", "application/json; charset=utf-16", "", "a" * 500, "application/xml")
HEADERS = (
    *("grpc-timeout: 0n", "grpc-timeout: 99999999H", "grpc-timeout: -1S", "grpc-timeout: x", "x-request-id: \x01"),
    *("x-request-id: " + "r" * 5_000, "authorization: Bearer \xff", "traceparent: 00-zz", "content-encoding: gzip"),
    *("host: other", "host: a, b", "transfer-encoding: chunked", "content-length: 5", "expect: 100-continue"),
    *("connection: upgrade\r\nupgrade: h2c", "x: a\r\n b", ": a", "x" * 70_000 + ": 1", "origin: http://evil"),
)


class Bodies:
    """Makes and sends the HTTP call of a number, which depends on nothing else but the seed."""

    def __init__(self, book: Book, names: Names) -> None:
        self.names = names
        self.valid = {
            f"/v1/{method.containing_service.name}/{name}": [
                json.dumps(MessageToDict(one, preserving_proto_field_name=True)) for one in requests(book, method)
            ]
            for name, method in METHODS.items()
        }
        self.paths = list(self.valid)

    def request(self, random: Random) -> bytes:
        """Returns the bytes of a request."""
        path = random.choice(self.paths)
        body, verb, kind = _mutated(random, random.choice(self.valid[path])), "POST", "application/json"
        headers = [random.choice(HEADERS)] if random.random() < 0.15 else []
        if random.random() < 0.05:
            path = random.choice(PATHS)
        if random.random() < 0.05:
            verb = random.choice(VERBS)
        if random.random() < 0.05:
            kind = random.choice(TYPES)
        content = body.encode("utf-8", "surrogatepass")
        if random.random() < 0.03:
            content = random.randbytes(80)
        lines = [f"{verb} {path} HTTP/1.1", "host: localhost", f"content-type: {kind}", "connection: close", *headers]
        if random.random() < 0.1:
            lines.append("transfer-encoding: chunked")
            content = (
                b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if random.random() < 0.7 else b"zz\r\n" + content
            )
        else:
            lines.append(f"content-length: {len(content) + random.choice((0, 0, 0, 0, 0, 0, 0, -1))}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + content

    async def send(self, address: str, data: bytes, seconds: float) -> tuple[str, int]:
        """Returns the status of the answer, empty for a closed connection, and the length of the answer."""
        host, _, port = address.rpartition(":")
        answer = b""
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(data)
                await writer.drain()
                answer = await reader.read(-1)
            except ConnectionError:  # a refusal may reset a connection with an unread body
                pass
            finally:
                writer.transport.abort()
        line = answer.partition(b"\r\n")[0].split()
        return (line[1].decode() if len(line) > 1 else ""), len(answer)


def _mutated(random: Random, body: str) -> str:
    """Returns a body with another value, field or end."""
    kind = random.random()
    if kind < 0.3:
        return body
    if kind < 0.4:
        return random.choice(BODIES)
    found = json.loads(body)
    field = random.choice([*found, "x"])
    if kind < 0.5:  # the same key twice
        return body[:-1] + f"{',' if found else ''} {json.dumps(field)}: {random.choice(VALUES)}}}"
    if kind < 0.6:
        return body[: random.randrange(len(body) + 1)]
    found[field] = "@"
    return json.dumps(found).replace('"@"', random.choice(VALUES))
