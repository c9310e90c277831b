"""Answers errors that no part of the web foresaw."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collateral_registry.rpc.common.errors import unforeseen_status
from collateral_registry.web.gateway.errors import HttpError


class Unanswerable(Exception):
    """The connection takes no answer: uvicorn has already refused the body, in which a chunk was malformed."""


class Unforeseen:
    """Answers an error of an application INTERNAL with a reference, under which the log has the traceback.

    A handler of Starlette would not do, because Starlette raises the error again and uvicorn logs it a second time.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Scope, HttpError], ASGIApp]) -> None:
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; an answer that has begun is cut off, as its reader must see that it is not whole."""
        has_begun = False

        async def sent(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            try:
                await send(message)
            except Exception as error:
                raise Unanswerable from error

        try:
            await self._app(scope, receive, sent)
        except Unanswerable:
            return
        except Exception as error:  # noqa: BLE001 - an unforeseen error is answered and logged with a reference
            failed = HttpError(unforeseen_status(error, path=scope.get("path", "")))
            if not has_begun:
                await self._answer(scope, failed)(scope, receive, send)
