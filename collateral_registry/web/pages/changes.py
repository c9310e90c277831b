"""Changes by forms: the steps of a breach."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from collateral_registry.v1 import breach_pb2 as pb
from collateral_registry.web.pages.visit import Visit, address_of, day_of

STEPS = ("acknowledge", "grace", "waive")


async def take_step(visit: Visit, form: Mapping[str, str]) -> str:
    """Takes a step of a breach and returns the address that shows it; raises grpc.aio.AioRpcError or HttpError."""
    loan, number, step = (visit.parameters[name] for name in ("loan", "breach", "step"))
    if step not in STEPS:
        raise HTTPException(404)
    name = f"loans/{loan}/breaches/{number}"
    stated = {"actor": form.get("actor", ""), "note": form.get("note", ""), "request_id": form.get("request_id", "")}
    breaches = visit.book.services.breaches
    if step == "acknowledge":
        await visit.book.call(breaches.AcknowledgeBreach, pb.AcknowledgeBreachRequest(name=name, **stated))
    elif step == "waive":
        await visit.book.call(breaches.WaiveBreach, pb.WaiveBreachRequest(name=name, **stated))
    else:
        deadline = day_of("deadline_date", form.get("deadline_date", ""))
        request = pb.GrantGraceRequest(name=name, deadline_date=deadline, **stated)
        await visit.book.call(breaches.GrantGrace, request)
    return address_of(f"/loans/{loan}", {"done": step})
