"""Judgements of loans and claims of pledges: appended, never changed; the newest of a loan is its state."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, Connection, func, select

from collateral_registry.domain.facts import Int
from collateral_registry.store.bulk import Columns, insert_columns, key_rows, read_columns
from collateral_registry.store.database import Write
from collateral_registry.store.newest import newest_between
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


def covers_since(connection: Connection, after: int, seq: int) -> Columns:
    """The newest judgement of each loan that was judged after a commit and not later than another."""
    newest, table = _newest_judgements(after, seq), LoanCoverRow.__table__
    statement = select(*table.c).join_from(
        newest, table, (table.c.loan_key == newest.c.key) & (table.c.seq == newest.c.place)
    )
    return read_columns(connection, statement)


def claims_since(connection: Connection, after: int, seq: int) -> Columns:
    """The claims recorded with those judgements: pledge, loan, asset, lendable value and sequence."""
    newest = _newest_judgements(after, seq)
    statement = (
        select(
            PledgeRow.pledge_key,
            PledgeRow.loan_key,
            PledgeRow.asset_key,
            PledgeCoverRow.lendable_minor,
            PledgeCoverRow.seq,
        )
        .join_from(newest, PledgeRow.__table__, PledgeRow.loan_key == newest.c.key)
        .join(
            PledgeCoverRow,
            (PledgeCoverRow.pledge_key == PledgeRow.pledge_key) & (PledgeCoverRow.seq == newest.c.place),
        )
    )
    return read_columns(connection, statement)


def _newest_judgements(after: int, seq: int) -> CTE:
    return newest_between(LoanRow.loan_key, LoanCoverRow.loan_key, LoanCoverRow.seq, LoanCoverRow.seq, after, seq)


def claims_of(connection: Connection, loan_key: int, seq: int) -> Columns:
    """The claims recorded with one judgement of a loan: pledge and values."""
    statement = (
        select(PledgeCoverRow.pledge_key, PledgeCoverRow.market_minor, PledgeCoverRow.lendable_minor)
        .join(PledgeRow, PledgeRow.pledge_key == PledgeCoverRow.pledge_key)
        .where(PledgeRow.loan_key == loan_key, PledgeCoverRow.seq == seq)
    )
    return read_columns(connection, statement)


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
