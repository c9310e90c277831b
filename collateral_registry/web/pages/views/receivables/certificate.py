"""One certificate: its three statements line by line, what explains their difference, what is missing, who did what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from collateral_registry.domain.access.callers import LOCAL_OWNER
from collateral_registry.v1 import business_date_pb2, certificate_pb2 as pb, common_pb2, loan_pb2, policy_pb2
from collateral_registry.web.pages.certificates.changes import STEPS, failing_text
from collateral_registry.web.pages.certificates.columns import Columns
from collateral_registry.web.pages.certificates.sentences import (
    Sentences,
    class_requests,
    numbers_of,
    sentence,
    tolerance_of,
)
from collateral_registry.web.pages.certificates.statement_table import statement_text
from collateral_registry.web.pages.certificates.walk import walk_chart, walk_of
from collateral_registry.web.pages.numbers import calendar, value_of
from collateral_registry.web.pages.views.common.refusals import refusal_of
from collateral_registry.web.pages.views.receivables.base_lines import capital, class_name, reserve_label
from collateral_registry.web.pages.views.receivables.certificate_labels import line_label, step_label
from collateral_registry.web.pages.views.receivables.certificates import OWED_STATES, overdue_days
from collateral_registry.web.pages.visit import Page, Visit


@dataclass(frozen=True)
class Happened:
    """What a person did with a certificate, and when; ``key`` is that of its text. The base is None for a return."""

    time: Timestamp
    who: str
    principal: str
    key: str
    base: Money | None = None
    note: str = ""
    lines: Sequence[pb.FailingLine] = ()


STEPS_OF_STATE = {
    pb.CERTIFICATE_STATE_OPEN: ("submit",),
    pb.CERTIFICATE_STATE_RETURNED: ("submit",),
    pb.CERTIFICATE_STATE_SUBMITTED: ("submit", "return"),
    pb.CERTIFICATE_STATE_RECOMPUTED: ("approve", "return"),
}
"""Steps that the service takes in a state."""


async def certificate(visit: Visit) -> Page:
    """Returns the page of a certificate."""
    loan_name = f"loans/{visit.parameters['loan']}"
    name = f"{loan_name}/certificates/{visit.parameters['certificate']}"
    services, call = visit.book.services, visit.book.call
    found, loan, now = await asyncio.gather(
        call(services.certificates.GetCertificate, pb.GetCertificateRequest(name=name)),
        call(services.loans.GetLoan, loan_pb2.GetLoanRequest(name=loan_name)),
        call(services.dates.GetBusinessDate, business_date_pb2.GetBusinessDateRequest()),
    )
    numbers, grace, refusal = await asyncio.gather(
        fetch_numbers(visit, found), _grace(visit, now.policy), _refusal(visit, found)
    )
    columns, walk = Columns(found), walk_of(found)
    steps = STEPS_OF_STATE.get(found.state, ())
    values = {
        "certificate": found,
        "loan": loan,
        "currency": loan.currency_code,
        "classes": columns.classes,
        "base": columns.base,
        "walk": walk,
        "walk_chart": walk_chart(visit.texts, walk),
        "line_label": partial(line_label, visit.texts),
        "step_label": partial(step_label, visit.texts),
        "class_name": partial(class_name, visit.texts),
        "capital": capital,
        "reserve_label": reserve_label,
        "sentence": partial(sentence, visit.texts, numbers),
        "days_overdue": overdue_days(found, calendar(now.date)),
        "is_owed": found.state in OWED_STATES,
        "today": now.date,
        "grace": grace,
        "blocks": common_pb2.UNKNOWN_REASON_CERTIFICATE_OVERDUE in loan.cover.unknown_reasons,
        "beyond": _is_beyond(found, numbers),
        "refusal": refusal,
        "steps": [step for step in steps if step == "submit" or not refusal],
        "statement_text": statement_text(found.submitted),
        "failing_text": failing_text(visit.texts, found),
        "happened": happened(found),
        "asks_name": not visit.book.states_credentials,
        "request_id": lambda: str(uuid4()),
        "done": visit.query.get("done", "") if visit.query.get("done") in STEPS else "",
    }
    return Page("certificate.html", "certificates", values)


async def fetch_numbers(visit: Visit, certificate: pb.Certificate) -> Sentences:
    """Returns the numbers that the sentences of a certificate's rules state."""
    get = visit.book.services.policies.GetAssetClass
    return numbers_of(await asyncio.gather(*(visit.book.call(get, one) for one in class_requests(certificate))))


def _identity(principal: str) -> str:
    """Returns the identity of a person; empty for the local owner, whose identity is that of no person."""
    return "" if principal == LOCAL_OWNER.principal else principal


def happened(found: pb.Certificate) -> list[Happened]:
    """Returns what people did with a certificate, the newest first; it has the last of several statements."""
    events = [
        Happened(found.create_time, "", "", "was_opened"),
        Happened(
            found.submit_time, found.submitted_by, _identity(found.submitting_principal), "was_submitted",
            found.submitted.base,
        ),
        Happened(
            found.return_time, found.returned_by, "", "returned", None, found.return_reason, found.failing_lines
        ),
        Happened(
            found.approve_time, found.approved_by, _identity(found.approving_principal), "was_approved",
            found.approved_base, found.approval_reason,
        ),
    ]  # fmt: skip
    done = [event for event in events if event.time.seconds]
    return sorted(done, key=lambda event: event.time.ToNanoseconds(), reverse=True)


async def _grace(visit: Visit, policy: str) -> str:
    """Returns the business days after the due day until an overdue certificate has its effect."""
    request = policy_pb2.GetPolicyRequest(name=policy)
    found: policy_pb2.Policy = await visit.book.call(visit.book.services.policies.GetPolicy, request)
    return next((rule.value.value for rule in found.rules if rule.parameter == "certificate_grace_days"), "")


async def _refusal(visit: Visit, certificate: pb.Certificate) -> str:
    """Returns why the reader may not approve the certificate; empty if nothing is known against it.

    A reader without credentials has no name to decide in.
    """
    if certificate.state != pb.CERTIFICATE_STATE_RECOMPUTED or not visit.book.states_credentials:
        return ""
    request = pb.ApproveCertificateRequest(name=certificate.name, validate_only=True)
    try:
        await visit.book.call(visit.book.services.certificates.ApproveCertificate, request)
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    return ""


def _is_beyond(certificate: pb.Certificate, numbers: Sentences) -> bool:
    """Returns whether the difference of a certificate is above the tolerance of the policy."""
    share = tolerance_of(numbers)
    return abs(value_of(certificate.difference)) > value_of(certificate.recomputed.base) * share
