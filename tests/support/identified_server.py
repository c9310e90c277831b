"""A server in this process that returns the caller of each call, behind the interceptors of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import grpc

from collateral_registry.rpc.access.access_file import AccessFiles
from collateral_registry.rpc.access.identity import IdentityInterceptor
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.common.calls import current_caller
from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.limits.connections import connection_options
from collateral_registry.rpc.limits.numbers import ConnectionLimits
from collateral_registry.rpc.monitoring.call_log import CallInterceptor

CONNECTIONS = ConnectionLimits(100, 100, 900.0, 3600.0)
MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024


async def _who(_request: object, _context: object) -> bytes:
    caller = current_caller()
    partner = caller.partner.source_id if caller.partner else ""
    return "|".join([caller.principal, caller.lender, ",".join(sorted(caller.roles)), partner]).encode()


async def _who_each(requests: AsyncIterator[object], context: object) -> AsyncIterator[bytes]:
    async for request in requests:
        yield await _who(request, context)


HANDLERS = {
    "Who": grpc.unary_unary_rpc_method_handler(_who),
    "WhoEach": grpc.stream_stream_rpc_method_handler(_who_each),
}


def with_calls(
    files: AccessFiles,
    work: Callable[[grpc.aio.Channel], Coroutine[Any, Any, Any]],
    address: str = "127.0.0.1:0",
    tls: tuple[grpc.ServerCredentials, grpc.ChannelCredentials] | None = None,
) -> Any:
    """Returns what a coroutine returns that calls a server with these identities; ``tls`` are its and its caller's."""

    async def run() -> Any:
        identities = Reloaded("the identities", files.read, 0)
        interceptors = [CallInterceptor(0), ErrorInterceptor(), IdentityInterceptor(identities)]
        options = connection_options(CONNECTIONS, MESSAGE_LIMIT_BYTES)
        server = grpc.aio.server(interceptors=interceptors, options=options)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", HANDLERS),))
        port = server.add_secure_port(address, tls[0]) if tls else server.add_insecure_port(address)
        await server.start()
        reached = f"127.0.0.1:{port}" if address.endswith(":0") else address
        try:
            opened = grpc.aio.secure_channel(reached, tls[1]) if tls else grpc.aio.insecure_channel(reached)
            async with opened as channel:
                return await work(channel)
        finally:
            await server.stop(5)  # so that calls that have been answered are logged

    return asyncio.run(run())


async def who(channel: grpc.aio.Channel, *metadata: tuple[str, str]) -> str:
    """Returns the principal, the lender, the roles and the feed of the caller."""
    return (await channel.unary_unary("/test/Who")(b"", metadata=metadata)).decode()


async def refusal(channel: grpc.aio.Channel, *metadata: tuple[str, str]) -> grpc.RpcError:
    """Returns the error of a call that must fail."""
    try:
        found = await who(channel, *metadata)
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"the caller is {found}")
