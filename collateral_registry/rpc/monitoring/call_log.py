"""The interceptor that measures every call, binds its request id, and logs it in one line when it ends."""

from __future__ import annotations

import re
import secrets
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from time import monotonic, perf_counter
from typing import Any

import grpc
from google.protobuf import descriptor_pool

from collateral_registry.logs import CALL, NO_PRINCIPAL, CallRecord, logger
from collateral_registry.metrics import CALL_SECONDS, CALLS_HANDLED, CALLS_STARTED
from collateral_registry.rpc.common.interceptors import (
    REQUEST_ID,
    TRACE_PARENT,
    StreamHandler,
    UnaryHandler,
    returned_metadata,
    wrap_handler,
)
from collateral_registry.rpc.common.method_classes import METHOD_CLASSES, READING_METHODS

LOG = logger("calls")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:+=/-]{1,128}")
_TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

UNKNOWN = "unknown"
"""Label of the methods that the server does not have."""

UNIDENTIFIED_LINES = 100
"""Lines in a minute about calls that were refused before their caller was identified; others are counted in one."""

_SERVER_ERRORS = frozenset({"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_LOGGED_ELSEWHERE = frozenset({"OK", "UNAUTHENTICATED", *_SERVER_ERRORS})
"""Codes of calls without an identified caller whose lines have other bounds: samples, guesses, and real failures."""

_ENDED_BY_CALLER = frozenset({"OK", "CANCELLED"})


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Measures every call, binds its request id and trace to the log, and logs it when it ends.

    Of successful calls that record nothing, one of ``reads_every`` is logged, chosen at random; none if it is 0.
    """

    def __init__(self, reads_every: int) -> None:
        self._sample = _Sample(reads_every)
        self._unidentified = _Unidentified()
        self._methods: dict[str, _Method] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, wrapped so that the call is measured and logged."""
        # The handler runs in the same task, and so does every further interceptor.
        CALL.set(_record_of(handler_call_details.invocation_metadata))
        handler, path = await continuation(handler_call_details), handler_call_details.method
        if handler is None:
            self._count_unknown()
            return None  # grpc answers UNIMPLEMENTED
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = _Method(path, handler, self._sample, self._unidentified)
        return method.wrapped(handler)

    def _count_unknown(self) -> None:
        """Counts and logs a call of a method that the server does not have, without the name that the caller chose."""
        labels = ("unary", UNKNOWN, UNKNOWN)
        CALLS_STARTED.labels(*labels).inc()
        CALLS_HANDLED.labels(*labels, grpc.StatusCode.UNIMPLEMENTED.name).inc()
        if self._unidentified.includes_next(monotonic()):
            LOG.warning("call", method=UNKNOWN, code=grpc.StatusCode.UNIMPLEMENTED.name)


class _Unidentified:
    """The first lines of each minute about callers without an identity, who must not be able to fill the log."""

    def __init__(self) -> None:
        self._minute, self._calls = 0, 0

    def includes_next(self, now: float) -> bool:
        """Returns whether the next call is logged; first logs how many were not in a minute that is over."""
        if self._minute != now // 60:
            if self._calls > UNIDENTIFIED_LINES:
                LOG.warning("refused calls were not logged", calls=self._calls - UNIDENTIFIED_LINES)
            self._minute, self._calls = int(now // 60), 0
        self._calls += 1
        return self._calls <= UNIDENTIFIED_LINES


class _Sample:
    """A random sample: one of ``every`` calls on average, none if it is 0."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._left = 0

    def includes_next(self) -> bool:
        """Returns whether the next call is in the sample."""
        self._left -= 1
        if self._left > 0 or not self._every:
            return False
        # The distance is drawn, because a fixed one would miss a method that is called in step with it.
        self._left = 1 + secrets.randbelow(2 * self._every - 1)
        return True


class _Method:
    """A method with its series. Labels are looked up once, because that costs as much as counting."""

    def __init__(
        self, path: str, handler: grpc.RpcMethodHandler[Any, Any], sample: _Sample, unidentified: _Unidentified
    ) -> None:
        service, _, name = path.removeprefix("/").rpartition("/")
        self.path = f"{service}/{name}"
        self._labels = (_type_of(self.path, handler), service, name)
        self._started = CALLS_STARTED.labels(*self._labels)
        self._seconds = CALL_SECONDS.labels(*self._labels)
        self._handled: dict[str, Any] = {}
        self._handler: grpc.RpcMethodHandler[Any, Any] | None = None
        self._is_read = name in READING_METHODS or name not in METHOD_CLASSES  # the latter: health, reflection
        self._sample, self._unidentified = sample, unidentified

    def wrapped(self, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler, measured and logged; it is wrapped once, because nearly all calls have the same one."""
        if handler is not self._handler:
            self._handler, self._wrapped = handler, wrap_handler(handler, self._unary, self._stream)
        return self._wrapped

    def _unary(self, behaviour: UnaryHandler) -> UnaryHandler:
        """Returns the function of a method with one response, measured and logged."""

        async def call(request: object, context: grpc.aio.ServicerContext) -> object:
            start, code = perf_counter(), ""
            record = self._begin(context)
            try:
                answer = await behaviour(request, context)
            except BaseException as error:
                code = _code_of(error, context)
                raise
            finally:
                self._end(record, code or "OK", perf_counter() - start, context.peer)
            return answer

        return call

    def _stream(self, behaviour: StreamHandler) -> StreamHandler:
        """Returns the function of a method that streams responses, measured and logged."""

        async def call(request: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            start, code = perf_counter(), ""
            record = self._begin(context)
            peer = context.peer()
            try:
                async for answer in behaviour(request, context):
                    yield answer
            except GeneratorExit:
                code = "CANCELLED"  # between two answers; gRPC has released the call, so its context must not be used
                raise
            except BaseException as error:
                code = _code_of(error, context)
                raise
            finally:
                self._end(record, code or "OK", perf_counter() - start, lambda: peer)

        return call

    def _begin(self, context: grpc.aio.ServicerContext) -> CallRecord:
        self._started.inc()
        record = CALL.get() or CallRecord()
        if record.stated_id or record.trace:  # otherwise only errors return an id, because most calls do not need one
            context.set_trailing_metadata(returned_metadata(record))
        return record

    def _end(self, record: CallRecord, code: str, seconds: float, peer: Callable[[], str]) -> None:
        handled = self._handled.get(code)
        if handled is None:
            handled = self._handled[code] = CALLS_HANDLED.labels(*self._labels, code)
        handled.inc()
        self._seconds.observe(seconds)
        if not record.is_logged or (code == "OK" and self._is_read and not self._sample.includes_next()):
            return
        is_bounded = record.principal == NO_PRINCIPAL and code not in _LOGGED_ELSEWHERE
        if is_bounded and not self._unidentified.includes_next(monotonic()):
            return
        write = LOG.info if code in _ENDED_BY_CALLER else LOG.error if code in _SERVER_ERRORS else LOG.warning
        more = {name: text for name in ("reason", "cause", "reference") if (text := getattr(record, name))}
        write(
            "call",
            method=self.path,
            code=code,
            ms=round(seconds * 1e3, 2),
            principal=record.principal,
            peer=peer(),
            **more,
        )


def _record_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> CallRecord:
    """Returns the record of a new call with the request id and the trace of its metadata, if they are well-formed."""
    record = CallRecord()
    for name, value in metadata or ():
        if name == REQUEST_ID and _REQUEST_ID.fullmatch(str(value)):
            record.stated_id = str(value)
        elif name == TRACE_PARENT and _TRACE_PARENT.fullmatch(str(value)):
            record.trace = str(value)
    return record


def _code_of(error: BaseException, context: grpc.aio.ServicerContext) -> str:
    """Returns the name of the status with which a call ends by an error."""
    if isinstance(error, grpc.aio.AbortError):
        return str(context.code().name)
    if isinstance(error, CancelledError):
        ended = context.code()
        if isinstance(ended, grpc.StatusCode) and ended is not grpc.StatusCode.OK:
            return str(ended.name)  # the caller has received the error and left before the call had ended
        left = context.time_remaining()
        return "DEADLINE_EXCEEDED" if left is not None and left <= 0 else "CANCELLED"
    return "UNKNOWN"  # as grpc answers


def _type_of(path: str, handler: grpc.RpcMethodHandler[Any, Any]) -> str:
    """Returns the type of a method in the contract, which admission replaces in the handler; the handler's without."""
    receives, answers = handler.request_streaming, handler.response_streaming
    with suppress(KeyError):  # a method that is no part of a contract
        described = descriptor_pool.Default().FindMethodByName(path.replace("/", "."))
        receives, answers = described.client_streaming, described.server_streaming
    if receives:
        return "bidi_stream" if answers else "client_stream"
    return "server_stream" if answers else "unary"
