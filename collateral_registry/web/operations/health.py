"""The routes of health: whether the process lives, and whether it can answer calls."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from collateral_registry.runtime.health import Health, Part

NOT_STORED = {"cache-control": "no-store"}


def health_routes(health: Health) -> Sequence[Route]:
    """Returns the routes /healthz, which answers while the process lives, and /readyz, which states every part."""

    async def live(_: Request) -> PlainTextResponse:
        return PlainTextResponse("alive\n", headers=NOT_STORED)

    async def ready(_: Request) -> JSONResponse:
        parts = {
            part.value: {"ready": part not in health.causes, "cause": health.causes.get(part, "")} for part in Part
        }
        status = 200 if health.is_ready else 503
        return JSONResponse({"ready": health.is_ready, "parts": parts}, status, headers=NOT_STORED)

    return [Route("/healthz", live, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]
