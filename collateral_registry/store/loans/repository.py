"""Stores loans with their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Amount, Day, Id, Text, Time, enum
from collateral_registry.domain.loans.agreements import Loan, LoanState, OwnLimits
from collateral_registry.domain.loans.cover import NO_LIMIT
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.bulk import Columns, Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, optional_day, unless
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import KeyedSelect, is_one_of
from collateral_registry.store.engine.rows import (
    check_unused,
    columns_of,
    existing,
    insert_row,
    of_first_revision,
    values_of,
)
from collateral_registry.store.revaluation.row_versions import newest_between
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import IS_NEWEST_OF_LOAN, LoanRevisionRow, LoanRow
from valuation._typing import Int

LOAN_FILTER = FilterTable(
    name=FilterField(Id("loans"), LoanRow.loan_id),
    borrower=FilterField(Text(), LoanRow.borrower),
    currency_code=FilterField(Text(), LoanRow.currency),
    state=FilterField(enum(LoanState, "LOAN_STATE_"), LoanRow.state),
    exposure=FilterField(Amount(), LoanRow.exposure_minor),
    credit_limit=unless(Amount(), LoanRow.credit_limit_minor, NO_LIMIT),
    balance_date=optional_day(Day(), LoanRow.balance_day),
    maturity_date=optional_day(Day(), LoanRow.maturity_day),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which loans can be filtered."""

LIMIT_COLUMNS = ("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm")
"""Columns of the LTV limits, in rising order."""

FROM_POLICY = 0
"""Stored in place of an LTV basis or limit if the loan uses that of the policy."""

NO_BASE_TERMS = ""
"""Stored in place of the terms of a borrowing base if the loan has none."""

CACHED_TERMS = 1_024
"""Number of terms of borrowing bases that are cached."""


@dataclass(frozen=True)
class StoredLoan:
    """A loan with its key, revision and time of creation."""

    key: int
    loan: Loan
    revision: int
    created_us: int


def insert_loan(write: Write, loan: Loan) -> int:
    """Stores a new loan and returns its key; raises AlreadyExists if the id is taken."""
    check_unused(write.connection, f"loans/{loan.loan_id}", LoanRow.loan_id == loan.loan_id)
    values = {**_loan_row(loan), "loan_id": loan.loan_id, **of_first_revision(write)}
    key = insert_row(write.connection, LoanRow, **values)
    _loan_revision(write, key, 1, loan)
    return key


def update_loan(write: Write, stored: StoredLoan, loan: Loan) -> StoredLoan:
    """Stores a new revision of a loan."""
    revision = stored.revision + 1
    row = {**_loan_row(loan), "revision": revision, "updated_seq": write.seq}
    write.connection.execute(update(LoanRow).where(LoanRow.loan_key == stored.key).values(**row))
    _loan_revision(write, stored.key, revision, loan)
    return replace(stored, loan=loan, revision=revision)


def get_loan(connection: Connection, loan_id: str) -> StoredLoan:
    """Returns one loan; raises NotFound."""
    return existing(_loans(connection, [LoanRow.loan_id == loan_id], 1), f"loans/{loan_id}")


def find_loans(connection: Connection, loan_ids: Sequence[str]) -> dict[str, StoredLoan]:
    """Returns the loans that exist, by id."""
    rows = _loans(connection, [is_one_of(LoanRow.loan_id, loan_ids)], None)
    return {row.loan.loan_id: row for row in rows}


def list_loans(connection: Connection, wanted: Expression, after: str, limit: int) -> list[StoredLoan]:
    """Returns a page of loans, ordered by id."""
    return _loans(connection, [LOAN_FILTER.where(wanted), LoanRow.loan_id > after], limit)


def loans_with_own_limits(connection: Connection) -> list[StoredLoan]:
    """Returns the active loans with LTV limits of their own, ordered by id."""
    states_one = or_(*(column > FROM_POLICY for column in columns_of(LoanRow, *LIMIT_COLUMNS)))
    return _loans(connection, [LoanRow.state == int(LoanState.ACTIVE), states_one], None)


def read_loans(connection: Source, keys: Int) -> Columns:
    """Returns the columns of active loans that judgement needs, in key order."""
    return read_columns(connection, *_ACTIVE_LOANS.of(keys))


_ACTIVE_LOANS = KeyedSelect(
    select(
        *columns_of(LoanRow, "loan_key", "currency", "exposure_minor", "balance_day", "ltv_basis"),
        *columns_of(LoanRow, "credit_limit_minor", "maturity_day"),
        *columns_of(LoanRow, *LIMIT_COLUMNS),
        *columns_of(LoanRow, "contingent_minor", "base_terms"),
    )
    .where(LoanRow.state == int(LoanState.ACTIVE))
    .order_by(LoanRow.loan_key),
    LoanRow.loan_key,
)


def base_terms_of(loans: Columns) -> dict[int, BorrowingBaseTerms]:
    """Returns the terms of the loans [l] that have a borrowing base, by row."""
    rows = np.flatnonzero(loans["base_terms"] != NO_BASE_TERMS).tolist()
    return {row: _base_terms(loans["base_terms"][row]) for row in rows}


@lru_cache(CACHED_TERMS)
def _base_terms(document: str) -> BorrowingBaseTerms:
    return from_document(BorrowingBaseTerms, document)


def loan_at(connection: Connection, loan_key: int, seq: int) -> Loan:
    """Returns a loan as of a commit after its registration."""
    statement = (
        select(LoanRevisionRow.document)
        .where(LoanRevisionRow.loan_key == loan_key, LoanRevisionRow.seq <= seq)
        .order_by(LoanRevisionRow.revision.desc())
        .limit(1)
    )
    return from_document(Loan, connection.execute(statement).scalar_one())


def read_loan_names(source: Source, keys: Int) -> Columns:
    """Returns the ids and borrowers of active loans, in key order."""
    return read_columns(source, *_LOAN_NAMES.of(keys))


_LOAN_NAMES = KeyedSelect(
    select(*columns_of(LoanRow, "loan_key", "loan_id", "borrower", "currency"))
    .where(LoanRow.state == int(LoanState.ACTIVE))
    .order_by(LoanRow.loan_key),
    LoanRow.loan_key,
)


def terms_since(connection: Connection, after: int, seq: int) -> Columns:
    """Returns the terms, as of commit ``seq``, of each loan that changed after commit ``after`` up to that commit.

    The terms are the key, id, borrower, currency, state and sequence of the revision.
    """
    revision = LoanRevisionRow
    newest = newest_between(LoanRow.loan_key, revision.loan_key, revision.revision, revision.seq, after, seq)
    statement = (
        select(*columns_of(revision, "loan_key", "borrower", "currency", "state", "seq"), LoanRow.loan_id)
        .join_from(newest, revision, (revision.loan_key == newest.c.key) & (revision.revision == newest.c.version))
        .join(LoanRow, LoanRow.loan_key == revision.loan_key)
    )
    return read_columns(connection, statement)


def _loans(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredLoan]:
    statement = (
        select(LoanRow.loan_key, LoanRevisionRow.document, LoanRow.revision, CommitRow.known_us)
        .join(LoanRevisionRow, IS_NEWEST_OF_LOAN)
        .join(CommitRow, CommitRow.seq == LoanRow.created_seq)
        .where(*where)
        .order_by(LoanRow.loan_id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [StoredLoan(key, from_document(Loan, document), *rest) for key, document, *rest in rows]


def _loan_row(loan: Loan) -> dict[str, Any]:
    own = (loan.own_limits or OwnLimits()).as_tuple()
    limits = [FROM_POLICY if limit is None else limit for limit in own]
    return {
        **values_of(loan, "borrower", "currency", "state"),
        "exposure_minor": loan.balance.exposure_minor,
        "balance_day": day_of(loan.balance.day),
        "credit_limit_minor": loan.credit_limit.minor if loan.credit_limit else NO_LIMIT,
        "ltv_basis": int(loan.own_basis) if loan.own_basis else FROM_POLICY,
        **dict(zip(LIMIT_COLUMNS, limits, strict=True)),
        "maturity_day": day_of(loan.maturity),
        "contingent_minor": loan.balance.contingent_minor,
        "base_terms": to_document(loan.base_terms) if loan.base_terms else NO_BASE_TERMS,
    }


def _loan_revision(write: Write, key: int, revision: int, loan: Loan) -> None:
    values = values_of(loan, "borrower", "currency", "state")
    values |= {"loan_key": key, "revision": revision, "seq": write.seq, "document": to_document(loan)}
    write.connection.execute(insert(LoanRevisionRow), values)
