"""The list of certificates of borrowing bases; those that are overdue come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from collateral_registry.v1 import business_date_pb2, certificate_pb2 as pb
from collateral_registry.web.pages.numbers import calendar
from collateral_registry.web.pages.views.common.filters import conjunction, prefix
from collateral_registry.web.pages.visit import ROWS, Page, Visit

OWED = "state IN (OPEN, RETURNED)"
STATES = {
    "open": OWED,
    "overdue": OWED,
    **{name: f"state = {name.upper()}" for name in ("submitted", "recomputed", "returned", "approved", "superseded")},
    "all": "",
}
"""Tests of the choices of a state; ``overdue`` leaves out those that are still due."""

STAGES = ("overdue", "others")
"""Parts of the list, one after the other; a page token begins with the name of its part."""


@dataclass(frozen=True)
class Row:
    """A certificate with the days since its due day, None unless it is overdue."""

    certificate: pb.Certificate
    days_overdue: int | None


async def certificates(visit: Visit) -> Page:
    """Returns the page of certificates that the address selects; without a state, those that are owed."""
    query, request = visit.query, business_date_pb2.GetBusinessDateRequest()
    state = query.get("state", "")
    state = state if state in STATES else "open"
    now = await visit.book.call(visit.book.services.dates.GetBusinessDate, request)
    today = calendar(now.date)
    selected = conjunction(prefix("loan", query.get("q", "").strip()), STATES[state], query.get("filter", ""))
    stages = STAGES[:1] if state == "overdue" else STAGES
    found, token = await _page(visit, selected, stages, today)
    rows = [Row(one, overdue_days(one, today)) for one in found]
    return Page("certificates.html", "certificates", {"rows": rows, "next": token, "state": state, "states": STATES})


def overdue_days(certificate: pb.Certificate, today: date | None) -> int | None:
    """Returns the days since the due day of a certificate that the borrower still owes; None if it is not overdue."""
    due = calendar(certificate.due_date)
    is_owed = certificate.state in {pb.CERTIFICATE_STATE_OPEN, pb.CERTIFICATE_STATE_RETURNED}
    return (today - due).days if is_owed and today and due and due < today else None


async def _page(
    visit: Visit, selected: str, stages: Sequence[str], today: date | None
) -> tuple[list[pb.Certificate], str]:
    """Returns at most a page of certificates, and the token of the next page; overdue ones by their due day."""
    first, _, token = visit.query.get("page_token", "").partition(".")
    found: list[pb.Certificate] = []
    for stage in stages[stages.index(first) if first in stages else 0 :]:
        is_overdue = f'({OWED} AND due_date < "{today}")'
        test = is_overdue if stage == "overdue" else f"NOT {is_overdue}"
        request = pb.ListCertificatesRequest(
            parent="loans/-", filter=conjunction(selected, test), page_size=ROWS - len(found), page_token=token
        )
        listed = await visit.book.call(visit.book.services.certificates.ListCertificates, request)
        is_first = stage == STAGES[0]
        found += sorted(listed.certificates, key=_due_day) if is_first else listed.certificates
        if listed.next_page_token:
            return found, f"{stage}.{listed.next_page_token}"
        if len(found) == ROWS and stage != stages[-1]:
            return found, f"{stages[-1]}."
        token = ""
    return found, ""


def _due_day(certificate: pb.Certificate) -> date:
    return calendar(certificate.due_date) or date.max
