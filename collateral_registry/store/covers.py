"""Judgements of loans and claims of pledges: appended, never changed; the newest of a loan is its state."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from collateral_registry.domain.facts import Int
from collateral_registry.store.bulk import Columns, in_keys, insert_columns, key_rows, read_columns
from collateral_registry.store.database import Write
from collateral_registry.store.tables import LoanCoverRow, LoanRow, PledgeCoverRow, PledgeRow


def insert_covers(write: Write, loans: Columns, pledges: Columns) -> None:
    """Appends judgements of loans and the claims of their pledges."""
    insert_columns(write.connection, LoanCoverRow, {**loans, "seq": write.seq}, len(loans["loan_key"]))
    insert_columns(write.connection, PledgeCoverRow, {**pledges, "seq": write.seq}, len(pledges["pledge_key"]))


def newest_covers(connection: Connection, loan_keys: Int) -> Columns:
    """The newest judgement of those loans that have one."""
    keys = key_rows(connection, loan_keys)
    newest = (
        select(func.max(LoanCoverRow.seq))
        .where(LoanCoverRow.loan_key == keys.c.value)
        .correlate(keys)
        .scalar_subquery()
    )
    statement = select(*LoanCoverRow.__table__.c).join_from(
        keys,
        LoanCoverRow.__table__,
        (LoanCoverRow.loan_key == keys.c.value) & (LoanCoverRow.seq == newest),
    )
    return read_columns(connection, statement)


def covers_as_of(connection: Connection, seq: int) -> Columns:
    """The judgement of every loan as it was after a commit, in order of loans."""
    newest = (
        select(LoanCoverRow.loan_key, func.max(LoanCoverRow.seq).label("seq"))
        .where(LoanCoverRow.seq <= seq)
        .group_by(LoanCoverRow.loan_key)
        .subquery()
    )
    table = LoanCoverRow.__table__
    statement = (
        select(*table.c, LoanRow.loan_id)
        .join_from(table, newest, (table.c.loan_key == newest.c.loan_key) & (table.c.seq == newest.c.seq))
        .join(LoanRow, LoanRow.loan_key == table.c.loan_key)
        .order_by(LoanRow.loan_id)
    )
    return read_columns(connection, statement)


def claims_as_of(connection: Connection, loan_keys: Int, seqs: Int) -> Columns:
    """The claims recorded with each judgement (loan, sequence): pledge, asset, values."""
    statement = (
        select(
            PledgeRow.loan_key,
            PledgeRow.asset_key,
            PledgeRow.pledge_key,
            PledgeCoverRow.seq,
            PledgeCoverRow.market_minor,
            PledgeCoverRow.lendable_minor,
        )
        .join(PledgeCoverRow, PledgeCoverRow.pledge_key == PledgeRow.pledge_key)
        .where(in_keys(connection, PledgeCoverRow.seq, np.unique(seqs)))
    )
    columns = read_columns(connection, statement)
    judged = dict(zip(loan_keys.tolist(), seqs.tolist(), strict=True))
    pairs = zip(columns["loan_key"].tolist(), columns["seq"].tolist(), strict=True)
    keep = np.array([judged.get(loan) == seq for loan, seq in pairs], dtype=np.bool_)
    return {name: column[keep] for name, column in columns.items()}


def newest_claims(connection: Connection, pledge_keys: list[int]) -> dict[int, tuple[int, int]]:
    """The newest market and lendable claim of each pledge that has been judged."""
    newest = (
        select(PledgeCoverRow.pledge_key, func.max(PledgeCoverRow.seq).label("seq"))
        .where(PledgeCoverRow.pledge_key.in_(pledge_keys))
        .group_by(PledgeCoverRow.pledge_key)
        .subquery()
    )
    table: Any = PledgeCoverRow.__table__
    statement = select(table.c.pledge_key, table.c.market_minor, table.c.lendable_minor).join(
        newest, (table.c.pledge_key == newest.c.pledge_key) & (table.c.seq == newest.c.seq)
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(statement)}
