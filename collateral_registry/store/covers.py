"""Judgements of loans and claims of pledges: appended, never changed; the newest of a loan is its state."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from collateral_registry.domain.facts import Int
from collateral_registry.store.bulk import Columns, Source, in_keys, insert_columns, key_rows, read_columns
from collateral_registry.store.database import Write
from collateral_registry.store.newest import newest_seq
from collateral_registry.store.tables import LoanCoverRow, LoanRow, PledgeCoverRow, PledgeRow


def insert_covers(write: Write, loans: Columns, pledges: Columns) -> None:
    """Appends judgements of loans and the claims of their pledges."""
    change = {"seq": write.seq, "of_run": 0}
    insert_columns(write.connection, LoanCoverRow, {**loans, **change}, len(loans["loan_key"]))
    insert_columns(write.connection, PledgeCoverRow, {**pledges, **change}, len(pledges["pledge_key"]))


def newest_covers(connection: Source, loan_keys: Int) -> Columns:
    """The newest judgement of those loans that have one."""
    keys = key_rows(connection, loan_keys)
    newest = newest_seq(connection, LoanCoverRow, LoanCoverRow.loan_key, keys.c.value)
    statement = select(*LoanCoverRow.__table__.c).join_from(
        keys,
        LoanCoverRow.__table__,
        (LoanCoverRow.loan_key == keys.c.value) & (LoanCoverRow.seq == newest),
    )
    return read_columns(connection, statement)


def covers_as_of(connection: Connection, seq: int) -> Columns:
    """The judgement of every loan as it was after a commit, in order of loans."""
    table = LoanCoverRow.__table__
    newest = newest_seq(connection, LoanCoverRow, LoanCoverRow.loan_key, LoanRow.__table__.c.loan_key, seq)
    statement = (
        select(*table.c, LoanRow.loan_id)
        .join_from(LoanRow, table, (table.c.loan_key == LoanRow.loan_key) & (table.c.seq == newest))
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
    table: Any = PledgeCoverRow.__table__
    keys = key_rows(connection, np.array(pledge_keys, dtype=np.int64))
    newest = newest_seq(connection, PledgeCoverRow, PledgeCoverRow.pledge_key, keys.c.value)
    statement = select(table.c.pledge_key, table.c.market_minor, table.c.lendable_minor).join_from(
        keys, table, (table.c.pledge_key == keys.c.value) & (table.c.seq == newest)
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(statement)}
