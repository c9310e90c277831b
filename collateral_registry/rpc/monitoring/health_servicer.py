"""The health service of gRPC, with streams as generators, which interceptors can wrap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import grpc
from grpc_health.v1 import health_pb2

_RESPONSE = health_pb2.HealthCheckResponse


class HealthServicer:
    """Answers whether services are served. It states nothing of a book, because its callers have no identity."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {}
        self._changed = asyncio.Condition()
        self._is_draining = False

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Returns the status of a service; ends NOT_FOUND for a service that the server does not have."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "service: got an unknown name, want one of List, or nothing")
        return _RESPONSE(status=status)

    async def List(
        self, _request: health_pb2.HealthListRequest, _context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthListResponse:
        """Returns the status of every service."""
        statuses = {service: _RESPONSE(status=status) for service, status in self._statuses.items()}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, _context: grpc.aio.ServicerContext
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Yields the status of a service now and after each change, until the server drains."""
        shown = None
        while True:
            status = self._statuses.get(request.service, _RESPONSE.SERVICE_UNKNOWN)
            if status != shown:
                yield _RESPONSE(status=status)
            if self._is_draining:
                return
            shown = status
            async with self._changed:
                await self._changed.wait_for(partial(self._is_news, request.service, shown))

    async def set(self, service: str, status: int) -> None:
        """Sets the status of a service, unless the server drains."""
        if not self._is_draining and self._statuses.get(service) != status:
            self._statuses[service] = status
            await self._notify()

    async def drain(self) -> None:
        """Sets the status of every service to NOT_SERVING for good, and ends the watches."""
        self._statuses = dict.fromkeys(self._statuses, _RESPONSE.NOT_SERVING)
        self._is_draining = True
        await self._notify()

    def _is_news(self, service: str, shown: int) -> bool:
        return self._is_draining or self._statuses.get(service, _RESPONSE.SERVICE_UNKNOWN) != shown

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
