"""Sums over all loans for the metrics of the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Double, cast, func, select

from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.revaluation.row_versions import newest_seq
from collateral_registry.store.schema.loans import LoanJudgementRow, LoanRow


@dataclass(frozen=True)
class LoanFigures:
    """Active loans of one currency, level and coverage: their number, exposure and the day of their oldest input."""

    currency: str
    level: int
    is_unknown: bool
    loans: int
    exposure_minor: float
    oldest_day: int


def loan_figures(connection: Connection, seq: int) -> Sequence[LoanFigures]:
    """Returns the figures of the active loans by their judgements that are current as of commit ``seq``."""
    loan, judgement = LoanRow.__table__.c, LoanJudgementRow.__table__.c
    version = newest_seq(LoanJudgementRow, LoanJudgementRow.loan_key, loan.loan_key, seq)
    newest = (
        select(loan.loan_key, loan.currency, loan.exposure_minor, version.label("version"))
        .where(loan.state == LoanState.ACTIVE)
        .cte("newest")
        .prefix_with("MATERIALIZED")
    )
    of_newest = (judgement.loan_key == newest.c.loan_key) & (judgement.seq == newest.c.version)
    level, is_unknown = func.coalesce(judgement.level, 0), func.coalesce(judgement.coverage_unknown, 0) > 0
    statement = (
        select(
            newest.c.currency,
            level,
            is_unknown,
            func.count(),
            func.sum(cast(newest.c.exposure_minor, Double)),  # a sum of integers could overflow
            func.coalesce(func.min(func.nullif(judgement.oldest_day, NO_DAY)), NO_DAY),
        )
        .select_from(newest)
        .outerjoin(LoanJudgementRow.__table__, of_newest)
        .group_by(newest.c.currency, level, is_unknown)
    )
    return [
        LoanFigures(row[0], row[1], bool(row[2]), row[3], float(row[4]), row[5])
        for row in connection.execute(statement)
    ]
