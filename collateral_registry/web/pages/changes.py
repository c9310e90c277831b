"""Changes by forms: the steps of a breach."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from collateral_registry.v1 import breach_pb2 as pb, proposal_pb2
from collateral_registry.web.pages.visit import Visit, address_of, day_of

STEPS = ("acknowledge", "grace", "waive", "propose")
"""Steps of a breach. The local owner waives the call; a caller with credentials proposes that another person does."""


def steps_of(breach: pb.Breach | None, *, has_credentials: bool) -> list[str]:
    """Returns the steps that the state of a breach and the credentials of the reader allow."""
    if breach is None or breach.state != pb.BREACH_STATE_OPEN:
        return []
    needless = {
        "acknowledge": breach.acknowledged,
        "grace": not breach.deadline_date.year,
        "waive": breach.waived or has_credentials,
        "propose": breach.waived or not has_credentials,
    }
    return [step for step in STEPS if not needless[step]]


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
    elif step == "propose":
        reason = stated.pop("note")
        waiver = pb.WaiveBreachRequest(name=name, note=reason)
        proposal = proposal_pb2.Proposal(reason=reason, waive_breach=waiver)
        request = proposal_pb2.CreateProposalRequest(proposal=proposal, **stated)
        await visit.book.call(visit.book.services.proposals.CreateProposal, request)
    else:
        deadline = day_of("deadline_date", form.get("deadline_date", ""))
        grace = pb.GrantGraceRequest(name=name, deadline_date=deadline, **stated)
        await visit.book.call(breaches.GrantGrace, grace)
    return address_of(f"/loans/{loan}", {"done": step})
