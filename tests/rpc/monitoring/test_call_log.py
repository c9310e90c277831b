"""Every call is measured, has a request id in all its log lines, and is logged in one line when it ends."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.monitoring.call_log import UNIDENTIFIED_LINES, CallInterceptor, _Sample, _Unidentified
from collateral_registry.v1 import breach_pb2, loan_pb2
from tests.support.http import get_text
from tests.support.postgres import wait_until
from tests.support.server import Client, Server, connected, details_of, free_port

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Client, str]]:
    """A server that logs no successful reads, its client, and the address of its metrics."""
    address = f"127.0.0.1:{free_port()}"
    url = f"sqlite:///{tmp_path_factory.mktemp('observed') / 'book.db'}"
    environment = {"COLLATERAL_LOG_READS_EVERY": "0", "COLLATERAL_LOG_LEVEL": "info"}
    server = Server(url, environment=environment, options=["--metrics-address", address]).start()
    with connected(server) as client:
        client.register_loan()
        yield server, client, address
    server.stop()


def lines_of(server: Server, request_id: str) -> list[dict[str, object]]:
    """Returns the log lines with a request id."""
    lines = [json.loads(line) for line in server.said.splitlines()]
    return [line for line in lines if line.get("request_id") == request_id]


def test_every_line_of_the_log_is_a_json_object_with_time_level_and_event(observed):
    server, _, _ = observed
    for line in server.said.splitlines():
        assert list(json.loads(line))[:3] == ["timestamp", "level", "event"]


def test_a_change_is_logged_in_one_line_and_a_successful_read_is_not(observed):
    server, client, _ = observed
    client.loans.GetLoan(loan_pb2.GetLoanRequest(name="loans/loan-1"), metadata=[("x-request-id", "read-1")])
    change = loan_pb2.UpdateBalancesRequest()
    with pytest.raises(grpc.RpcError):
        client.loans.UpdateBalances(change, metadata=[("x-request-id", "failed-1")])
    wait_until(lambda: lines_of(server, "failed-1"))

    assert lines_of(server, "read-1") == []
    (line,) = lines_of(server, "failed-1")
    assert line["event"] == "call"
    assert line["method"] == "collateral_registry.v1.LoanService/UpdateBalances"
    assert line["code"] == "INVALID_ARGUMENT"
    assert line["principal"] == "local-owner"
    assert str(line["peer"]).startswith("ipv4:127.0.0.1:")
    assert isinstance(line["ms"], float)


def metadata_of(client: Client, name: str, *sent: tuple[str, str]) -> dict[str, str | bytes]:
    """Returns the metadata with which a read ends."""
    call = client.loans.GetLoan.with_call
    try:
        return dict(call(loan_pb2.GetLoanRequest(name=name), metadata=sent)[1].trailing_metadata())
    except grpc.RpcError as error:
        return dict(error.trailing_metadata())


@pytest.mark.parametrize("name", ["loans/loan-1", "loans/missing"])
def test_a_request_id_and_a_trace_are_returned_with_success_and_with_an_error(observed, name):
    found = metadata_of(observed[1], name, ("x-request-id", "mine/1"), ("traceparent", TRACE))

    assert (found["x-request-id"], found["traceparent"]) == ("mine/1", TRACE)


@pytest.mark.parametrize("sent", ["", "a b", 'x"}', "x" * 129, "x;y"])
def test_a_request_id_that_is_missing_or_malformed_is_replaced_by_another_each_time(observed, sent):
    first, second = (metadata_of(observed[1], "loans/missing", ("x-request-id", sent)) for _ in range(2))

    assert re.fullmatch(r"[0-9a-f]{18}", first["x-request-id"])
    assert first["x-request-id"] != second["x-request-id"]


@pytest.mark.parametrize("sent", ["", "00-0-0-01", TRACE.replace("00-", "ff-"), TRACE.upper(), TRACE + "-x"])
def test_a_malformed_trace_is_neither_returned_nor_logged(observed, sent):
    assert "traceparent" not in metadata_of(observed[1], "loans/loan-1", ("traceparent", sent))


async def fail(*_: object) -> None:
    raise RuntimeError("unforeseen")


async def fail_later(*_: object) -> AsyncIterator[bytes]:
    yield b""
    raise RuntimeError("unforeseen")


async def read_all(started) -> None:
    async for _ in started:
        pass


@pytest.mark.parametrize("method", ["unary", "stream"])
def test_the_reference_of_an_unforeseen_error_is_in_the_line_of_its_call(method):
    async def call() -> grpc.RpcError:
        server = grpc.aio.server(interceptors=[CallInterceptor(0), ErrorInterceptor()])
        handlers = {
            "unary": grpc.unary_unary_rpc_method_handler(fail),
            "stream": grpc.unary_stream_rpc_method_handler(fail_later),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("broken", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            started = getattr(channel, f"unary_{method}")(f"/broken/{method}")(b"")
            with pytest.raises(grpc.RpcError) as failed:
                await (read_all(started) if method == "stream" else started)
        await server.stop(None)
        return failed.value

    with capture_logs() as logged:
        error = asyncio.run(call())

    cause, line = logged
    assert line["event"] == "call"
    assert line["reference"] == cause["reference"] == details_of(error)[0].metadata["reference"]
    assert (line["code"], line["log_level"]) == ("INTERNAL", "error")


def test_calls_are_counted_by_method_and_code_and_unknown_methods_together(observed):
    _, client, address = observed
    before = handled(address)
    client.loan()
    for name in ("missing-1", "missing-2"):
        with pytest.raises(grpc.RpcError):
            client.loan(name)
    for path in ("/a.B/C", "/collateral_registry.v1.LoanService/Nothing"):
        with pytest.raises(grpc.RpcError):
            client.channel.unary_unary(path)(b"")
    after = handled(address)

    added = {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}
    service = "collateral_registry.v1.LoanService"
    assert added == {
        (service, "GetLoan", "OK"): 1,
        (service, "GetLoan", "NOT_FOUND"): 2,
        ("unknown", "unknown", "UNIMPLEMENTED"): 2,
    }


def test_callers_without_an_identity_cannot_fill_the_log():
    lines = _Unidentified()
    with capture_logs() as logged:
        included = [lines.includes_next(60.0 + number / 100) for number in range(500)]
        assert (sum(included), logged) == (UNIDENTIFIED_LINES, [])
        assert lines.includes_next(121.0)

    assert [line["calls"] for line in logged] == [400]


def handled(address: str) -> dict[tuple[str, ...], float]:
    """Returns the number of calls of services of the contract and unknown ones, by service, method and code."""
    labels = ("grpc_service", "grpc_method", "grpc_code")
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for family in text_string_to_metric_families(get_text(address, "/metrics")[2])
        for sample in family.samples
        if sample.name == "grpc_server_handled_total" and not sample.labels["grpc_service"].startswith("grpc.")
    }


def test_scrapes_during_load_parse(observed):
    _, client, address = observed
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(client.loan) for _ in range(200)]
        scraped = [get_text(address, "/metrics")[2] for _ in range(5)]
        for call in calls:
            call.result()

    for text in scraped:
        assert list(text_string_to_metric_families(text))


@pytest.mark.parametrize("every", [1, 2, 10])
def test_a_sample_includes_one_of_so_many_calls_on_average(every):
    sample = _Sample(every)
    found = sum(sample.includes_next() for _ in range(20_000))

    assert abs(found - 20_000 / every) < 600


def test_a_sample_of_none_is_empty():
    sample = _Sample(0)

    assert not any(sample.includes_next() for _ in range(1_000))


@pytest.mark.slow
def test_streams_that_their_callers_cancel_are_logged_as_cancelled(observed):
    server, client, _ = observed
    for number in range(20):
        stream = client.breaches.WatchBreaches(
            breach_pb2.WatchBreachesRequest(), metadata=[("x-request-id", f"cancelled-{number}")]
        )
        next(stream)
        stream.cancel()

    for number in range(20):
        request_id = f"cancelled-{number}"
        wait_until(partial(lines_of, server, request_id))
        (line,) = lines_of(server, request_id)
        assert (line["code"], line["level"]) == ("CANCELLED", "info")
        assert str(line["peer"]).startswith("ipv4:127.0.0.1:")
