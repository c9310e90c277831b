"""The HTTP server for operators and their tools. It answers without the gRPC server, whose state it reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from collateral_registry.runtime.health import Health
from collateral_registry.web.listener import HttpListener
from collateral_registry.web.operations.health import health_routes
from collateral_registry.web.operations.metrics import metrics_route

DRAIN_SECONDS = 1.0
"""Time for a running scrape to finish."""


def operations_server(refresh: Callable[[], Awaitable[None]], health: Health) -> HttpListener:
    """Returns the server of metrics and health, not started yet; ``refresh`` sets the metrics of the book."""
    return HttpListener(
        operations_app([metrics_route(refresh), *health_routes(health)]), DRAIN_SECONDS, "metrics_address"
    )


def operations_app(routes: Sequence[BaseRoute]) -> Starlette:
    """Returns the application with these routes."""
    app = Starlette(routes=list(routes))
    app.router.redirect_slashes = False
    return app
