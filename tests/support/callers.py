"""A server that takes the caller of each call from its metadata, in place of credentials."""

from __future__ import annotations

import multiprocessing
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from collateral_registry.domain.access.callers import LOCAL_OWNER, OWN_LENDER, Caller
from collateral_registry.domain.access.roles import Role
from collateral_registry.domain.feeds.partners import Partner
from collateral_registry.logs import CALL
from collateral_registry.rpc.access.identity import IdentityInterceptor
from collateral_registry.rpc.common.calls import set_caller
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, wrap_handler
from tests.support.launch import PRELOADED, Forked, Launched, _collateral
from tests.support.server import Server

NAME = "x-test-caller"
"""Metadata with the principal of a caller, its roles, and the feed of a partner, separated by spaces."""

LENDER = "authorization"
"""Metadata with the lender of a caller, which HTTP passes on."""


class NamedCallers(IdentityInterceptor):
    """Sets the caller that the metadata of a call names; the local owner if there is none."""

    def __init__(self, *_: object, **__: object) -> None:
        """Takes and ignores what identifies callers by credentials."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Returns the handler, wrapped so that its task has the named caller."""
        handler = await continuation(handler_call_details)
        return handler and wrap_handler(handler, self._unary, self._stream)

    def _unary(self, behaviour: UnaryHandler) -> UnaryHandler:
        async def call(request: object, context: Any) -> object:
            _identify(context)
            return await behaviour(request, context)

        return call

    def _stream(self, behaviour: StreamHandler) -> StreamHandler:
        async def call(requests: object, context: Any) -> AsyncIterator[object]:
            _identify(context)
            async for answer in behaviour(requests, context):
                yield answer

        return call


def _identify(context: Any) -> None:
    caller, record = _named(context), CALL.get()
    set_caller(caller)
    if record is not None:
        record.principal = caller.principal


def _named(context: Any) -> Caller:
    metadata = dict(context.invocation_metadata() or ())
    text, lender = str(metadata.get(NAME, "")), str(metadata.get(LENDER, OWN_LENDER))
    if not text:
        return replace(LOCAL_OWNER, lender=lender)
    principal, roles, *feed = text.split(" ")
    given = frozenset(Role(role) for role in roles.split(",") if role)
    partner = Partner(feed[0], frozenset({"W-1"}), frozenset({"pool-1"})) if feed else None
    return Caller(principal, lender, given, partner)


def caller(principal: str, *roles: Role, feed: str = "") -> tuple[tuple[str, str], ...]:
    """Returns the metadata of a call by a caller with roles, and with a feed if it is a partner."""
    return ((NAME, " ".join([principal, ",".join(roles), *([feed] if feed else [])])),)


def role_of(role: Role) -> tuple[tuple[str, str], ...]:
    """Returns the metadata of a call by a caller with one role, named after it; a partner has the feed acme."""
    if role is Role.LOCAL_OWNER:
        return ()
    return caller(role.value, role, feed="acme" if role is Role.PARTNER else "")


class CallerServer(Server):
    """A server process that identifies callers by ``NAME``."""

    def start(self, service: str = "") -> Server:
        """Starts the process and waits until a service is healthy."""
        usual, Server.launch = Server.launch, staticmethod(_launched)
        try:
            return super().start(service)
        finally:
            Server.launch = staticmethod(usual)


def _launched(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Launched:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_serve, args=(list(arguments), dict(environment), output))
    process.start()
    return Forked(process)


def _serve(arguments: list[str], environment: dict[str, str], output: Path) -> None:
    with patch("collateral_registry.rpc.server.IdentityInterceptor", NamedCallers):
        _collateral(arguments, environment, output, output)
