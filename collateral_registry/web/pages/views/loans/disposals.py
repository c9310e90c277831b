"""The list of disposals, with the tests of what they brought."""

from __future__ import annotations

import asyncio

from collateral_registry.v1 import disposal_pb2 as pb
from collateral_registry.web.pages.views.common.filters import conjunction, loan_begins_with
from collateral_registry.web.pages.views.common.realisation import realisation
from collateral_registry.web.pages.visit import ROWS, Page, Visit

STATES = {"": "state != CLOSED", "open": "state != CLOSED", "closed": "state = CLOSED", "all": ""}


async def disposals(visit: Visit) -> Page:
    """Returns the page of disposals that the address selects; without a state, those that are open."""
    query, service = visit.query, visit.book.services.disposals
    selected = conjunction(
        loan_begins_with(query.get("q", "").strip()),
        STATES.get(query.get("state", ""), STATES[""]),
        query.get("filter", ""),
    )
    listed, tests = await asyncio.gather(
        visit.book.call(
            service.ListDisposals,
            pb.ListDisposalsRequest(filter=selected, page_size=ROWS, page_token=query.get("page_token", "")),
        ),
        realisation(visit),
    )
    return Page(
        "disposals.html", "disposals", {"rows": listed.disposals, "tests": tests, "next": listed.next_page_token}
    )
