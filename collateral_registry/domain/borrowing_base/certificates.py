"""Certificates: a borrower's statement of a base for a period, recomputed and approved by another person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.access.two_persons import check_second_person
from collateral_registry.domain.borrowing_base.walk import Statement, WalkStep, walk
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput
from valuation.money import PPM


class CertificateState(IntEnum):
    """State of a certificate; the numeric values are stored and sent."""

    OPEN = 1
    SUBMITTED = 2
    RECOMPUTED = 3
    APPROVED = 4
    RETURNED = 5
    SUPERSEDED = 6


DUE_STATES = (CertificateState.OPEN, CertificateState.SUBMITTED, CertificateState.RETURNED)
"""States in which the borrower owes a statement and may submit one.

One is SUBMITTED before the loan is judged for the end of the period, and is submitted again after that. A statement
that is recomputed is returned first.
"""


@dataclass(frozen=True)
class ReserveLine:
    """A reserve of a recomputed base, by its kind and id; a computed one has no id, but the name of its ``source``."""

    kind: str
    reserve_id: str
    amount_minor: int
    source: str = ""


@dataclass(frozen=True)
class Recomputation:
    """The base of the certificate's period as recorded, with everything by which it was computed.

    ``seq`` is the commit of the judgement, ``estimates`` are the keys of the haircut curves.
    """

    statement: Statement
    reserves: tuple[ReserveLine, ...]
    used_minor: int
    availability_minor: int
    seq: int
    market_day: date
    policy_id: str
    estimates: tuple[int, ...]


@dataclass(frozen=True)
class FailingLine:
    """A line of a submitted statement that does not hold; the class is empty for a line of the whole statement."""

    asset_class: str
    line: str
    note: str

    def __post_init__(self) -> None:
        """Raises InvalidInput without a line and a note."""
        checked_text("asset_class", self.asset_class, required=False)
        checked_text("line", self.line)
        checked_text("note", self.note)


@dataclass(frozen=True)
class Certificate:
    """A certificate of a loan for a period that ends on a day, due on another.

    Times are microseconds UTC, 0 where nothing has happened yet. The return is the last one, also after another
    statement; the failing lines are those of the present statement.
    """

    certificate_id: str
    loan_id: str
    period_end: date
    due: date
    state: CertificateState = CertificateState.OPEN
    submitted: Statement | None = None
    submitted_by: str = ""
    submitted_us: int = 0
    recomputed: Recomputation | None = None
    approved_minor: int | None = None
    approved_by: str = ""
    approved_us: int = 0
    approval_reason: str = ""
    returned_by: str = ""
    returned_us: int = 0
    return_reason: str = ""
    failing_lines: tuple[FailingLine, ...] = ()
    submitting_principal: str = ""
    approving_principal: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for a due day before the end of the period."""
        if self.due < self.period_end:
            raise InvalidInput("due_date", self.due, f"{self.period_end}, the period_end_date, or later")

    @property
    def name(self) -> str:
        """Resource name of the certificate."""
        return f"loans/{self.loan_id}/certificates/{self.certificate_id}"

    @property
    def difference_minor(self) -> int:
        """The recomputed less the submitted base; 0 until both exist."""
        if self.submitted is None or self.recomputed is None:
            return 0
        return self.recomputed.statement.base_minor - self.submitted.base_minor

    @property
    def steps(self) -> tuple[WalkStep, ...]:
        """The steps from the submitted to the recomputed base, whose changes sum to the difference."""
        if self.submitted is None or self.recomputed is None:
            return ()
        return walk(self.submitted, self.recomputed.statement)

    def differs(self, tolerance_ppm: int) -> bool:
        """Returns whether the bases differ by more than a share of the recomputed one."""
        if self.recomputed is None:
            return False
        return abs(self.difference_minor) * PPM > self.recomputed.statement.base_minor * tolerance_ppm

    def submit(self, statement: Statement, author: Author, time_us: int) -> Certificate:
        """Returns the certificate with a statement; raises Refused in a state that takes none."""
        if self.state not in DUE_STATES:
            raise self._refusal("SUBMITTED", "return it first, or create another certificate")
        return replace(
            self,
            state=CertificateState.SUBMITTED,
            submitted=statement,
            submitted_by=author.actor,
            submitting_principal=author.principal,
            submitted_us=time_us,
            recomputed=None,
            failing_lines=(),
        )

    def recompute(self, found: Recomputation) -> Certificate:
        """Returns a submitted certificate with the recomputed base."""
        return replace(self, state=CertificateState.RECOMPUTED, recomputed=found)

    def approve(self, amount_minor: int | None, author: Author, reason: str, time_us: int) -> Certificate:
        """Returns the certificate with an approved base, by default the recomputed one.

        Raises Refused for the submitter, because an approval needs two people, and for a certificate that is not
        recomputed. Raises InvalidInput for more than the recomputed base, and for less without a reason.
        """
        if self.state != CertificateState.RECOMPUTED or self.recomputed is None:
            raise self._refusal("APPROVED", "submit its statement first, when the loan is judged for the period")
        self._check_other_person(author)
        most = self.recomputed.statement.base_minor
        approved = most if amount_minor is None else amount_minor
        if approved > most:
            raise InvalidInput("approved_base", approved, f"at most {most} minor units, the recomputed base")
        if approved < most and not reason:
            raise InvalidInput("reason", "nothing", "why less than the recomputed base is approved")
        return replace(
            self,
            state=CertificateState.APPROVED,
            approved_minor=approved,
            approved_by=author.actor,
            approving_principal=author.principal,
            approved_us=time_us,
            approval_reason=reason,
        )

    def give_back(self, author: Author, reason: str, lines: tuple[FailingLine, ...], time_us: int) -> Certificate:
        """Returns the certificate returned to the borrower, with the lines that fail.

        Raises Refused for the submitter, and unless it is submitted or recomputed.
        """
        if self.state not in {CertificateState.SUBMITTED, CertificateState.RECOMPUTED}:
            raise self._refusal("RETURNED", "only a submitted certificate is returned")
        self._check_other_person(author)
        return replace(
            self,
            state=CertificateState.RETURNED,
            returned_by=author.actor,
            returned_us=time_us,
            return_reason=reason,
            failing_lines=lines,
        )

    def supersede(self) -> Certificate:
        """Returns the certificate superseded by the approval of another one."""
        return replace(self, state=CertificateState.SUPERSEDED)

    def _check_other_person(self, author: Author) -> None:
        submitter = Author(self.submitting_principal, self.submitted_by)
        check_second_person(submitter, author, "CERTIFICATE_OWN_STATEMENT", "submitter")

    def _refusal(self, wanted: str, advice: str) -> Refused:
        return Refused("CERTIFICATE_STATE", f"{self.name} is {self.state.name} and cannot become {wanted}: {advice}")
