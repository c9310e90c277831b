"""What stands above every page: the moment of the book and the number of open breaches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from collateral_registry.v1 import breach_pb2, business_date_pb2
from collateral_registry.web.pages.visit import Moment, Visit

COUNTED_BREACHES = 99
"""Open breaches that are counted exactly; a larger number is shown as more."""


@dataclass(frozen=True)
class Head:
    """The moment of the newest commit, and the number of open breaches as it is shown."""

    moment: Moment
    open_breaches: str


async def head_of(visit: Visit) -> Head:
    """Returns the head of every page."""
    services = visit.book.services
    request = breach_pb2.ListBreachesRequest(parent="loans/-", filter="state = OPEN", page_size=COUNTED_BREACHES + 1)
    now, found = await asyncio.gather(
        visit.book.call(services.dates.GetBusinessDate, business_date_pb2.GetBusinessDateRequest()),
        visit.book.call(services.breaches.ListBreaches, request),
    )
    count = len(found.breaches)
    shown = f"{COUNTED_BREACHES}+" if count > COUNTED_BREACHES else str(count)
    return Head(Moment(now.date, now.sequence, now.policy), shown)
