"""Stores certificates of borrowing bases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, insert, or_, select, update
from sqlmodel import col

from collateral_registry.domain.borrowing_base.certificates import DUE_STATES, Certificate, CertificateState
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Id, Time, enum
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, optional_day
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import check_unused, existing, values_of
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.borrowing_base import CertificateRow
from collateral_registry.store.schema.loans import LoanRow
from valuation._typing import Int

CERTIFICATE_FILTER = FilterTable(
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    state=FilterField(enum(CertificateState, "CERTIFICATE_STATE_"), CertificateRow.state),
    period_end_date=optional_day(Day(), CertificateRow.period_end_day),
    due_date=optional_day(Day(), CertificateRow.due_day),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which certificates can be filtered."""


Position = tuple[int, str, str]
"""Place of a certificate in an order: the value by which it is ordered, and the ids of loan and certificate."""

START: Position = (-(2**62), "", "")
"""A position before every certificate, in any order."""


class CertificateOrder(StrEnum):
    """Order of a list of certificates, as requests state it; certificates due on the same day are in that of ids."""

    IDS = ""
    DUE = "due_date"
    NEWEST_DUE = "due_date desc"


_SIGNS = {CertificateOrder.IDS: 0, CertificateOrder.DUE: 1, CertificateOrder.NEWEST_DUE: -1}
"""Factor of the due day by which each order sorts."""


@dataclass(frozen=True)
class StoredCertificate:
    """A certificate with its keys, the currency of its loan and its time of creation."""

    key: int
    loan_key: int
    currency: str
    certificate: Certificate
    created_us: int

    def position(self, order: CertificateOrder) -> Position:
        """Returns the place of the certificate in an order."""
        one = self.certificate
        return _SIGNS[order] * day_of(one.due), one.loan_id, one.certificate_id


def insert_certificate(write: Write, certificate: Certificate, loan_key: int) -> None:
    """Stores a new certificate; raises AlreadyExists if the loan has one with that id."""
    own = (CertificateRow.loan_key == loan_key, CertificateRow.certificate_id == certificate.certificate_id)
    check_unused(write.connection, certificate.name, *own)
    values = {
        **values_of(certificate, "certificate_id", "state"),
        "loan_key": loan_key,
        "period_end_day": day_of(certificate.period_end),
        "due_day": day_of(certificate.due),
        "document": to_document(certificate),
        "created_seq": write.seq,
        "updated_seq": write.seq,
    }
    write.connection.execute(insert(CertificateRow).values(**values))


def update_certificate(write: Write, stored: StoredCertificate, certificate: Certificate) -> None:
    """Stores a new state of a certificate."""
    values = {**values_of(certificate, "state"), "document": to_document(certificate), "updated_seq": write.seq}
    own = CertificateRow.certificate_key == stored.key
    write.connection.execute(update(CertificateRow).where(own).values(**values))


def get_certificate(connection: Connection, loan_id: str, certificate_id: str) -> StoredCertificate:
    """Returns one certificate; raises NotFound."""
    where = [LoanRow.loan_id == loan_id, CertificateRow.certificate_id == certificate_id]
    return existing(_certificates(connection, where, 1), f"loans/{loan_id}/certificates/{certificate_id}")


def list_certificates(
    connection: Connection, wanted: Expression, order: CertificateOrder, after: Position, limit: int
) -> list[StoredCertificate]:
    """Returns a page of certificates in an order."""
    place, loan_id, certificate_id = after
    in_loan = (LoanRow.loan_id == loan_id) & (CertificateRow.certificate_id > certificate_id)
    later = or_(LoanRow.loan_id > loan_id, in_loan)
    if order is CertificateOrder.IDS:
        return _certificates(connection, [CERTIFICATE_FILTER.where(wanted), later], limit)
    day = _SIGNS[order] * col(CertificateRow.due_day)
    later = or_(day > place, (day == place) & later)
    return _certificates(connection, [CERTIFICATE_FILTER.where(wanted), later], limit, [day])


def certificates_until(connection: Connection, loan_key: int, period_end_day: int) -> list[StoredCertificate]:
    """Returns the certificates of a loan for periods that end by a day and that are not superseded."""
    where = [
        CertificateRow.loan_key == loan_key,
        CertificateRow.period_end_day <= period_end_day,
        CertificateRow.state != int(CertificateState.SUPERSEDED),
    ]
    return _certificates(connection, where, None)


def due_days(source: Source, loan_keys: Int) -> dict[int, int]:
    """Returns the earliest due day of the certificates that each loan owes, for loans that owe one."""
    columns = read_columns(source, _DUE, {"keys": loan_keys})
    found: dict[int, int] = {}
    for loan_key, due_day in zip(columns["loan_key"].tolist(), columns["due_day"].tolist(), strict=True):
        found[loan_key] = min(due_day, found.get(loan_key, due_day))
    return found


_DUE = select(CertificateRow.loan_key, CertificateRow.due_day).where(
    is_one_of(CertificateRow.loan_key, KEYS), CertificateRow.state.in_([int(state) for state in DUE_STATES])
)


def _certificates(
    connection: Connection,
    where: Sequence[ColumnElement[bool]],
    limit: int | None,
    first: Sequence[ColumnElement[int]] = (),
) -> list[StoredCertificate]:
    """Returns certificates in the order of ``first``, and then of the ids of loan and certificate."""
    statement = (
        select(
            CertificateRow.certificate_key,
            CertificateRow.loan_key,
            LoanRow.currency,
            CertificateRow.document,
            CommitRow.known_us,
        )
        .join(LoanRow, LoanRow.loan_key == CertificateRow.loan_key)
        .join(CommitRow, CommitRow.seq == CertificateRow.created_seq)
        .where(*where)
        .order_by(*first, LoanRow.loan_id, CertificateRow.certificate_id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [
        StoredCertificate(key, loan_key, currency, from_document(Certificate, document), created_us)
        for key, loan_key, currency, document, created_us in rows
    ]
