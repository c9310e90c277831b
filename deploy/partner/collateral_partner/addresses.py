"""Recognises the address of a server."""

from __future__ import annotations

PORT_LIMIT = 65_535


def names_server(address: str) -> bool:
    """Returns whether an address is unix:path or host:port; without a port gRPC would use one of its own."""
    host, _, port = address.rpartition(":")
    is_port = port.isdecimal() and 0 < int(port) <= PORT_LIMIT
    return address.startswith("unix:") or (bool(host) and "://" not in host and is_port)
