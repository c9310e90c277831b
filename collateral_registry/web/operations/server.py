"""The HTTP server for operators and their tools. It answers without the gRPC server, whose state it reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute

from collateral_registry.rpc.access.certificate_files import CertificateFiles
from collateral_registry.runtime.health import Health
from collateral_registry.web.listener import HttpListener
from collateral_registry.web.local_only import WANTED_HOST, LocalOnly, is_local
from collateral_registry.web.operations.health import health_routes
from collateral_registry.web.operations.metrics import metrics_route

DRAIN_SECONDS = 1.0
"""Time for a running scrape to finish."""


def operations_server(
    address: str,
    refresh: Callable[[], Awaitable[None]],
    healths: Mapping[str, Health],
    tls: CertificateFiles | None = None,
) -> HttpListener:
    """Returns the server of metrics and health for an address, not started.

    ``refresh`` sets the metrics of the books. ``healths`` are the states of the books by lender.
    """
    app = operations_app(address, [metrics_route(refresh), *health_routes(healths)])
    return HttpListener(app, DRAIN_SECONDS, "metrics_address", tls)


def operations_app(address: str, routes: Sequence[BaseRoute]) -> Starlette:
    """Returns the application with these routes. At a loopback address it refuses requests that name another host.

    Elsewhere the network decides who may read, and scrapers use names that this machine does not know.
    """
    refused = PlainTextResponse(f"Host: {WANTED_HOST}\n", 403)
    local = [Middleware(LocalOnly, refused=refused)] if is_local(address) else []
    app = Starlette(routes=list(routes), middleware=local)
    app.router.redirect_slashes = False
    return app
