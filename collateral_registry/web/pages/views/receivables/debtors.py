"""The debtors of the book, with what each owes over all pools."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from collateral_registry.v1 import debtor_pb2 as pb
from collateral_registry.web.pages.numbers import value_of
from collateral_registry.web.pages.views.common.filters import choice, conjunction, equals, prefix
from collateral_registry.web.pages.visit import Moment, Page, Visit

DEBTORS_SHOWN = 25
"""Debtors of a page: the exposure of each is a call."""

EXPOSURES_AT_ONCE = 2
"""Calls of a page that run at the same time: the server has few places for calls that compute ladders."""

STATES = {"active": "state = ACTIVE", "insolvent": "state = INSOLVENT", "blocked": "state = BLOCKED"}
NOT_MERGED = "NOT merged_into:*"


@dataclass(frozen=True)
class Row:
    """A debtor with its exposure, and the used share of its line; None without a line that counts."""

    debtor: pb.Debtor
    exposure: pb.DebtorExposure
    used: Decimal | None


async def debtors(visit: Visit) -> Page:
    """Returns the page of debtors that the address selects."""
    query, services, call = visit.query, visit.book.services, visit.book.call
    request = pb.ListDebtorsRequest(
        filter=selection_of(visit), page_size=DEBTORS_SHOWN, page_token=query.get("page_token", "")
    )
    listed = await call(services.debtors.ListDebtors, request)
    places = asyncio.Semaphore(EXPOSURES_AT_ONCE)

    async def exposure_of(one: pb.Debtor) -> pb.DebtorExposure:
        async with places:
            request = pb.GetDebtorExposureRequest(name=one.name)
            found: pb.DebtorExposure = await call(services.debtors.GetDebtorExposure, request)
            return found

    exposures = await asyncio.gather(*map(exposure_of, listed.debtors))
    rows = [Row(one, exposure, used_share(exposure)) for one, exposure in zip(listed.debtors, exposures, strict=True)]
    values = {"rows": rows, "states": STATES, "next": listed.next_page_token}
    return Page("debtors.html", "debtors", values)


def selection_of(visit: Visit) -> str:
    """Returns the filter of an address; duplicates that were merged are shown with the debtor that remains."""
    query = visit.query
    text = query.get("q", "").strip()
    named = f"{prefix('display_name', text)} OR {prefix('name', text)}" if is_id(text) else prefix("display_name", text)
    return conjunction(
        named,
        choice(query, "state", STATES),
        "core_firm = true" if query.get("core") == "yes" else "",
        equals("country_code", query.get("country", "").strip().upper()),
        NOT_MERGED,
        query.get("filter", ""),
    )


def is_id(text: str) -> bool:
    """Returns whether a text may be the beginning of an id."""
    return bool(text) and text.isascii() and text == text.lower() and text.replace("-", "").isalnum()


def used_share(exposure: pb.DebtorExposure) -> Decimal | None:
    """Returns the share of a line that pools claim; None without a line, and of one that counts nothing any more."""
    if not exposure.HasField("line"):
        return None
    claimed = value_of(exposure.claimed_amount)
    available = value_of(exposure.headroom) + claimed
    return claimed / available if available else None


def moment_of(visit: Visit, exposure: pb.DebtorExposure) -> Moment:
    """Returns the moment of an exposure."""
    is_past = visit.as_of.WhichOneof("moment") is not None
    return Moment(exposure.market_date, exposure.sequence, "", is_past)
