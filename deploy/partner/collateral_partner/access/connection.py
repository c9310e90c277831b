"""How a client reaches a server: whom it trusts, and by which credentials it is known."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

TOKEN_VARIABLES = ("COLLATERAL_TOKEN", "COLLATERAL_STOCK_TOKEN")
"""Environment variables with a token; the second one is that of earlier releases."""

PORT_LIMIT = 65_535


@dataclass(frozen=True)
class Connection:
    """The files of a connection: authorities of the server's certificate, certificate and key of the client, a token.

    A server on another machine is reached by TLS; without authorities its certificate must be of a public one.
    """

    tls_authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token_file: Path | None = None

    def uses_tls(self, server: str) -> bool:
        """Returns whether a server is reached by TLS; raises ValueError for files that do not belong together."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate, key: got one of them, want both or none")
        if self.tls_authority is not None or not is_local(server):
            return True
        if self.certificate is not None:
            raise ValueError(
                f"tls-authority: got nothing, want the authorities of {server}, because a certificate needs TLS"
            )
        return False

    def token(self) -> str:
        """Returns the token in the file or, without a file, in the environment; empty if there is none.

        The token itself is no option, because process lists show options. Raises OSError for an unreadable file.
        """
        if self.token_file is not None:
            return self.token_file.read_text(encoding="utf-8").strip()
        return next(filter(None, map(os.environ.get, TOKEN_VARIABLES)), "")


_CURRENT: ContextVar[Connection | None] = ContextVar("connection", default=None)


def current_connection() -> Connection:
    """Returns the connection of the options of the running command; without them, that of the environment."""
    return _CURRENT.get() or from_environment()


def from_environment() -> Connection:
    """Returns the connection that the environment variables of the options state."""
    stated = {one.name: os.environ.get(f"COLLATERAL_{one.name.upper()}") for one in fields(Connection)}
    return Connection(**{name: Path(text) for name, text in stated.items() if text})


@contextmanager
def _using(connection: Connection) -> Iterator[None]:
    token = _CURRENT.set(connection)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _file(*names: str, text: str) -> Any:
    variable = f"COLLATERAL_{names[0].removeprefix('--').replace('-', '_').upper()}"
    return Annotated[
        Path | None,
        typer.Option(*names, envvar=variable, exists=True, dir_okay=False, show_envvar=False, help=text),
    ]


OPTIONS = {
    "tls_authority": _file(
        "--tls-authority", "--root-certificate", text="authorities of a server with TLS; default: public ones"
    ),
    "client_certificate": _file("--certificate", text="client certificate in PEM format"),
    "client_key": _file("--key", text="key of the client certificate"),
    "token_file": _file("--token-file", text="file with a token; or the environment variable COLLATERAL_TOKEN"),
}
"""The options of every command that calls a server, in the order of the fields of Connection."""


def offer_connection(app: typer.Typer) -> None:
    """Adds the options of the connection to every command of an application that has the option ``--server``."""
    for command in app.registered_commands:
        if command.callback and "server" in inspect.signature(command.callback).parameters:
            command.callback = _with_connection(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            offer_connection(group.typer_instance)


def _with_connection(call: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a command with the options of the connection, which its function finds by ``current_connection``."""

    @functools.wraps(call)
    def command(*arguments: Any, **options: Any) -> Any:
        with _using(Connection(*[options.pop(name) for name in OPTIONS])):
            return call(*arguments, **options)

    hints = get_type_hints(call, include_extras=True)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in OPTIONS.items()
    ]
    parameters = [
        one.replace(annotation=hints.get(name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for name, one in inspect.signature(call).parameters.items()
    ]
    command.__dict__["__signature__"] = inspect.Signature([*parameters, *extra])  # what typer reads
    command.__annotations__ = {**hints, **OPTIONS}
    return command


def is_local(server: str) -> bool:
    """Returns whether a server is on this machine: unix:path, or host:port of the loopback interface."""
    host = server.rpartition(":")[0].strip("[]")
    try:
        return server.startswith("unix:") or host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def names_server(address: str) -> bool:
    """Returns whether an address is unix:path or host:port; without a port gRPC would use one of its own."""
    host, _, port = address.rpartition(":")
    is_port = port.isdecimal() and 0 < int(port) <= PORT_LIMIT
    return address.startswith("unix:") or (bool(host) and "://" not in host and is_port)
