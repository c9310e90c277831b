"""The interceptor that identifies the caller of every call (docs/security.md)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from math import inf
from time import monotonic
from typing import Any

import grpc

from collateral_registry.clock import wall_clock
from collateral_registry.domain.access.callers import LOCAL_OWNER, Caller
from collateral_registry.domain.shared.errors import Unauthenticated
from collateral_registry.logs import CALL, NO_PRINCIPAL
from collateral_registry.rpc.access.guesses import Guesses, host_of
from collateral_registry.rpc.access.identities import Identities
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.common.calls import set_caller
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, wrap_handler
from collateral_registry.rpc.limits.callers import caller_of

HEALTH = "/grpc.health.v1.Health/"
"""Methods that need no identity, because load balancers call them. They state nothing of a book."""

LOCAL_PEERS = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")
HTTP = "http"
"""Kind of the callers that the HTTP gateway names."""

AUTHORIZATION, SCHEME = "authorization", "bearer "
CERTIFICATE, SPIFFE_ID = "x509_pem_cert", "peer_spiffe_id"
"""Properties of a connection: its verified client certificate, and the only URI in it, if that is a SPIFFE id."""

TOKENS, OTHERS = "tokens", "others"
"""Kinds of wrong credentials. Calls without a token do not delay the examination of tokens."""

REMEMBERED_LIMIT = 10_000
"""Verified tokens that are remembered; beyond it, the one that was used least recently is forgotten."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller, until when its credentials are valid in seconds of the epoch, and the identities that list them."""

    caller: Caller
    until: float
    identities: Identities


class IdentityInterceptor(grpc.aio.ServerInterceptor):
    """Identifies the caller of every call before its handler runs.

    Credentials of a stream are examined again at its responses, once they have expired or the identities have changed.
    """

    def __init__(self, identities: Reloaded[Identities]) -> None:
        self._identities = identities
        self._has_owner = identities.current().are_none
        self._guesses = Guesses()
        self._verified: OrderedDict[bytes, Identity] = OrderedDict()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, wrapped so that its task has a caller."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(HEALTH):
            return handler
        return wrap_handler(handler, self._unary, self._stream)

    def _unary(self, behaviour: UnaryHandler) -> UnaryHandler:
        async def call(request: object, context: grpc.aio.ServicerContext) -> object:
            set_caller(self._identify(context).caller)
            return await behaviour(request, context)

        return call

    def _stream(self, behaviour: StreamHandler) -> StreamHandler:
        async def call(requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            identity = self._identify(context)
            set_caller(identity.caller)
            async for answer in behaviour(requests, context):
                if identity.until <= wall_clock().timestamp() or identity.identities is not self._identities.current():
                    identity = self._identify_again(context, identity.caller)
                yield answer

        return call

    def _identify_again(self, context: grpc.aio.ServicerContext, before: Caller) -> Identity:
        identity = self._identify(context)
        if identity.caller != before:
            raise Unauthenticated("the rights of this caller have changed; open the stream again")
        return identity

    def _identify(self, context: grpc.aio.ServicerContext) -> Identity:
        """Returns the identity of a call; raises Unauthenticated or LimitReached."""
        try:
            identity = self._identity_of(context)
        except Unauthenticated as error:
            _note(cause=str(error))
            raise
        _note(principal=identity.caller.principal)
        return identity

    def _identity_of(self, context: grpc.aio.ServicerContext) -> Identity:
        identities = self._identities.current()
        # Files that are emptied while the service runs must not open it: once it has identities, it has no owner.
        self._has_owner = self._has_owner and identities.are_none
        if self._has_owner and _is_of_this_machine(context):
            return Identity(LOCAL_OWNER, inf, identities)
        try:
            token = _token_of(context)
            if token is None:
                return _of_connection(context, identities)
        except Unauthenticated:
            self._count(OTHERS, context)
            raise
        return self._of_token(token, context, identities)

    def _of_token(self, token: str, context: grpc.aio.ServicerContext, identities: Identities) -> Identity:
        """Returns the identity of a token, which is examined only if its host has not presented too many wrong ones.

        Tokens that were verified before are not slowed down by other callers of the same host.
        """
        digest, now = hashlib.sha256(token.encode()).digest(), wall_clock().timestamp()
        known = self._verified.get(digest)
        if known is not None and known.until > now and known.identities is identities:
            self._verified.move_to_end(digest)
            return known
        self._guesses.check(TOKENS, caller_of(context), monotonic())
        try:
            identity = Identity(*identities.of_token(token, now), identities)
        except Unauthenticated:
            self._count(TOKENS, context)
            raise
        self._verified[digest] = identity
        if len(self._verified) > REMEMBERED_LIMIT:
            self._verified.popitem(last=False)
        return identity

    def _count(self, kind: str, context: grpc.aio.ServicerContext) -> None:
        """Counts a wrong credential; raises LimitReached if there were too many."""
        key, now = caller_of(context), monotonic()
        self._guesses.check(kind, key, now)
        self._guesses.add(kind, key, now)


def _is_of_this_machine(context: grpc.aio.ServicerContext) -> bool:
    """Returns whether a call comes from this machine; one that the HTTP gateway passes on, whether its caller does."""
    caller = caller_of(context)
    if caller.kind != HTTP:
        return context.peer().startswith(LOCAL_PEERS)
    try:
        return ip_address(host_of(caller)).is_loopback
    except ValueError:
        return False  # a network of IPv6, or a connection that has closed


def _of_connection(context: grpc.aio.ServicerContext, identities: Identities) -> Identity:
    """Returns the identity of a client certificate; raises Unauthenticated if there is none that is listed."""
    if identities.are_none:
        raise Unauthenticated(
            "no identities are configured, so that only calls from this machine are accepted; set access_file"
        )
    properties: Mapping[str, Any] = context.auth_context()
    if not properties.get(CERTIFICATE):
        raise Unauthenticated("authorization: got nothing, want 'Bearer TOKEN' or a client certificate")
    spiffe_id = b"".join(properties.get(SPIFFE_ID, ())).decode("ascii", "replace")
    return Identity(identities.of_certificate(spiffe_id), inf, identities)


def _token_of(context: grpc.aio.ServicerContext) -> str | None:
    """Returns the bearer token of a call, None if it has no header; raises Unauthenticated for another scheme."""
    stated = [str(value) for name, value in context.invocation_metadata() or () if name == AUTHORIZATION]
    if not stated:
        return None
    if len(stated) > 1 or not stated[0].lower().startswith(SCHEME):
        raise Unauthenticated("authorization: got another scheme or several values, want one 'Bearer TOKEN'")
    return stated[0][len(SCHEME) :].strip()


def _note(principal: str = NO_PRINCIPAL, cause: str = "") -> None:
    """Records for the log who calls, or why the caller was refused."""
    call = CALL.get()
    if call is not None:
        call.principal, call.cause = principal, cause
