"""The HTTP application: each call is passed to the gRPC server, whose interceptors and limits apply."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import grpc
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from collateral_registry.rpc.common.errors import status_of
from collateral_registry.rpc.limits.callers import stated_caller
from collateral_registry.web.gateway.bodies import Bodies
from collateral_registry.web.gateway.contract import (
    NAME_LIMIT_CHARACTERS,
    Method,
    contract,
    descriptor_set,
    nearest_method,
)
from collateral_registry.web.gateway.errors import (
    CLIENT_CLOSED_REQUEST,
    HttpError,
    document_of,
    headers_of,
    of_call,
    refusal,
)
from collateral_registry.web.gateway.json_messages import MalformedJson, answer_of, read_message, read_object
from collateral_registry.web.gateway.openapi import openapi_document
from collateral_registry.web.gateway.unforeseen import Unforeseen
from collateral_registry.web.local_only import WANTED_HOST, LocalOnly
from valuation.errors import InvalidInput

CALLS_LIMIT = 64
"""Calls over HTTP at the same time in one process. Further calls are answered UNAVAILABLE."""

DEADLINE_SECONDS = 300.0
"""Longest duration of a call. The header grpc-timeout may shorten it."""

SHORTEST_SECONDS = 1e-3
"""Time in which no call ends: it is not made, because gRPC tells shorter times from none by chance."""

INLINE_LIMIT_BYTES = 16 * 1024
"""Bodies and messages up to this size are converted in the event loop, larger ones in a thread."""

THREADS_LIMIT = 2
"""Threads that convert large bodies and messages."""

JSON = "application/json"
PASSED_HEADERS = ("authorization", "x-request-id", "traceparent")
"""Headers that are passed to the gRPC server as metadata."""

NOT_LOCAL = refusal(grpc.StatusCode.PERMISSION_DENIED, "HOST_NOT_LOCAL", f"host: {WANTED_HOST}")

_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNIT_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_PRINTABLE = re.compile(r"[ -~]*")


@dataclass(frozen=True)
class Gateway:
    """Passes calls to a gRPC server. ``body_bytes`` is the largest body of a request."""

    channel: grpc.aio.Channel
    body_bytes: int
    threads: ThreadPoolExecutor
    calls: asyncio.Semaphore
    bodies: Bodies

    async def call(self, request: Request) -> Response:
        """Answers the call of a method."""
        method = _method_of(request)
        _check_content_type(request.headers)
        timeout, metadata = (
            _timeout_of(request.headers),
            (*stated_caller(_caller_of(request)), *_metadata_of(request.headers)),
        )
        body = await self.bodies.receive(request, self.body_bytes)
        if self.calls.locked():
            raise refusal(
                grpc.StatusCode.UNAVAILABLE, "TOO_MANY_CALLS", f"got more than {CALLS_LIMIT} calls at once; try again"
            )
        async with self.calls:
            message = await self._converted(_read, method.request, body)
            sent = self.channel.unary_unary(method.path, None, None)(message, timeout=timeout, metadata=metadata)
            answer = await _until_disconnected(request, sent)
            content = await self._converted(_write, method.response, answer)
        return Response(content, media_type=JSON, headers=_echo(request.headers))

    async def _converted(
        self, convert: Callable[[type[Message], bytes], bytes], kind: type[Message], content: bytes
    ) -> bytes:
        """Converts a small message here and a large one in a thread, so that other calls continue meanwhile."""
        if len(content) <= INLINE_LIMIT_BYTES:
            return convert(kind, content)
        return await asyncio.get_running_loop().run_in_executor(self.threads, convert, kind, content)


def gateway_app(channel: grpc.aio.Channel, body_bytes: int, *, local: bool = True) -> Starlette:
    """Returns the application that passes calls to the server of a channel.

    A ``local`` one refuses requests that name another host. Elsewhere callers need a token, which no page of another
    site has.
    """
    threads = ThreadPoolExecutor(THREADS_LIMIT, "json")
    gateway = Gateway(channel, body_bytes, threads, asyncio.Semaphore(CALLS_LIMIT), Bodies())
    local_only = Middleware(LocalOnly, refused=_error_response(NOT_LOCAL))
    app = Starlette(
        routes=[
            Route("/v1/openapi.json", _openapi, methods=["GET"]),
            Route("/v1/descriptors.binpb", _descriptors, methods=["GET"]),
            Route("/v1/{service}/{method}", gateway.call, methods=["POST"]),
        ],
        middleware=[Middleware(Unforeseen, answer=_unforeseen), *([local_only] if local else [])],
        exception_handlers={
            HttpError: _answer_error,
            HTTPException: _answer_http_exception,
            ClientDisconnect: _answer_disconnect,
        },
    )
    app.router.redirect_slashes = False  # a redirect has no google.rpc.Status
    return app


def _unforeseen(_: Scope, error: HttpError) -> Response:
    return _error_response(error)


def _method_of(request: Request) -> Method:
    """Returns the method that the path names; raises HttpError if there is none or if it streams."""
    service, name = request.path_params["service"], request.path_params["method"]
    method = contract().methods.get((service, name))
    if method is None:
        got = f"{service}/{name}"[:NAME_LIMIT_CHARACTERS]
        want = f"{nearest_method(service, name)}, or another method of /v1/openapi.json"
        raise refusal(grpc.StatusCode.NOT_FOUND, "UNKNOWN_METHOD", f"method: got {got!r}, want {want}")
    if method.streams:
        message = f"{service}/{name} streams messages, which HTTP/JSON does not offer; call it over gRPC"
        raise refusal(grpc.StatusCode.UNIMPLEMENTED, "STREAMING_METHOD", message)
    return method


def _check_content_type(headers: Mapping[str, str]) -> None:
    """Raises HttpError unless the body is JSON in UTF-8, without compression.

    The content type is required for empty bodies too, because pages of other sites may send other types unasked.
    """
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != JSON or charset not in {"", "charset=utf-8", "charset=utf8"}:
        got = headers.get("content-type", "nothing")[:80]
        _refuse_media(f"content-type: got {got!r}, want {JSON} in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        _refuse_media(f"content-encoding: got {headers['content-encoding'][:80]!r}, want a body without compression")


def _refuse_media(message: str) -> None:
    raise refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE", message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    )


def _timeout_of(headers: Mapping[str, str]) -> float:
    """Returns the seconds that a call may last; raises HttpError for a header that is malformed or too short."""
    text = headers.get("grpc-timeout")
    if text is None:
        return DEADLINE_SECONDS
    stated = _TIMEOUT.fullmatch(text)
    if stated is None:
        raise _bad_header("grpc-timeout", "digits and a unit, such as 10S or 500m")
    found = min(int(stated[1]) * _UNIT_SECONDS[stated[2]], DEADLINE_SECONDS)
    if found < SHORTEST_SECONDS:
        message = f"header grpc-timeout: got {text}, in which no call ends"
        raise refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message)
    return found


def _metadata_of(headers: Headers) -> tuple[tuple[str, str], ...]:
    passed = tuple((name, text) for name in PASSED_HEADERS for text in headers.getlist(name))
    for name, text in passed:
        if len(headers.getlist(name)) > 1:  # a proxy may have examined another one
            raise _bad_header(name, "one value")
        if not _PRINTABLE.fullmatch(text):
            raise _bad_header(name, "printable ASCII characters")
    return passed


def _caller_of(request: Request) -> str:
    """Returns the name of the caller's connection, by which the gRPC server limits its calls."""
    return f"{request.client.host}:{request.client.port}" if request.client else "unknown"


def _bad_header(name: str, want: str) -> HttpError:
    return refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_HEADER", f"header {name}: want {want}")


def _echo(headers: Mapping[str, str]) -> dict[str, str]:
    found = headers.get("x-request-id")
    return {"cache-control": "no-store", **({"x-request-id": found} if found else {})}


def _read(kind: type[Message], body: bytes) -> bytes:
    """Returns the serialised message in a body; raises HttpError if it is not one."""
    try:
        return read_message(kind, read_object(body)).SerializeToString()
    except MalformedJson as error:
        raise refusal(grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_JSON", str(error)) from None
    except InvalidInput as error:
        raise HttpError(status_of(error)[1]) from None


def _write(kind: type[Message], content: bytes) -> bytes:
    return _json(answer_of(kind.FromString(content)))


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


async def _until_disconnected(request: Request, call: Awaitable[bytes]) -> bytes:
    """Returns the answer to a call; cancels it if the caller disconnects. Raises HttpError for an error."""
    answered, left = asyncio.ensure_future(_answered(call)), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({answered, left}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ClientDisconnect
        return answered.result()
    finally:
        left.cancel()
        answered.cancel()


async def _answered(call: Awaitable[bytes]) -> bytes:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise of_call(error) from None


async def _openapi(_: Request) -> Response:
    return Response(_openapi_bytes(), media_type=JSON)


@cache
def _openapi_bytes() -> bytes:
    return _json(openapi_document())


async def _descriptors(_: Request) -> Response:
    return Response(descriptor_set(), media_type="application/x-protobuf")


def _error_response(error: HttpError) -> Response:
    headers = {"cache-control": "no-store", **headers_of(error)}
    return Response(_json(document_of(error)), error.http_status, headers, JSON)


async def _answer_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)  # noqa: S101 - registered for this class
    return _error_response(error)


async def _answer_http_exception(_: Request, error: Exception) -> Response:
    """Answers an unknown path or a wrong HTTP method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "methods are called by POST, and /v1/openapi.json is read by GET"
        refused = refusal(grpc.StatusCode.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", message, error.status_code)
    else:
        message = "got an unknown path, want /v1/{Service}/{Method} or /v1/openapi.json"
        refused = refusal(grpc.StatusCode.NOT_FOUND, "UNKNOWN_PATH", message, error.status_code)
    refused.headers.update(error.headers or {})
    return _error_response(refused)


async def _answer_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)
