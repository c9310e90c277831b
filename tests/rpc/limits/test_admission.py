"""Calls are admitted within the limits of their class and caller, on a server in this process."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from weakref import WeakSet

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.limits.admission import AdmissionInterceptor
from collateral_registry.rpc.limits.numbers import CallLimits
from collateral_registry.v1 import loan_pb2
from tests.support.server import details_of

LIMITS = CallLimits(
    concurrent_calls_limit=8,
    model_calls_limit=2,
    whole_book_calls_limit=1,
    streams_limit=3,
    connection_streams_limit=2,
    connection_tokens_per_second=1_000.0,
    connection_tokens_burst=10_000.0,
    message_limit_bytes=1024 * 1024,
    received_bytes_limit=1024 * 1024,
    message_seconds=0.6,
    read_seconds=0.6,
    write_seconds=30.0,
    model_seconds=30.0,
    whole_book_seconds=30.0,
)
REFUSAL_SECONDS = 0.05
READ, WRITE, MODEL, WHOLE_BOOK, UPLOAD, WATCH, PUSH, REPORT = (
    "GetLoan",
    "UpdateLoan",
    "ForecastPrice",
    "GenerateLtvReport",
    "FitEquipmentModel",
    "WatchBreaches",
    "PushStock",
    "StreamLtvReport",
)


class Batch:
    """A message of a stream."""


class Service:
    """A service whose calls wait until ``go`` is set; ``started`` counts those that were admitted.

    ``batches`` are the messages of streams that are in memory.
    """

    def __init__(self) -> None:
        self.go, self.started = asyncio.Event(), 0
        self.batches: WeakSet[Batch] = WeakSet()

    async def one(self, request, _) -> loan_pb2.Loan:
        self.started += 1
        await self.go.wait()
        return loan_pb2.Loan(name=request.name)

    async def upload(self, requests, _) -> loan_pb2.Loan:
        async for _ in requests:
            self.started += 1
        return loan_pb2.Loan()

    async def watch(self, _, __) -> AsyncIterator[loan_pb2.Loan]:
        yield loan_pb2.Loan()
        await self.go.wait()

    async def push(self, requests, _) -> AsyncIterator[loan_pb2.Loan]:
        async for request in requests:
            del request
            yield loan_pb2.Loan()

    def read_batch(self, _) -> Batch:
        batch = Batch()
        self.batches.add(batch)
        return batch

    def handlers(self):
        read, write = loan_pb2.GetLoanRequest.FromString, loan_pb2.Loan.SerializeToString
        unary = {
            name: grpc.unary_unary_rpc_method_handler(self.one, read, write)
            for name in (READ, WRITE, MODEL, WHOLE_BOOK)
        }
        return grpc.method_handlers_generic_handler(
            "s",
            {
                **unary,
                "Check": grpc.unary_unary_rpc_method_handler(self.one, read, write),
                "Unheard": grpc.unary_unary_rpc_method_handler(self.one, read, write),
                UPLOAD: grpc.stream_unary_rpc_method_handler(self.upload, read, write),
                WATCH: grpc.unary_stream_rpc_method_handler(self.watch, read, write),
                REPORT: grpc.unary_stream_rpc_method_handler(self.watch, read, write),
                PUSH: grpc.stream_stream_rpc_method_handler(self.push, self.read_batch, write),
                "Watch": grpc.unary_stream_rpc_method_handler(self.watch, read, write),
            },
        )


class Calls:
    """Calls of the service on one connection."""

    def __init__(self, service: Service, channel: grpc.aio.Channel, address: str) -> None:
        self.service, self.channel, self.address = service, channel, address

    def start(self, name: str, size: int = 0):
        """Starts a call with a request of some bytes."""
        request = loan_pb2.GetLoanRequest(name="x" * size).SerializeToString()
        return self.channel.unary_unary(f"/s/{name}")(request)

    async def running(self, name: str, count: int) -> list[grpc.aio.StreamUnaryCall[bytes, bytes]]:
        """Starts calls and waits until they are in progress."""
        before = self.service.started
        calls = [self.start(name) for _ in range(count)]
        while self.service.started < before + count:
            await asyncio.sleep(0.01)
        return calls

    def silent(self, name: str, count: int = 1) -> list[grpc.aio.StreamUnaryCall[bytes, bytes]]:
        """Starts calls that send no request."""
        return [self.channel.stream_unary(f"/s/{name}")() for _ in range(count)]

    async def refusal(self, name: str, size: int = 0) -> grpc.aio.AioRpcError:
        return await failure(self.start(name, size))


async def failure(call) -> grpc.aio.AioRpcError:
    """Returns the error with which a call ends."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call succeeded")


def retry_seconds(error: grpc.aio.AioRpcError) -> float:
    """Returns the time after which an error invites to try again; 0 if it does not."""
    retry = RetryInfo()
    status = rpc_status.from_call(error)
    return retry.retry_delay.ToTimedelta().total_seconds() if any(one.Unpack(retry) for one in status.details) else 0


def served(test, limits: CallLimits = LIMITS):
    """Runs a test with the calls of one connection to a server."""

    async def run() -> None:
        server = grpc.aio.server(interceptors=[AdmissionInterceptor(limits), ErrorInterceptor()])
        service = Service()
        server.add_generic_rpc_handlers((service.handlers(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await test(Calls(service, channel, f"127.0.0.1:{port}"))
        await server.stop(None)

    asyncio.run(run())


def assert_refused(error: grpc.aio.AioRpcError, reason: str, setting: str) -> None:
    info, _ = details_of(error)
    assert (error.code(), info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
    assert info.metadata["limit"] == setting
    assert error.details().startswith(f"{setting}: ")
    assert retry_seconds(error) > 0


@pytest.mark.parametrize(
    ("name", "places", "setting"),
    [
        (READ, 6, "concurrent_calls_limit"),
        (WRITE, 4, "concurrent_calls_limit"),
        (MODEL, 2, "model_calls_limit"),
        (WHOLE_BOOK, 1, "whole_book_calls_limit"),
    ],
)
def test_a_class_has_its_places_and_further_calls_are_refused_at_once(name, places, setting):
    async def test(calls: Calls) -> None:
        running = await calls.running(name, places)
        start = time.monotonic()
        refused = await calls.refusal(name)
        took = time.monotonic() - start
        calls.service.go.set()
        await asyncio.gather(*running, calls.start(name))

        assert_refused(refused, "TOO_MANY_CALLS", setting)
        assert took < REFUSAL_SECONDS

    served(test, replace(LIMITS, read_seconds=30.0))


def test_places_are_reserved_for_health_and_reads():
    async def test(calls: Calls) -> None:
        running = await calls.running(WRITE, 4)
        reading = await calls.running(READ, 4)
        assert_refused(await calls.refusal(READ), "TOO_MANY_CALLS", "concurrent_calls_limit")
        checks = await calls.running("Check", 1)
        calls.service.go.set()
        await asyncio.gather(*running, *reading, *checks)

    served(test, replace(LIMITS, read_seconds=30.0))


def test_watches_of_health_take_no_place_of_other_streams():
    async def test(calls: Calls) -> None:
        watches = [calls.channel.unary_stream("/s/Watch")(b"") for _ in range(2)]
        for watch in [*watches, calls.channel.unary_stream(f"/s/{WATCH}")(b"")]:
            assert await watch.read() == b""
        calls.service.go.set()

    served(test, replace(LIMITS, streams_limit=1, connection_streams_limit=3))


def test_a_silent_call_gives_its_place_to_another():
    async def test(calls: Calls) -> None:
        silent = [asyncio.ensure_future(failure(call)) for call in calls.silent(MODEL, 2)]
        await asyncio.sleep(0.3)
        running = await calls.running(MODEL, 1)
        ((ended,), waiting) = await asyncio.wait(silent, return_when=asyncio.FIRST_COMPLETED)
        calls.service.go.set()
        await running[0]

        assert_refused(ended.result(), "TOO_MANY_CALLS", "model_calls_limit")
        assert len(waiting) == 1

    served(test, replace(LIMITS, message_seconds=30.0))


def test_a_request_must_arrive_in_time():
    async def test(calls: Calls) -> None:
        (silent,) = calls.silent(READ)
        error = await failure(silent)

        assert (error.code(), details_of(error)[0].metadata["limit"]) == (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "message_seconds",
        )

    served(test)


def test_the_messages_of_an_upload_must_follow_each_other():
    async def test(calls: Calls) -> None:
        call = calls.channel.stream_unary(f"/s/{UPLOAD}")()
        for _ in range(3):
            await call.write(loan_pb2.GetLoanRequest(name="x").SerializeToString())
            await asyncio.sleep(0.3)
        error = await failure(call)

        assert calls.service.started == 3
        assert details_of(error)[0].metadata["limit"] == "message_seconds"

    served(test)


def test_a_call_ends_at_the_time_limit_of_its_class():
    async def test(calls: Calls) -> None:
        error = await calls.refusal(READ)

        assert (error.code(), details_of(error)[0].metadata["limit"]) == (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "read_seconds",
        )
        assert "6" in error.details()

    served(test)


def test_a_watch_has_no_time_limit_and_a_caller_has_a_number_of_streams():
    async def test(calls: Calls) -> None:
        watches = [calls.channel.unary_stream(f"/s/{WATCH}")(b"") for _ in range(2)]
        for watch in watches:
            await watch.read()
        third = await failure(calls.channel.unary_stream(f"/s/{WATCH}")(b"").read())
        async with grpc.aio.insecure_channel(calls.address, [("grpc.use_local_subchannel_pool", 1)]) as other:
            watches += [other.unary_stream(f"/s/{WATCH}")(b"")]
            await watches[2].read()
            fourth = await failure(other.unary_stream(f"/s/{WATCH}")(b"").read())
            await asyncio.sleep(1)
            calls.service.go.set()
            ends = [isinstance(await watch.read(), loan_pb2.Loan | bytes) for watch in watches]

        assert_refused(third, "TOO_MANY_STREAMS", "connection_streams_limit")
        assert_refused(fourth, "TOO_MANY_STREAMS", "streams_limit")
        assert not any(ends)

    served(test)


def test_a_request_larger_than_its_method_needs_is_invalid():
    async def test(calls: Calls) -> None:
        calls.service.go.set()
        error = await calls.refusal(READ, 300 * 1024)

        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "at most 262144 bytes" in error.details()
        await calls.start(MODEL, 300 * 1024)

    served(test)


def test_the_requests_in_progress_have_a_limit_of_bytes():
    async def test(calls: Calls) -> None:
        running = [calls.start(MODEL, 800 * 1024)]
        while not calls.service.started:
            await asyncio.sleep(0.01)
        refused = await calls.refusal(MODEL, 800 * 1024)
        calls.service.go.set()
        await asyncio.gather(*running)
        await calls.start(MODEL, 800 * 1024)

        assert_refused(refused, "TOO_MANY_BYTES", "received_bytes_limit")

    served(test)


def test_a_message_of_an_upload_counts_until_the_next_one_is_awaited():
    async def test(calls: Calls) -> None:
        upload = calls.channel.stream_unary(f"/s/{UPLOAD}")()
        for _ in range(3):
            await upload.write(loan_pb2.GetLoanRequest(name="x" * 800 * 1024).SerializeToString())
        async with asyncio.timeout(10):
            while calls.service.started < 3:
                await asyncio.sleep(0.01)
        calls.service.go.set()
        await calls.start(MODEL, 800 * 1024)
        await upload.done_writing()
        assert await upload == b""

    served(test, replace(LIMITS, message_seconds=30.0))


def test_an_idle_stream_neither_keeps_nor_counts_its_last_message():
    async def test(calls: Calls) -> None:
        push = calls.channel.stream_stream(f"/s/{PUSH}")()
        for _ in range(2):
            await push.write(b"x" * 800 * 1024)
            await push.read()
        await asyncio.sleep(0.1)
        calls.service.go.set()
        await calls.start(MODEL, 800 * 1024)

        assert len(calls.service.batches) == 0

    served(test)


def test_the_request_of_a_watch_counts_until_its_first_response():
    async def test(calls: Calls) -> None:
        watch = calls.channel.unary_stream(f"/s/{WATCH}")(
            loan_pb2.GetLoanRequest(name="x" * 200 * 1024).SerializeToString()
        )
        await watch.read()
        calls.service.go.set()
        await calls.start(READ, 200 * 1024)

    served(test, replace(LIMITS, received_bytes_limit=300 * 1024))


def test_a_health_check_is_answered_whatever_the_requests_in_progress_take():
    async def test(calls: Calls) -> None:
        running = [calls.start(MODEL, 800 * 1024)]
        while not calls.service.started:
            await asyncio.sleep(0.01)
        check = calls.start("Check", 100)
        calls.service.go.set()
        await asyncio.gather(check, *running)
        assert (await calls.refusal("Check", 2_000)).code() is grpc.StatusCode.INVALID_ARGUMENT

    served(test, replace(LIMITS, received_bytes_limit=800 * 1024))


def test_a_stream_that_is_overdue_after_its_first_response_costs_no_more_than_another():
    async def test(calls: Calls) -> None:
        report = calls.channel.unary_stream(f"/s/{REPORT}")(b"")
        await report.read()
        assert (await failure(report.read())).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        calls.service.go.set()
        await calls.start(WHOLE_BOOK)

    served(
        test,
        replace(LIMITS, whole_book_seconds=0.3, connection_tokens_burst=500.0, connection_tokens_per_second=1.0),
    )


def test_a_caller_has_a_budget_that_costly_calls_use_up_sooner():
    async def test(calls: Calls) -> None:
        calls.service.go.set()
        await calls.start(WHOLE_BOOK)
        refused = await calls.refusal(WHOLE_BOOK)
        await calls.start(MODEL)
        await asyncio.sleep(retry_seconds(refused) + 0.05)
        await calls.start(WHOLE_BOOK)

        assert_refused(refused, "TOO_MANY_TOKENS", "connection_tokens_per_second")
        assert 0.1 < retry_seconds(refused) < 0.2

    served(test, replace(LIMITS, connection_tokens_burst=250.0))


def test_a_cancelled_call_frees_its_place():
    async def test(calls: Calls) -> None:
        for _ in range(3):
            for call in await calls.running(MODEL, 2):
                call.cancel()
            await asyncio.sleep(0.1)

    served(test)


def test_a_method_without_a_class_is_not_served():
    async def test(calls: Calls) -> None:
        calls.service.go.set()
        assert (await calls.refusal("Unheard")).code() is grpc.StatusCode.UNIMPLEMENTED
        assert (await calls.refusal("Unknown")).code() is grpc.StatusCode.UNIMPLEMENTED

    served(test)
