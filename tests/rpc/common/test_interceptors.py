"""Errors that no command may raise, and messages that cannot be read, over every kind of call."""

import asyncio
import json
import pickle
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.rpc.common.errors import status_of
from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.v1 import loan_pb2
from collateral_registry.web.gateway.app import gateway_app
from tests.support.server import details_of

SECRET = "UPDATE loan SET borrower = 'Acme'"
KINDS = [(one, other) for one in ("unary", "stream") for other in ("unary", "stream")]


async def answer_to_one(request, context) -> loan_pb2.Loan:
    borrower = f"a value of a local variable of {context} and {request}"
    raise RuntimeError(SECRET if borrower else "")


async def answers_to_one(request, context) -> AsyncIterator[loan_pb2.Loan]:
    yield loan_pb2.Loan()
    await answer_to_one(request, context)


async def answer_to_many(requests, context) -> loan_pb2.Loan:
    async for request in requests:
        await answer_to_one(request, context)
    return loan_pb2.Loan()


async def answers_to_many(requests, context) -> AsyncIterator[loan_pb2.Loan]:
    async for request in requests:
        await answer_to_one(request, context)
        yield loan_pb2.Loan()


FUNCTIONS = dict(zip(KINDS, (answer_to_one, answers_to_one, answer_to_many, answers_to_many), strict=True))


def broken_service() -> Any:
    """Returns a service whose every method fails; methods are named by their kind."""
    make = {kind: getattr(grpc, f"{kind[0]}_{kind[1]}_rpc_method_handler") for kind in KINDS}
    read, write = loan_pb2.GetLoanRequest.FromString, loan_pb2.Loan.SerializeToString
    handlers = {"-".join(kind): make[kind](FUNCTIONS[kind], read, write) for kind in KINDS}
    return grpc.method_handlers_generic_handler("broken", handlers)


def failure(kind: tuple[str, str], data: bytes = b"") -> tuple[grpc.RpcError, list[Any]]:
    """Returns the error of a call to the broken service, and what it logged."""

    async def call() -> grpc.RpcError:
        server = grpc.aio.server(interceptors=[ErrorInterceptor()])
        server.add_generic_rpc_handlers((broken_service(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            method = getattr(channel, f"{kind[0]}_{kind[1]}")(f"/broken/{kind[0]}-{kind[1]}")
            started = method(data if kind[0] == "unary" else iter([data]))
            try:
                async for _ in started if kind[1] == "stream" else _one(started):
                    pass
            except grpc.RpcError as error:
                return error
            finally:
                await server.stop(None)
        raise AssertionError("the call succeeded")

    with capture_logs() as logged:
        return asyncio.run(call()), logged


async def _one(started) -> AsyncIterator[bytes]:
    yield await started


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_an_unforeseen_error_is_answered_with_a_reference_and_logged_once_in_full(kind):
    error, logged = failure(kind)
    info, _ = details_of(error)
    reference = info.metadata["reference"]

    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == f"internal error, reference {reference}: report it with this reference"
    assert "loan" not in repr(dict(error.trailing_metadata()))
    (entry,) = logged
    assert (entry["reference"], entry["method"]) == (reference, "/broken/" + "-".join(kind))
    assert SECRET in entry["exception"]
    assert "Traceback" in entry["exception"]
    assert "a value of a local variable" not in entry["exception"]


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("data", [b"\xff\xff", b"\x0a\x03\xed\xa0\x80", b"\x0a\x09short"], ids=repr)
def test_a_message_that_cannot_be_read_is_refused(kind, data):
    error, logged = failure(kind, data)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details_of(error)[1] == ["request"]
    assert not logged


def test_an_unforeseen_error_of_the_gateway_is_answered_with_a_reference():
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/LoanService/GetLoan",
        "headers": headers,
        "query_string": b"",
    }
    with capture_logs() as logged:
        asyncio.run(gateway_app(None, 1000)(scope, receive, send))  # there is no channel

    start, body = sent
    answer = json.loads(body["body"])["error"]
    (entry,) = logged
    assert (start["status"], answer["status"]) == (500, "INTERNAL")
    assert answer["message"] == f"internal error, reference {entry['reference']}: report it with this reference"
    assert "NoneType" in entry["exception"]


def test_the_cause_of_an_unavailable_database_is_for_the_operator_only():
    error = StoreUnavailable("the database cannot be used now", "no connection to 10.0.0.7, user registry")
    passed = pickle.loads(pickle.dumps(error))  # noqa: S301 - as between the processes of the service

    for one in (error, passed, error.at("requests[3]")):
        _, status = status_of(one)
        assert status.message == "the database cannot be used now"
        assert "10.0.0.7" not in repr(status)
        assert "10.0.0.7" in str(one)
