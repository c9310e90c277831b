"""Stores judgements of loans and the claims of their pledges.

Rows are appended and never changed; the newest judgement of a loan is its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, Connection, Select, func, select
from sqlmodel import SQLModel

from collateral_registry.store.book.business_date import NEWEST_REPAIR
from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.revaluation.row_versions import NEVER, newest_of, newest_of_runs_between
from collateral_registry.store.schema.loans import LoanJudgementRow, LoanRow, PledgeClaimRow, PledgeRow
from valuation._typing import Int


def insert_judgements(write: Write, loans: Columns, pledges: Columns) -> None:
    """Appends judgements of loans and the claims of their pledges, given as columns."""
    change = {"seq": write.seq, "of_run": 0}
    insert_columns(write.connection, LoanJudgementRow, {**loans, **change}, len(loans["loan_key"]))
    insert_columns(write.connection, PledgeClaimRow, {**pledges, **change}, len(pledges["pledge_key"]))


def newest_judgements(connection: Source, loan_keys: Int) -> Columns:
    """Returns the newest judgement of each loan that has one."""
    return read_columns(connection, _NEWEST_JUDGEMENTS, {"keys": loan_keys})


def judgement_at(connection: Connection, loan_key: int, seq: int) -> Columns:
    """Returns the judgement of a loan that was current as of a commit; no row if there was none."""
    newest = newest_of(LoanJudgementRow, LoanJudgementRow.loan_key, seq)
    return read_columns(connection, _rows_at(newest, LoanJudgementRow, "loan_key"), {"keys": [loan_key]})


def judgements_before_repair(connection: Source, loan_keys: Int) -> Columns:
    """Returns the judgements of loans that were current before the wrong date of the newest repair."""
    repairs = read_keys(connection, NEWEST_REPAIR)
    kept = newest_of(LoanJudgementRow, LoanJudgementRow.loan_key, int(repairs[0]) if len(repairs) else NEVER)
    return read_columns(connection, _rows_at(kept, LoanJudgementRow, "loan_key"), {"keys": loan_keys})


@dataclass(frozen=True)
class JudgedLoan:
    """A judgement as a row, with the loan and its level before; None if the loan was never judged before."""

    loan_id: str
    currency: str
    level_before: int | None
    row: Mapping[str, Any]


def judgements_of_commit(connection: Connection, seq: int, limit: int) -> tuple[list[JudgedLoan], int]:
    """Returns the judgements of a commit, worst level first, at most ``limit``, and the number of all."""
    of_commit = (LoanJudgementRow.seq == seq, LoanJudgementRow.of_run == 0)
    count = connection.execute(select(func.count()).select_from(LoanJudgementRow).where(*of_commit)).scalar_one()
    statement = (
        select(LoanJudgementRow.__table__, LoanRow.loan_id, LoanRow.currency)
        .join(LoanRow, LoanRow.loan_key == LoanJudgementRow.loan_key)
        .where(*of_commit)
        .order_by(LoanJudgementRow.level.desc(), LoanRow.loan_id)
        .limit(limit)
    )
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    newest = newest_of(LoanJudgementRow, LoanJudgementRow.loan_key, seq - 1)
    earlier = _rows_at(newest, LoanJudgementRow, "loan_key", "loan_key", "level")
    levels = connection.execute(earlier, {"keys": [row["loan_key"] for row in rows]})
    before: dict[int, int] = {row.loan_key: row.level for row in levels}
    return [JudgedLoan(row["loan_id"], row["currency"], before.get(row["loan_key"]), row) for row in rows], count


def _rows_at(newest: CTE, table: type[SQLModel], key: str, *columns: str) -> Select[Any]:
    """Selects the rows that ``newest(key, version)`` names; without ``columns``, selects all their columns."""
    row = table.__table__
    chosen = [row.c[name] for name in columns] or row.c
    return select(*chosen).join_from(newest, row, (row.c[key] == newest.c.key) & (row.c.seq == newest.c.version))


_NEWEST_JUDGEMENTS = _rows_at(newest_of(LoanJudgementRow, LoanJudgementRow.loan_key), LoanJudgementRow, "loan_key")


def judgements_since(connection: Connection, after: int, seq: int, *columns: str) -> Columns:
    """Returns the newest judgement, as of commit ``seq``, of each loan judged after commit ``after``.

    Without ``columns``, it has all its columns.
    """
    return read_columns(connection, _rows_at(_newest_judgements(after, seq), LoanJudgementRow, "loan_key", *columns))


def claims_since(connection: Connection, after: int, seq: int) -> Columns:
    """Returns the claims of the pledges that belong to the judgements from ``judgements_since``.

    The columns are pledge, loan, asset, lendable value and sequence.
    """
    newest, pledge, claim = _newest_judgements(after, seq), PledgeRow.__table__.c, PledgeClaimRow.__table__
    # The pledges are materialised first; otherwise SQLite would read all claims of a commit for each of its loans.
    held = (
        select(pledge.pledge_key, pledge.loan_key, pledge.asset_key, newest.c.version)
        .join_from(newest, PledgeRow.__table__, pledge.loan_key == newest.c.key)
        .cte("held")
        .prefix_with("MATERIALIZED")
    )
    statement = select(
        held.c.pledge_key, held.c.loan_key, held.c.asset_key, claim.c.lendable_minor, claim.c.seq
    ).join_from(held, claim, (claim.c.pledge_key == held.c.pledge_key) & (claim.c.seq == held.c.version))
    return read_columns(connection, statement)


def _newest_judgements(after: int, seq: int) -> CTE:
    return newest_of_runs_between(LoanRow.loan_key, LoanJudgementRow, LoanJudgementRow.loan_key, after, seq)


def claims_of(connection: Connection, loan_key: int, seq: int) -> Columns:
    """Returns the claims of one judgement of a loan, with the pledge, the market value and the lendable value."""
    statement = (
        select(PledgeClaimRow.pledge_key, PledgeClaimRow.market_minor, PledgeClaimRow.lendable_minor)
        .join(PledgeRow, PledgeRow.pledge_key == PledgeClaimRow.pledge_key)
        .where(PledgeRow.loan_key == loan_key, PledgeClaimRow.seq == seq)
    )
    return read_columns(connection, statement)


def newest_claims(connection: Connection, pledge_keys: list[int]) -> dict[int, tuple[int, int]]:
    """Returns the newest market and lendable claim, in minor units, of each pledge that has one."""
    rows = connection.execute(_NEWEST_CLAIMS, {"keys": pledge_keys})
    return {row[0]: (row[1], row[2]) for row in rows}


_NEWEST_CLAIMS = _rows_at(
    newest_of(PledgeClaimRow, PledgeClaimRow.pledge_key),
    PledgeClaimRow,
    "pledge_key",
    *("pledge_key", "market_minor", "lendable_minor"),
)
