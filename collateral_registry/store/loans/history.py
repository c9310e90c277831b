"""Reads the judgements of loans that were current at the end of business days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import CTE, BigInteger, Connection, Select, bindparam, case, func, literal, select, union_all

from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.reports.history import SUMS
from collateral_registry.store.engine.bulk import Columns, read_columns
from collateral_registry.store.engine.key_sets import KEYS, RecordSet, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.revaluation.row_versions import (
    NEVER,
    newest_at_moments,
    newest_between,
    newest_of_runs_between,
)
from collateral_registry.store.schema.assets import AssetRevisionRow, AssetRow
from collateral_registry.store.schema.loans import (
    LoanJudgementRow,
    LoanRevisionRow,
    LoanRow,
    PledgeClaimRow,
    PledgeRow,
)
from collateral_registry.store.schema.revaluation import RunRow
from valuation._typing import Int

NOT_CLOSED = 2**62
"""Sequence of the closing of a loan that is not closed."""


def judgements_at_moments(connection: Connection, loan_keys: Sequence[int], moments: Sequence[int]) -> Columns:
    """Returns the judgement of each loan that was current as of each commit, with the commit in ``moment``.

    A loan has no row for the commits before its first judgement.
    """
    return read_columns(connection, _AT_MOMENTS, {"keys": loan_keys, "moments": moments})


def _at_moments() -> Select[Any]:
    newest, judgement = newest_at_moments(LoanJudgementRow, LoanJudgementRow.loan_key), LoanJudgementRow.__table__
    is_newest = (judgement.c.loan_key == newest.c.key) & (judgement.c.seq == newest.c.version)
    return select(newest.c.moment, *judgement.c).join_from(newest, judgement, is_newest)


_AT_MOMENTS = _at_moments()


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


class DayVersions:
    """The judgements that became current on each of several business days, given by their last commits in order.

    On the first day these are all judgements that were current at its end, and on each other day at most one of each
    loan.
    """

    def __init__(self, connection: Connection, seqs: Sequence[int]) -> None:
        self._connection = connection
        self._first = seqs[0]
        self._spans = [(day, seqs[day - 1], seqs[day]) for day in range(1, len(seqs))]
        newest_runs = connection.execute(_RUNS, {"first": seqs[0], "last": seqs[-1]}).all()
        self._runs = [
            (day, max(run.seq for run in published))
            for day, after, upto in self._spans
            if (published := [run for run in newest_runs if after < run.published_seq <= upto])
        ]

    def judgements(self) -> Columns:
        """Returns day, loan, sequence, level, coverage, exposure and values of the judgements."""
        versions, judgement = self._versions(), LoanJudgementRow.__table__
        is_version = (judgement.c.loan_key == versions.c.key) & (judgement.c.seq == versions.c.version)
        shown = [judgement.c[name] for name in JUDGED_NAMES]
        return self._read(select(versions.c.day, *shown).join_from(versions, judgement, is_version))

    def assets(self) -> Columns:
        """Returns day, asset, good and class of the newest revisions: all on the first day, then those of each day."""
        revision = AssetRevisionRow
        first = newest_between(
            AssetRow.asset_key, revision.asset_key, revision.revision, revision.seq, NEVER, self._first
        )
        days = _DAYS.rows
        later = (
            select(days.c.day, revision.asset_key.label("key"), func.max(revision.revision).label("version"))
            .join_from(days, revision.__table__, (revision.seq > days.c.after) & (revision.seq <= days.c.upto))
            .group_by(days.c.day, revision.asset_key)
        )
        newest = union_all(select(literal(0).label("day"), first.c.key, first.c.version), later).subquery()
        is_current = revision.revision == AssetRow.revision
        statement = (
            select(
                newest.c.day,
                *columns_of(revision, "asset_key", "good"),
                case((is_current, AssetRow.asset_class), else_="").label("asset_class"),
                case((is_current, ""), else_=revision.document).label("document"),
            )
            .join_from(
                newest,
                revision,
                (revision.asset_key == newest.c.key) & (revision.revision == newest.c.version),
            )
            .join(AssetRow, AssetRow.asset_key == revision.asset_key)
        )
        found = self._read(statement)
        classes = zip(found.pop("asset_class"), found.pop("document"), strict=True)
        named = np.empty(len(found["day"]), dtype=object)
        named[:] = [current or json.loads(document)["asset_class"] for current, document in classes]
        return {**found, "asset_class": named}

    def _versions(self) -> CTE:
        """Returns ``versions(day, key, version)``, in which a loan may have a change and the row of a run on a day."""
        table, days, runs = LoanJudgementRow, _DAYS.rows, _DAY_RUNS.rows
        first = newest_of_runs_between(LoanRow.loan_key, table, table.loan_key, NEVER, self._first)
        changed = (
            select(days.c.day, table.loan_key.label("key"), func.max(table.seq).label("version"))
            .join_from(days, table.__table__, (table.seq > days.c.after) & (table.seq <= days.c.upto))
            .where(table.of_run == 0)
            .group_by(days.c.day, table.loan_key)
        )
        in_run = (
            select(runs.c.day, table.loan_key.label("key"), table.seq.label("version"))
            .join_from(runs, table.__table__, table.seq == runs.c.run)
            .where(table.of_run > 0)
        )
        at_first = select(literal(0).label("day"), first.c.key, first.c.version)
        return union_all(at_first, changed, in_run).cte("versions").prefix_with("MATERIALIZED")

    def _read(self, statement: Select[Any]) -> Columns:
        return read_columns(self._connection, statement, {"days": self._spans, "runs": self._runs})


JUDGED_NAMES = ("loan_key", "seq", "level", "coverage_unknown", *SUMS)
"""Columns of a judgement that the history of the book is computed from."""

_DAYS = RecordSet({"day": BigInteger, "after": BigInteger, "upto": BigInteger}, "days")
_DAY_RUNS = RecordSet({"day": BigInteger, "run": BigInteger}, "runs")
_RUNS = select(*columns_of(RunRow, "seq", "published_seq")).where(
    RunRow.published_seq > bindparam("first"), RunRow.published_seq <= bindparam("last")
)
