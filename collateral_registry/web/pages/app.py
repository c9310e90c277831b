"""The application of the pages: routes, language, security headers, limits and pages of errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Scope

from collateral_registry.rpc.common.errors import unforeseen_status
from collateral_registry.rpc.limits.callers import stated_caller
from collateral_registry.web.gateway.errors import (
    CLIENT_CLOSED_REQUEST,
    HttpError,
    document_of,
    headers_of,
    of_call,
    refusal,
)
from collateral_registry.web.gateway.unforeseen import Unforeseen
from collateral_registry.web.local_only import WANTED_HOST, LocalOnly
from collateral_registry.web.pages import forms
from collateral_registry.web.pages.certificates.changes import take_certificate_step
from collateral_registry.web.pages.changes import take_step
from collateral_registry.web.pages.client import Book, Services
from collateral_registry.web.pages.decisions import decide
from collateral_registry.web.pages.disposal_changes import open_disposal, take_disposal_step
from collateral_registry.web.pages.exports.certificate_files import certificate_file
from collateral_registry.web.pages.exports.download import REPORTS, Exports
from collateral_registry.web.pages.headers import SecurityHeaders
from collateral_registry.web.pages.live import LiveEvents
from collateral_registry.web.pages.rendering import render
from collateral_registry.web.pages.reserve_changes import create_reserve, end_reserve
from collateral_registry.web.pages.saved_views import delete_view, save_view
from collateral_registry.web.pages.static_files import serve_icon, serve_static
from collateral_registry.web.pages.texts import LANGUAGES, Texts, accepted_language, texts_of
from collateral_registry.web.pages.views.book.differences import differences
from collateral_registry.web.pages.views.book.overview import overview
from collateral_registry.web.pages.views.book.proposals import proposal, proposals
from collateral_registry.web.pages.views.book.reports import reports
from collateral_registry.web.pages.views.book.status import status
from collateral_registry.web.pages.views.collateral.asset import asset
from collateral_registry.web.pages.views.collateral.assets import assets
from collateral_registry.web.pages.views.collateral.prices import prices
from collateral_registry.web.pages.views.collateral.series import series
from collateral_registry.web.pages.views.common.head import head_of
from collateral_registry.web.pages.views.common.saved_views import saved_views_of
from collateral_registry.web.pages.views.loans.breaches import breaches
from collateral_registry.web.pages.views.loans.disposal import disposal
from collateral_registry.web.pages.views.loans.disposals import disposals
from collateral_registry.web.pages.views.loans.loan import loan
from collateral_registry.web.pages.views.loans.loans import loans
from collateral_registry.web.pages.views.receivables.base import base
from collateral_registry.web.pages.views.receivables.certificate import certificate
from collateral_registry.web.pages.views.receivables.certificates import certificates
from collateral_registry.web.pages.views.receivables.debtor import debtor
from collateral_registry.web.pages.views.receivables.debtors import debtors
from collateral_registry.web.pages.views.receivables.invoice import invoice
from collateral_registry.web.pages.views.receivables.invoices import invoices
from collateral_registry.web.pages.views.receivables.pool import pool
from collateral_registry.web.pages.visit import NUMBER, Page, Visit, invalid

PAGES_LIMIT = 32
"""Pages that are made at the same time in one process. Further ones are answered 503."""

COMPRESSED_BYTES = 1000
"""Answers of this size are compressed."""

COMPRESSION_LEVEL = 5
"""A page of a list is compressed in half the time of level 9, to two per cent more."""

LANGUAGE_COOKIE = "collateral-language"
LANGUAGE_SECONDS = 365 * 86400
PASSED_HEADERS = ("authorization", "x-request-id", "traceparent")

NO_HEAD: dict[str, object] = {"head": None, "moment": None, "visit": None, "exported": "", "saved": None}
"""Values of a page of which nothing of the book is read."""

View = Callable[[Visit], Awaitable[Page]]

VIEWS: dict[str, View] = {
    "/": overview,
    "/loans": loans,
    "/loans/{loan}": loan,
    "/breaches": breaches,
    "/disposals": disposals,
    "/loans/{loan}/disposals/{disposal}": disposal,
    "/assets": assets,
    "/assets/{asset}": asset,
    "/prices": prices,
    "/prices/{series}": series,
    "/reports": reports,
    "/proposals": proposals,
    "/proposals/{proposal}": proposal,
    "/reports/differences": differences,
    "/status": status,
    # Receivables
    "/loans/{loan}/base": base,
    "/certificates": certificates,
    "/loans/{loan}/certificates/{certificate}": certificate,
    "/assets/{asset}/pool": pool,
    "/assets/{asset}/invoices": invoices,
    "/assets/{asset}/invoice": invoice,
    "/debtors": debtors,
    "/debtors/{debtor}": debtor,
}

Change = Callable[[Visit, Mapping[str, str]], Awaitable[str]]

CHANGES: dict[str, Change] = {
    "/loans/{loan}/breaches/{breach}/{step}": take_step,
    "/proposals/{proposal}/{decision}": decide,
    "/loans/{loan}/disposals": open_disposal,
    "/{page}/save-view": save_view,
    "/{page}/delete-view": delete_view,
    "/loans/{loan}/disposals/{disposal}/{step}": take_disposal_step,
    "/loans/{loan}/base/reserves": create_reserve,
    "/loans/{loan}/base/reserves/{reserve}/end": end_reserve,
    "/loans/{loan}/certificates/{certificate}/{step}": take_certificate_step,
}


@dataclass(frozen=True)
class Site:
    """Answers requests for pages as a client of a gRPC server."""

    services: Services
    live: LiveEvents
    exports: Exports
    places: asyncio.Semaphore

    def shown(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        """Returns the endpoint of a view."""

        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            if self.places.locked():
                message = f"got more than {PAGES_LIMIT} pages at once; try again"
                raise refusal(grpc.StatusCode.UNAVAILABLE, "TOO_MANY_PAGES", message)
            async with self.places:
                page, head, saved = await asyncio.gather(view(visit), head_of(visit), saved_views_of(visit))
                return _page(request, visit.texts, page.template, {
                    **page.values, "section": page.section, "moment": page.moment or head.moment, "head": head,
                    "visit": visit, "exported": page.exported, "saved": saved,
                })  # fmt: skip

        return answer

    def changed(self, change: Change) -> Callable[[Request], Awaitable[Response]]:
        """Returns the endpoint of a form, which leads the browser back to the page of what it changed."""

        async def answer(request: Request) -> Response:
            form = await forms.read_form(request)
            return RedirectResponse(await change(self._visit(request), form), HTTPStatus.SEE_OTHER)

        return answer

    async def file(self, request: Request) -> Response:
        """Answers with a report as a file."""
        report, _, form = request.url.path.removeprefix("/").partition(".")
        return await self.exports.file(self._visit(request), report, form)

    async def certificate_file(self, request: Request) -> Response:
        """Answers with a file of a certificate."""
        return await certificate_file(self._visit(request), self.exports)

    async def events(self, request: Request) -> Response:
        """Streams new events of breaches."""
        visit = self._visit(request)
        after = request.headers.get("last-event-id") or visit.query.get("after", "0")
        commit = visit.query.get("commit", "0")
        if not (NUMBER.fullmatch(after) and NUMBER.fullmatch(commit)):
            raise invalid(f"after: got {after[:40]!r}, want the number of an event")
        messages = self.live.stream(visit.book, visit.texts, int(after), int(commit))
        return StreamingResponse(messages, media_type="text/event-stream", headers={"cache-control": "no-store"})

    def _visit(self, request: Request) -> Visit:
        """Returns the visit of a request, with the credentials of its reader for the calls."""
        client = request.client
        caller = f"{client.host}:{client.port}" if client else "unknown"
        passed = tuple((name, text) for name in PASSED_HEADERS for text in request.headers.getlist(name))
        if len(dict(passed)) < len(passed):  # a proxy may have examined another one
            raise invalid("headers: got one of them twice, want one value")
        if any(not text.isascii() or not text.isprintable() for _, text in passed):
            raise invalid("headers: got other characters, want printable ASCII characters")
        query = {name: value for name, value in request.query_params.items() if name != "lang"}
        book = Book(self.services, (*stated_caller(caller), *passed))
        return Visit(book, _texts(request), request.url.path, query, dict(request.path_params))


def pages_app(channel: grpc.aio.Channel, live: LiveEvents, exports: Exports, *, local: bool = True) -> Starlette:
    """Returns the application of the pages of the server of a channel.

    A ``local`` one refuses requests that name another host.
    """
    site = Site(Services(channel), live, exports, asyncio.Semaphore(PAGES_LIMIT))
    refused = PlainTextResponse(f"Host: {WANTED_HOST}\n", HTTPStatus.FORBIDDEN)
    local_only = Middleware(LocalOnly, refused=refused)
    app = Starlette(
        routes=[
            Route("/loans/{loan}/certificates/{certificate}.{form}", site.certificate_file, methods=["GET"]),
            *(Route(path, site.shown(view), methods=["GET"]) for path, view in VIEWS.items()),
            *(Route(path, site.changed(change), methods=["POST"]) for path, change in CHANGES.items()),
            *(Route(f"/{report}.{{form}}", site.file, methods=["GET"]) for report in REPORTS),
            Route("/events", site.events, methods=["GET"]),
            Route("/static/{digest}/{path:path}", serve_static, methods=["GET"]),
            Route("/favicon.ico", serve_icon, methods=["GET"]),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            *([local_only] if local else []),
            Middleware(Unforeseen, answer=_unforeseen),
            Middleware(GZipMiddleware, minimum_size=COMPRESSED_BYTES, compresslevel=COMPRESSION_LEVEL),
        ],
        exception_handlers={
            **dict.fromkeys((HttpError, grpc.aio.AioRpcError, HTTPException), _answer_error),
            ClientDisconnect: _answer_disconnect,
        },
    )
    app.router.redirect_slashes = False
    return app


def _texts(request: Request) -> Texts:
    """Returns the texts in the language of the address, the cookie or the browser, in this order."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return texts_of(chosen)
    return texts_of(accepted_language(request.headers.get("accept-language", "")))


def _page(request: Request, texts: Texts, template: str, values: dict[str, object], code: int = 200) -> Response:
    """Returns a page, and sets the cookies of the language that the address states and of the visitor's forms."""
    secret = request.cookies.get(forms.COOKIE, "")
    is_new = not forms.is_secret(secret)
    secret = forms.new_secret() if is_new else secret
    content = render(texts.language, template, {**NO_HEAD, "token": lambda: forms.token_of(secret), **values})
    response = HTMLResponse(content, code, {"cache-control": "no-store", "content-language": texts.language})
    if is_new:
        is_secure = request.url.scheme == "https"
        response.set_cookie(forms.COOKIE, secret, httponly=True, samesite="strict", secure=is_secure)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, texts.language, LANGUAGE_SECONDS, httponly=True, samesite="lax")
    return response


def _error_page(request: Request, error: HttpError) -> Response:
    """Returns the page of an error: what happened in plain words, and what the service states."""
    texts = _texts(request)
    code = error.http_status
    kind = f"error.{code}" if f"error.{code}" in texts.by_key else f"error.{'refused' if code < 500 else 'failed'}"
    details = document_of(error)["error"]["details"]
    path = request.url.path if request.method == "GET" else _page_of_form(request.url.path)
    values: dict[str, object] = {
        "section": "",
        "kind": kind,
        "message": error.status.message,
        "reasons": [one["reason"] for one in details if "reason" in one],
        "back": f"/{path.lstrip('/')}",  # browsers take //name for the address of another host
    }
    response = _page(request, texts, "error.html", values, code)
    response.headers.update(headers_of(error))
    return response


def _page_of_form(path: str) -> str:
    """Returns the path of the page with the form that is sent to a path."""
    page, is_of_loan, _ = re.sub("/(breaches|disposals|reserves)(/|$)", "\n", path, count=1).partition("\n")
    return page if is_of_loan else path.rpartition("/")[0]


async def _answer_error(request: Request, error: Exception) -> Response:
    return _error_page(request, _http_error_of(error, request.url.path))


def _http_error_of(error: Exception, path: str) -> HttpError:
    """Returns the error with its HTTP status; of an unforeseen one, only a reference."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, grpc.aio.AioRpcError):
        return of_call(error)
    if isinstance(error, HTTPException):
        return refusal(grpc.StatusCode.NOT_FOUND, "UNKNOWN_PATH", "got an unknown address", error.status_code)
    return HttpError(unforeseen_status(error, path=path))


async def _answer_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


def _unforeseen(scope: Scope, error: HttpError) -> Response:
    return _error_page(Request(scope), error)
