"""The interceptor that compares the permission of a method with the permissions of its caller."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc

from collateral_registry.domain.access.callers import Caller
from collateral_registry.domain.access.roles import Permission, roles_with
from collateral_registry.domain.shared.errors import NotPermitted
from collateral_registry.rpc.access.method_permissions import METHOD_PERMISSIONS, PUBLIC_METHODS
from collateral_registry.rpc.common.calls import current_caller
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, wrap_handler


class RightsInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls for which the identified caller lacks the permission, and methods without a permission."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, wrapped so that it runs only for callers with the permission."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method.rpartition("/")[2]
        if handler is None or method in PUBLIC_METHODS:
            return handler
        return wrap_handler(handler, partial(_unary, method), partial(_stream, method))


def check_permitted(method: str, caller: Caller) -> None:
    """Raises NotPermitted if no role of the caller has the permission of a method, or the method has none."""
    permission = METHOD_PERMISSIONS.get(method)
    if permission is None:
        raise NotPermitted(f"{method} has no permission yet, so that no caller may call it", method=method)
    if caller.may(permission):
        return
    own = ", ".join(sorted(caller.roles)) or "none"
    needs = f"{method} needs the permission {permission}"
    if permission is Permission.DECIDE_ALONE:
        field = re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()
        text = (
            f"{needs}, which no identified caller has: state it as {field} in CreateProposal (collateral proposal "
            f"{field.replace('_', '-')}), and another person approves it"
        )
    else:
        others = ", ".join(roles_with(permission))
        text = f"{needs}, which the roles of this caller ({own}) do not have; these have it: {others}"
    raise NotPermitted(text, method=method, permission=permission)


def _unary(method: str, behaviour: UnaryHandler) -> UnaryHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> object:
        check_permitted(method, current_caller())
        return await behaviour(request, context)

    return call


def _stream(method: str, behaviour: StreamHandler) -> StreamHandler:
    async def call(requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
        check_permitted(method, current_caller())
        async for answer in behaviour(requests, context):
            yield answer

    return call
