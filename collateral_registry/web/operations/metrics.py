"""The route of metrics."""

from __future__ import annotations

import asyncio

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collateral_registry.metrics import REGISTRY


def metrics_route() -> Route:
    """Returns the route /metrics."""

    async def scrape(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        # In a thread, because a thousand series take milliseconds, in which calls would wait for the event loop.
        content = await asyncio.to_thread(encode, REGISTRY)
        return Response(content, headers={"content-type": content_type, "cache-control": "no-store"})

    return Route("/metrics", scrape, methods=["GET"])
