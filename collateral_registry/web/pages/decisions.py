"""Decisions on proposals by forms."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from collateral_registry.v1 import proposal_pb2 as pb
from collateral_registry.web.pages.visit import Visit, address_of

DECISIONS = ("approve", "reject")


async def decide(visit: Visit, form: Mapping[str, str]) -> str:
    """Decides on a proposal and returns the address that shows it; raises grpc.aio.AioRpcError or HTTPException."""
    number, decision = visit.parameters["proposal"], visit.parameters["decision"]
    if decision not in DECISIONS:
        raise HTTPException(404)
    stated = {name: form.get(name, "") for name in ("actor", "note", "request_id")}
    services, name = visit.book.services, f"proposals/{number}"
    if decision == "approve":
        await visit.book.call(services.proposals.ApproveProposal, pb.ApproveProposalRequest(name=name, **stated))
    else:
        await visit.book.call(services.proposals.RejectProposal, pb.RejectProposalRequest(name=name, **stated))
    return address_of(f"/proposals/{number}", {"done": decision})
