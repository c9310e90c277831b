"""The route of metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collateral_registry.metrics import BUILD_INFO, REGISTRY
from collateral_registry.rpc.common.versions import versions


def metrics_route(refresh: Callable[[], Awaitable[None]]) -> Route:
    """Returns the route /metrics; ``refresh`` sets the metrics of the book before each answer, and raises nothing."""
    found = versions()
    BUILD_INFO.labels(found.program, found.contract_digest, found.schema).set(1)

    async def scrape(request: Request) -> Response:
        await refresh()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        # In a thread, because a thousand series take milliseconds, in which calls would wait for the event loop.
        content = await asyncio.to_thread(encode, REGISTRY)
        return Response(content, headers={"content-type": content_type, "cache-control": "no-store"})

    return Route("/metrics", scrape, methods=["GET"])
