"""Opens, submits, approves and returns certificates.

A certificate that is overdue beyond the policy's grace makes the receivables of its loan unknown
(commands/pipeline/covers.py), so that each change of a certificate judges its loan.
"""

from __future__ import annotations

from datetime import date

from collateral_registry.commands.borrowing_base.recomputation import had_base, recomputation
from collateral_registry.commands.borrowing_base.reserves import check_has_base
from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.borrowing_base.certificates import Certificate, CertificateState, FailingLine
from collateral_registry.domain.borrowing_base.walk import Statement
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.borrowing_base.certificates import (
    StoredCertificate,
    certificates_until,
    get_certificate,
    insert_certificate,
    update_certificate,
)
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import open_fingerprints
from collateral_registry.store.loans.repository import get_loan
from valuation.errors import InvalidInput
from valuation.money import PPM


def create_certificate(
    write: Write, loan_id: str, certificate_id: str, period_end: date, due: date
) -> StoredCertificate:
    """Opens a certificate for a period, which the borrower owes until a day.

    Raises Refused for a loan that is closed or has no borrowing base, and InvalidInput for a period at whose end it had
    none.
    """
    loan = get_loan(write.connection, loan_id)
    check_has_base(loan.loan)
    if day_of(period_end) < write.market_day and not had_base(write.connection, loan.key, period_end):
        raise InvalidInput("period_end_date", period_end, "a day on which the loan had a borrowing base")
    insert_certificate(write, Certificate(certificate_id, loan_id, period_end, due), loan.key)
    write.touched.add(loans=[loan.key])
    return get_certificate(write.connection, loan_id, certificate_id)


def submit_certificate(write: Write, loan_id: str, certificate_id: str, statement: Statement) -> StoredCertificate:
    """Records the borrower's statement and recomputes the base of the period.

    The certificate stays submitted before the end of the period, and on that day until the loan is judged for it. A
    difference above the policy's tolerance opens a finding. Raises Refused in a state that takes no statement.
    """
    stored = get_certificate(write.connection, loan_id, certificate_id)
    certificate = stored.certificate.submit(statement, write.author, write.known_us)
    found = recomputation(write.connection, loan_id, certificate.period_end)
    if found is not None:
        certificate = certificate.recompute(found)
    return _changed(write, stored, certificate)


def approve_certificate(
    write: Write, loan_id: str, certificate_id: str, approved_minor: int | None, reason: str
) -> StoredCertificate:
    """Approves a recomputed certificate, and supersedes those of the loan for periods that end no later.

    Raises Refused for the submitter and for a certificate that is not recomputed, InvalidInput for an amount that may
    not be approved.
    """
    stored = get_certificate(write.connection, loan_id, certificate_id)
    certificate = stored.certificate.approve(approved_minor, write.author, reason, write.known_us)
    for other in certificates_until(write.connection, stored.loan_key, day_of(certificate.period_end)):
        if other.key != stored.key:
            _changed(write, other, other.certificate.supersede())
    return _changed(write, stored, certificate)


def return_certificate(
    write: Write, loan_id: str, certificate_id: str, reason: str, lines: tuple[FailingLine, ...]
) -> StoredCertificate:
    """Returns a certificate to the borrower, who owes a statement again; raises Refused for the submitter."""
    stored = get_certificate(write.connection, loan_id, certificate_id)
    return _changed(write, stored, stored.certificate.give_back(write.author, reason, lines, write.known_us))


def _changed(write: Write, stored: StoredCertificate, certificate: Certificate) -> StoredCertificate:
    """Stores a certificate, opens or resolves the finding about its difference, and has its loan judged."""
    update_certificate(write, stored, certificate)
    numbers = policy_in_force(write.connection, write.market_day).policy.numbers_of(CLASS_ROOT[Kind.RECEIVABLE_POOL])
    tolerance = int(numbers["certificate_tolerance"].value * PPM)
    awaits_decision = certificate.state == CertificateState.RECOMPUTED
    _report(write, stored, certificate, differs=awaits_decision and certificate.differs(tolerance))
    if get_loan(write.connection, certificate.loan_id).loan.state == LoanState.ACTIVE:
        write.touched.add(loans=[stored.loan_key])
    return get_certificate(write.connection, certificate.loan_id, certificate.certificate_id)


def _report(write: Write, stored: StoredCertificate, certificate: Certificate, *, differs: bool) -> None:
    fingerprint = f"certificate differs {certificate.name}"
    if not differs:
        known = open_fingerprints(write.connection, [fingerprint])
        close_findings(write, list(known.values()), f"{certificate.name} is {certificate.state.name}")
        return
    difference = Money(abs(certificate.difference_minor), stored.currency)
    sign = "below" if certificate.difference_minor < 0 else "above"
    summary = (
        f"{certificate.name}: the recomputed base is {difference.major} {difference.currency} {sign} the submitted"
    )
    evidence = {"certificate": certificate.name, "difference": f"{difference.major} {difference.currency} {sign}"}
    kind = FindingKind.CERTIFICATE_DIFFERS
    open_findings(write, [Finding(kind, Severity.WARNING, fingerprint, summary, evidence, loan_key=stored.loan_key)])
