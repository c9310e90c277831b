"""The health service answers every caller of its three methods, behind the interceptors of the service."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.monitoring.health_servicer import HealthServicer

SERVING, NOT_SERVING, UNKNOWN = (
    getattr(health_pb2.HealthCheckResponse, name) for name in ("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
)


def served(test):
    """Runs a test with the servicer and the stub of a server, of which the service a is serving."""

    async def run():
        server, servicer = grpc.aio.server(interceptors=[ErrorInterceptor()]), HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        await servicer.set("a", SERVING)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await asyncio.wait_for(test(servicer, health_pb2_grpc.HealthStub(channel)), 10)
        await server.stop(None)

    asyncio.run(run())


def asked(service):
    return health_pb2.HealthCheckRequest(service=service)


def test_a_service_is_checked_by_its_name_and_all_are_listed():
    async def test(_, stub):
        assert (await stub.Check(asked("a"))).status == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.Check(asked("b"))
        assert error.value.code() is grpc.StatusCode.NOT_FOUND
        found = await stub.List(health_pb2.HealthListRequest())
        assert {name: one.status for name, one in found.statuses.items()} == {"a": SERVING}

    served(test)


def test_a_watch_shows_each_change_and_ends_when_the_server_drains():
    async def test(servicer, stub):
        known, unknown = stub.Watch(asked("a")), stub.Watch(asked("b"))
        assert [(await one.read()).status for one in (known, unknown)] == [SERVING, UNKNOWN]
        await servicer.set("a", NOT_SERVING)
        await servicer.set("b", SERVING)
        assert [(await one.read()).status for one in (known, unknown)] == [NOT_SERVING, SERVING]
        await servicer.drain()
        await servicer.set("a", SERVING)
        assert not await known.read()
        assert (await unknown.read()).status == NOT_SERVING
        assert not await unknown.read()

    served(test)
