"""Judgements of loans and claims of pledges: appended, never changed; the newest of a loan is its state."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import CTE, Connection, Select, select

from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import listed_keys
from collateral_registry.store.revaluation.row_versions import newest_of, newest_of_runs_between
from collateral_registry.store.schema.loans import LoanJudgementRow, LoanRow, PledgeClaimRow, PledgeRow
from valuation._typing import Int


def insert_covers(write: Write, loans: Columns, pledges: Columns) -> None:
    """Appends judgements of loans and the claims of their pledges."""
    change = {"seq": write.seq, "of_run": 0}
    insert_columns(write.connection, LoanJudgementRow, {**loans, **change}, len(loans["loan_key"]))
    insert_columns(write.connection, PledgeClaimRow, {**pledges, **change}, len(pledges["pledge_key"]))


def newest_covers(connection: Source, loan_keys: Int) -> Columns:
    """The newest judgement of those loans that have one."""
    dialect = connection.dialect.name
    return read_columns(connection, _newest_covers(dialect), listed_keys(dialect, loan_keys))


@cache
def _newest_covers(dialect: str) -> Select[Any]:
    newest, table = newest_of(dialect, LoanJudgementRow, LoanJudgementRow.loan_key), LoanJudgementRow.__table__
    return select(*table.c).join_from(
        newest, table, (table.c.loan_key == newest.c.key) & (table.c.seq == newest.c.place)
    )


def covers_since(connection: Connection, after: int, seq: int) -> Columns:
    """The newest judgement of each loan that was judged after a commit and not later than another."""
    newest, table = _newest_judgements(connection, after, seq), LoanJudgementRow.__table__
    statement = select(*table.c).join_from(
        newest, table, (table.c.loan_key == newest.c.key) & (table.c.seq == newest.c.place)
    )
    return read_columns(connection, statement)


def claims_since(connection: Connection, after: int, seq: int) -> Columns:
    """The claims recorded with those judgements: pledge, loan, asset, lendable value and sequence."""
    newest, pledge, claim = _newest_judgements(connection, after, seq), PledgeRow.__table__.c, PledgeClaimRow.__table__
    # The pledges first and by themselves: else SQLite looks through every claim of a commit for each of its loans.
    held = (
        select(pledge.pledge_key, pledge.loan_key, pledge.asset_key, newest.c.place)
        .join_from(newest, PledgeRow.__table__, pledge.loan_key == newest.c.key)
        .cte("held")
        .prefix_with("MATERIALIZED")
    )
    statement = select(
        held.c.pledge_key, held.c.loan_key, held.c.asset_key, claim.c.lendable_minor, claim.c.seq
    ).join_from(held, claim, (claim.c.pledge_key == held.c.pledge_key) & (claim.c.seq == held.c.place))
    return read_columns(connection, statement)


def _newest_judgements(connection: Connection, after: int, seq: int) -> CTE:
    return newest_of_runs_between(connection, LoanRow.loan_key, LoanJudgementRow, LoanJudgementRow.loan_key, after, seq)


def claims_of(connection: Connection, loan_key: int, seq: int) -> Columns:
    """The claims recorded with one judgement of a loan: pledge and values."""
    statement = (
        select(PledgeClaimRow.pledge_key, PledgeClaimRow.market_minor, PledgeClaimRow.lendable_minor)
        .join(PledgeRow, PledgeRow.pledge_key == PledgeClaimRow.pledge_key)
        .where(PledgeRow.loan_key == loan_key, PledgeClaimRow.seq == seq)
    )
    return read_columns(connection, statement)


def newest_claims(connection: Connection, pledge_keys: list[int]) -> dict[int, tuple[int, int]]:
    """The newest market and lendable claim of each pledge that has been judged."""
    dialect = connection.dialect.name
    rows = connection.execute(_newest_claims(dialect), listed_keys(dialect, np.array(pledge_keys, dtype=np.int64)))
    return {row[0]: (row[1], row[2]) for row in rows}


@cache
def _newest_claims(dialect: str) -> Select[Any]:
    newest, table = newest_of(dialect, PledgeClaimRow, PledgeClaimRow.pledge_key), PledgeClaimRow.__table__
    return select(table.c.pledge_key, table.c.market_minor, table.c.lendable_minor).join_from(
        newest, table, (table.c.pledge_key == newest.c.key) & (table.c.seq == newest.c.place)
    )
