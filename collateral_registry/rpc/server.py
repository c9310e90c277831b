"""The gRPC server of a port: interceptors, limits, health, reflection and graceful shutdown."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from collateral_registry.rpc.access.identities import Identities
from collateral_registry.rpc.access.identity import IdentityInterceptor
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.access.rights import RightsInterceptor
from collateral_registry.rpc.book_services import BookServices
from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.dispatch import add_services
from collateral_registry.rpc.limits.admission import AdmissionInterceptor
from collateral_registry.rpc.limits.connections import connection_options
from collateral_registry.rpc.limits.numbers import CallLimits, ConnectionLimits
from collateral_registry.rpc.monitoring.call_log import CallInterceptor
from collateral_registry.rpc.monitoring.health_servicer import HealthServicer
from collateral_registry.runtime.health import Health, Part

DATE_SERVICE = "collateral_registry.v1.BusinessDateService"
FEED_SERVICES = frozenset({"collateral_registry.v1.StockService", "collateral_registry.v1.InvoiceFeedService"})
"""Services that need the writer process."""


@dataclass(frozen=True)
class Limits:
    """Limits of the port: of calls and connections, and the seconds that a shutdown may last.

    If ``shares_port`` is set, several processes may listen on the same port (SO_REUSEPORT). Of successful calls that
    record nothing, one of ``reads_logged_every`` is logged.
    """

    calls: CallLimits
    connections: ConnectionLimits
    drain_seconds: float
    shares_port: bool
    reads_logged_every: int


class RpcServer:
    """gRPC server of the books of one or more lenders."""

    def __init__(self, books: Mapping[str, BookServices], limits: Limits, identities: Reloaded[Identities]) -> None:
        """Stores the books by lender."""
        self.books = books
        self.limits = limits
        self.server = grpc.aio.server(
            interceptors=[
                CallInterceptor(limits.reads_logged_every),
                AdmissionInterceptor(limits.calls),
                ErrorInterceptor(),
                IdentityInterceptor(identities),
                RightsInterceptor(),
            ],
            options=[
                ("grpc.so_reuseport", int(limits.shares_port)),
                *connection_options(limits.connections, limits.calls.message_limit_bytes),
            ],
        )
        self.health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        self.service_names = [*add_services(books, self.server), health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(self.service_names, self.server)

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listens on host:port or unix:path and returns the port; raises OSError if the address is not available."""
        try:
            if credentials is None:
                return int(self.server.add_insecure_port(address))
            return int(self.server.add_secure_port(address, credentials))
        except RuntimeError:
            text = f"address: got {address}, want a free port of an address of this machine"
            raise OSError(errno.EADDRINUSE, text) from None

    async def start(self) -> None:
        """Starts to answer calls; the books that are not open refuse them."""
        await self.publish()  # not serving yet; without this, the empty name would be from here on
        await self.server.start()

    async def publish(self) -> None:
        """Sets the health of every service: that some book can answer it. The empty name stands for every book."""
        healths = [book.health for book in self.books.values()]
        await self._set("", serves=all(_serves("", health) for health in healths))
        for service in self.service_names:
            await self._set(service, serves=any(_serves(service, health) for health in healths))

    async def _set(self, service: str, *, serves: bool) -> None:
        answer = health_pb2.HealthCheckResponse
        await self.health.set(service, answer.SERVING if serves else answer.NOT_SERVING)

    async def drain(self) -> None:
        """Reports NOT_SERVING, ends watches and feeds, lets running calls finish, and stops."""
        await self.health.drain()
        for book in self.books.values():
            await book.begin_drain()
        await self.server.stop(self.limits.drain_seconds)
        await asyncio.gather(*(book.close() for book in self.books.values()))


def _serves(service: str, health: Health) -> bool:
    """Returns whether a book can answer a service; the empty name stands for all services but the date's."""
    causes = health.causes.keys() - ({Part.CLOCK} if service != DATE_SERVICE else set())
    return not causes - ({Part.INTAKE} if service not in {"", *FEED_SERVICES} else set())
