"""The borrowing base of a loan: from its gross collateral to what may still be drawn, to the cent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from google.type.money_pb2 import Money

from collateral_registry.v1 import borrowing_base_pb2 as pb, facets_pb2, loan_pb2, receivable_pb2, report_pb2
from collateral_registry.web.pages.numbers import identifier, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.reserve_changes import DONE, KINDS
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.report import moment_of
from collateral_registry.web.pages.views.receivables.base_difference import difference_of
from collateral_registry.web.pages.views.receivables.base_lines import capital, sections
from collateral_registry.web.pages.views.receivables.base_picture import picture
from collateral_registry.web.pages.views.receivables.pool_statements import fetch_statements, pools_of, unknown_pools
from collateral_registry.web.pages.visit import ROWS, Page, Visit

POOLS_COMPARED = 20
"""Pools whose last good amounts are shown."""


@dataclass(frozen=True)
class ListedReserve:
    """A reserve with what it deducts from the base that is shown; None if it is not in force then."""

    label: str
    reserve: pb.Reserve
    deduction: Money | None

    @property
    def can_end(self) -> bool:
        """Whether the reserve has not been ended."""
        return not self.reserve.HasField("end_time")


@dataclass(frozen=True)
class LastGood:
    """An amount as it counts, and with what is unknown at its last known value."""

    label: str
    conservative: Money
    last_good: Money


async def base(visit: Visit) -> Page:
    """Returns the page of a loan's borrowing base as of the moment of the address."""
    name = f"loans/{visit.parameters['loan']}"
    services, call = visit.book.services, visit.book.call
    counted = await call(
        services.facets.GetLoanFacets, facets_pb2.GetLoanFacetsRequest(as_of=visit.as_of, fields=["level"])
    )
    moment = moment_of(visit, counted)
    as_of = report_pb2.AsOf(sequence=moment.sequence)
    found, loan, listed = await asyncio.gather(
        call(services.borrowing_bases.GetBorrowingBase, pb.GetBorrowingBaseRequest(name=name, as_of=as_of)),
        call(services.loans.GetLoan, loan_pb2.GetLoanRequest(name=name)),
        call(services.borrowing_bases.ListReserves, pb.ListReservesRequest(parent=name, page_size=ROWS)),
    )
    statements, difference = await asyncio.gather(
        fetch_statements(visit, pools_of(found)[:POOLS_COMPARED], as_of),
        difference_of(visit, found, moment, counted.loan_count),
    )
    values = {
        "loan": loan,
        "base": found,
        "availability": value_of(found.availability),
        "line_binds": found.HasField("line") and value_of(found.line) < value_of(found.base),
        "is_past": moment.is_past,
        "sections": sections(visit, found),
        "picture": picture(visit.texts, found),
        "last_good": _last_good(visit, found, statements),
        "reserves": _reserves(visit.texts, found, listed.reserves),
        "more_reserves": bool(listed.next_page_token),
        "difference": difference,
        "kinds": KINDS,
        "asks_name": not visit.book.states_credentials,
        "request_id": lambda: str(uuid4()),
        "done": visit.query.get("done", "") if visit.query.get("done") in DONE else "",
    }
    return Page("borrowing_base.html", "loans", values, moment)


def _last_good(
    visit: Visit, found: pb.BorrowingBase, statements: Sequence[receivable_pb2.PoolStatement]
) -> list[LastGood]:
    """Returns the amounts that unknown invoices and assets change; none if nothing differs.

    A pool that is unknown as a whole counts as 0, whatever its statement leaves.
    """
    texts, unknown = visit.texts, unknown_pools(found)
    amounts = [
        LastGood(
            texts(f"base.{label}", name=identifier(one.asset)),
            Money(currency_code=one.open_amount.currency_code) if one.asset in unknown else getattr(one, name),
            getattr(one, last_good),
        )
        for one in statements
        for label, name, last_good in (
            ("eligible_of", "eligible_amount", "last_good_eligible_amount"),
            ("lends_of", "lendable_amount", "last_good_lendable_amount"),
        )
    ]
    amounts.append(LastGood(texts("base.title"), found.base, found.last_good_base))
    return [one for one in amounts if value_of(one.conservative) != value_of(one.last_good)]


def _reserves(texts: Texts, found: pb.BorrowingBase, reserves: Sequence[pb.Reserve]) -> list[ListedReserve]:
    """Returns reserves with what they deduct, those in force first."""
    deductions = {one.reserve: one.deduction for one in found.reserves}
    listed = [
        ListedReserve(capital(word(texts, "reserve_kind", one.kind)), one, deductions.get(one.name)) for one in reserves
    ]
    return sorted(listed, key=lambda one: one.deduction is None)
