"""Reads the judgements of loans that were current at the end of business days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, case, func, select

from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.store.engine.bulk import Columns, read_columns
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.revaluation.row_versions import (
    newest_at_moments,
)
from collateral_registry.store.schema.loans import (
    LoanJudgementRow,
    LoanRevisionRow,
    LoanRow,
    PledgeClaimRow,
    PledgeRow,
)
from valuation._typing import Int

NOT_CLOSED = 2**62
"""Sequence of the closing of a loan that is not closed."""


def judgements_at_moments(connection: Connection, loan_keys: Sequence[int], moments: Sequence[int]) -> Columns:
    """Returns the judgement of each loan that was current as of each commit, with the commit in ``moment``.

    A loan has no row for the commits before its first judgement.
    """
    return read_columns(connection, _AT_MOMENTS, {"keys": loan_keys, "moments": moments})


def ltvs_at_moments(connection: Connection, loan_keys: Sequence[int], moments: Sequence[int]) -> Columns:
    """Does the same with only the columns of LTV, level and coverage."""
    return read_columns(connection, _LTVS_AT_MOMENTS, {"keys": loan_keys, "moments": moments})


LTV_COLUMNS = (
    *("loan_key", "level", "coverage_unknown", "basis", "exposure_minor", "market_minor", "lendable_minor"),
    *("used_minor", "base_minor"),
)
"""Columns of a judgement that LTV, level and coverage need."""


def _at_moments(*columns: str) -> Select[Any]:
    newest, judgement = newest_at_moments(LoanJudgementRow, LoanJudgementRow.loan_key), LoanJudgementRow.__table__
    is_newest = (judgement.c.loan_key == newest.c.key) & (judgement.c.seq == newest.c.version)
    shown = [judgement.c[name] for name in columns] or judgement.c
    return select(newest.c.moment, *shown).join_from(newest, judgement, is_newest)


_AT_MOMENTS, _LTVS_AT_MOMENTS = _at_moments(), _at_moments(*LTV_COLUMNS)


def closings(connection: Connection, loan_keys: Sequence[int]) -> dict[int, int]:
    """Returns the commit that closed each of the loans that are closed."""
    statement = _CLOSINGS.where(is_one_of(LoanRow.loan_key, loan_keys), LoanRow.state == int(LoanState.CLOSED))
    return {row.loan_key: row.closed_seq for row in connection.execute(statement)}


_CLOSED_SEQ = (
    select(func.min(LoanRevisionRow.seq))
    .where(LoanRevisionRow.loan_key == LoanRow.loan_key, LoanRevisionRow.state == int(LoanState.CLOSED))
    .correlate(LoanRow)
    .scalar_subquery()
)
_CLOSINGS = select(LoanRow.loan_key, _CLOSED_SEQ.label("closed_seq"))

_LOANS = select(
    *columns_of(LoanRow, "loan_key", "currency"),
    case((LoanRow.state == int(LoanState.CLOSED), _CLOSED_SEQ), else_=NOT_CLOSED).label("closed_seq"),
).order_by(LoanRow.loan_key)


def loans_with_closings(connection: Connection) -> Columns:
    """Returns the key, the currency and the commit of the closing of every loan, in key order."""
    return read_columns(connection, _LOANS)


def pledge_count(connection: Connection) -> int:
    """Returns the number of pledges, those that were released included."""
    return int(connection.execute(_PLEDGE_COUNT).scalar_one())


def loan_count(connection: Connection) -> int:
    """Returns the number of loans, those that were closed included."""
    return int(connection.execute(_LOAN_COUNT).scalar_one())


_LOAN_COUNT = select(func.count()).select_from(LoanRow)
_PLEDGE_COUNT = select(func.count()).select_from(PledgeRow)


def claims_of_commits(connection: Connection, seqs: Int) -> Columns:
    """Returns loan, asset, sequence and values of the claims that were recorded by commits and by runs."""
    # The table is in the order of the commits, so reading whole commits is faster than a look-up for each claim.
    claims = read_columns(connection, _CLAIMS, {"keys": seqs})
    pledges = read_columns(connection, _PLEDGES)
    row = np.searchsorted(pledges["pledge_key"], claims.pop("pledge_key"))
    return {**claims, "loan_key": pledges["loan_key"][row], "asset_key": pledges["asset_key"][row]}


_CLAIMS = select(*columns_of(PledgeClaimRow, "pledge_key", "seq", "market_minor", "lendable_minor")).where(
    is_one_of(PledgeClaimRow.seq, KEYS)
)
_PLEDGES = select(*columns_of(PledgeRow, "pledge_key", "loan_key", "asset_key")).order_by(PledgeRow.pledge_key)
