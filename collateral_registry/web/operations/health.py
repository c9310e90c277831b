"""The routes of health: whether the process lives, and whether it can answer calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from collateral_registry.domain.access.callers import OWN_LENDER
from collateral_registry.runtime.health import Health, Part

NOT_STORED = {"cache-control": "no-store"}


def health_routes(healths: Mapping[str, Health]) -> Sequence[Route]:
    """Returns the routes of the states of the books by lender.

    /healthz answers while the process lives, /readyz states every part of every book, and /readyz/LENDER those of one.
    """

    async def live(_: Request) -> PlainTextResponse:
        return PlainTextResponse("alive\n", headers=NOT_STORED)

    async def ready(_: Request) -> JSONResponse:
        if healths.keys() == {OWN_LENDER}:
            return _answer(_document(healths[OWN_LENDER]))
        all_ready = all(health.is_ready for health in healths.values())
        books = {lender: _document(health) for lender, health in healths.items()}
        return _answer({"ready": all_ready, "books": books})

    async def book_ready(request: Request) -> JSONResponse:
        health = healths.get(request.path_params["lender"])
        if health is None:
            return JSONResponse({"ready": False, "parts": {}}, 404, headers=NOT_STORED)
        return _answer(_document(health))

    return [
        Route("/healthz", live, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/readyz/{lender}", book_ready, methods=["GET"]),
    ]


def _document(health: Health) -> dict[str, Any]:
    parts = {part.value: {"ready": part not in health.causes, "cause": health.causes.get(part, "")} for part in Part}
    return {"ready": health.is_ready, "parts": parts}


def _answer(document: dict[str, Any]) -> JSONResponse:
    return JSONResponse(document, 200 if document["ready"] else 503, headers=NOT_STORED)
