"""Proposals: what one person proposed, what it would change, and the decision of another person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import grpc

from collateral_registry.v1 import loan_pb2, proposal_pb2 as pb
from collateral_registry.web.pages.decisions import DECISIONS
from collateral_registry.web.pages.views.common.refusals import refusal_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

STATES = {"": "state = PENDING", "pending": "state = PENDING", "decided": "state != PENDING", "all": ""}


@dataclass(frozen=True)
class Effect:
    """What an approval by the reader would change; ``refusal`` states why the reader cannot approve."""

    covers: Sequence[loan_pb2.ResultingCover] = ()
    omitted: int = 0
    refusal: str = ""


async def proposals(visit: Visit) -> Page:
    """Returns the page of proposals, newest first; without a state, those that are not decided."""
    query = visit.query
    request = pb.ListProposalsRequest(
        filter=STATES.get(query.get("state", ""), ""), page_size=ROWS, page_token=query.get("page_token", "")
    )
    found = await visit.book.call(visit.book.services.proposals.ListProposals, request)
    rows = [(one, *subject_of(one)) for one in found.proposals]
    return Page("proposals.html", "proposals", {"rows": rows, "next": found.next_page_token})


async def proposal(visit: Visit) -> Page:
    """Returns the page of one proposal."""
    name = f"proposals/{visit.parameters['proposal']}"
    found = await visit.book.call(visit.book.services.proposals.GetProposal, pb.GetProposalRequest(name=name))
    is_pending = found.state == pb.PROPOSAL_STATE_PENDING
    kind, about = subject_of(found)
    values = {
        "proposal": found,
        "kind": kind,
        "about": about,
        "effect": await _effect(visit, name) if is_pending and visit.book.states_credentials else None,
        "decisions": DECISIONS if is_pending else (),
        "asks_name": not visit.book.states_credentials,
        "request_id": lambda: str(uuid4()),
        "done": visit.query.get("done", "") if visit.query.get("done") in DECISIONS else "",
    }
    return Page("proposal.html", "proposals", values)


def subject_of(proposal: pb.Proposal) -> tuple[str, str]:
    """Returns the kind of a proposed request, and the name of what it changes."""
    kind = proposal.WhichOneof("request") or ""
    return kind, getattr(proposal, kind).name if kind else ""


async def _effect(visit: Visit, name: str) -> Effect:
    """Returns what an approval by the reader would change. A reader without credentials has no name to decide in."""
    request = pb.ApproveProposalRequest(name=name, validate_only=True)
    try:
        approved = await visit.book.call(visit.book.services.proposals.ApproveProposal, request)
    except grpc.aio.AioRpcError as error:
        return Effect(refusal=refusal_of(error))
    found = approved.resulting_covers
    return Effect(found.covers, found.omitted_count)
