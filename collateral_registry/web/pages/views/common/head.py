"""What stands above every page: the moment of the book and the number of open breaches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from collateral_registry.v1 import business_date_pb2, facets_pb2
from collateral_registry.web.pages.views.common.facets import Facets, fetch_facets
from collateral_registry.web.pages.visit import Moment, Visit


@dataclass(frozen=True)
class Head:
    """The moment of the newest commit, and the number of open breaches: of loans at a margin call or worse."""

    moment: Moment
    open_breaches: int


async def head_of(visit: Visit) -> Head:
    """Returns the head of every page."""
    services = visit.book.services
    now, found = await asyncio.gather(
        visit.book.call(services.dates.GetBusinessDate, business_date_pb2.GetBusinessDateRequest()),
        fetch_facets(visit, facets_pb2.GetLoanFacetsRequest(fields=["level"])),
    )
    return Head(Moment(now.date, now.sequence, now.policy), beyond_of(found))


def beyond_of(facets: Facets) -> int:
    """Returns the number of loans beyond their limits."""
    return sum(facets.count("level", name) for name in ("MARGIN_CALL", "STOP_DRAW", "LIQUIDATION"))
