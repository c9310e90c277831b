"""Refuses requests that name another host than this machine.

A page of another site cannot read from the service by a host name of its own that resolves to this machine.
"""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

WANTED_HOST = "want localhost or a loopback address"


class LocalOnly:
    """Passes requests whose header Host names this machine to an application, and answers others by ``refused``."""

    def __init__(self, app: ASGIApp, refused: ASGIApp) -> None:
        self._app, self._refused = app, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        is_other = scope["type"] == "http" and not is_local(dict(scope["headers"]).get(b"host", b"").decode("latin-1"))
        await (self._refused if is_other else self._app)(scope, receive, send)


def is_local(host: str) -> bool:
    """Returns whether a host, with or without a port, is localhost or a loopback address."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        return name.lower() == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
