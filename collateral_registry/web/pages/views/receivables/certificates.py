"""The list of certificates of borrowing bases; of those that are owed the overdue ones come first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from collateral_registry.v1 import business_date_pb2, certificate_pb2 as pb
from collateral_registry.web.pages.numbers import calendar
from collateral_registry.web.pages.views.common.filters import conjunction, loan_begins_with
from collateral_registry.web.pages.visit import ROWS, Page, Visit

OWED = "state IN (OPEN, SUBMITTED, RETURNED)"
OWED_STATES = (pb.CERTIFICATE_STATE_OPEN, pb.CERTIFICATE_STATE_SUBMITTED, pb.CERTIFICATE_STATE_RETURNED)
"""States in which the borrower owes a statement: one that is submitted before the end of its period is owed again."""

STATES = {
    "open": OWED,
    "overdue": OWED,
    **{name: f"state = {name.upper()}" for name in ("submitted", "recomputed", "returned", "approved", "superseded")},
    "all": "",
}
"""Tests of the choices of a state; ``overdue`` leaves out those that are still due."""

STILL_OWED = ("open", "overdue", "submitted", "returned")
"""States whose certificates are listed from the earliest due day on, the overdue ones first; others from the latest."""


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
    overdue = f'due_date < "{today}"' if state == "overdue" else ""
    listing = pb.ListCertificatesRequest(
        parent="loans/-",
        filter=conjunction(
            loan_begins_with(query.get("q", "").strip()), STATES[state], overdue, query.get("filter", "")
        ),
        order_by="due_date" if state in STILL_OWED else "due_date desc",
        page_size=ROWS,
        page_token=query.get("page_token", ""),
    )
    listed = await visit.book.call(visit.book.services.certificates.ListCertificates, listing)
    rows = [Row(one, overdue_days(one, today)) for one in listed.certificates]
    values = {"rows": rows, "next": listed.next_page_token, "state": state, "states": STATES}
    return Page("certificates.html", "certificates", values)


def overdue_days(certificate: pb.Certificate, today: date | None) -> int | None:
    """Returns the days since the due day of a certificate that the borrower still owes; None if it is not overdue."""
    due = calendar(certificate.due_date)
    return (today - due).days if certificate.state in OWED_STATES and today and due and due < today else None
