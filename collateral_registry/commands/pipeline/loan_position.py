"""Where a loan stands: its newest judgement as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.loans.levels import Level, LtvBasis
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import newest_covers


@dataclass(frozen=True)
class LoanPosition:
    """Exposure and conservative pool on the loan's basis, in minor units, with level and target ratio."""

    exposure: int
    pool: int
    target_ppm: int
    basis: LtvBasis
    level: Level
    coverage_unknown: bool
    collateral_cure: int


def position_of(connection: Connection, loan_key: int) -> LoanPosition:
    """The newest judgement of a loan; every loan has been judged once when it was registered."""
    rows = newest_covers(connection, np.array([loan_key], dtype=np.int64))
    row = {name: int(column[0]) for name, column in rows.items()}
    return LoanPosition(
        exposure=row["exposure_minor"],
        pool=row["lendable_minor"] if row["basis"] == LtvBasis.LENDABLE else row["market_minor"],
        target_ppm=row["margin_call_ppm"] - row["buffer_ppm"],
        basis=LtvBasis(row["basis"]),
        level=Level(row["level"]),
        coverage_unknown=bool(row["coverage_unknown"]),
        collateral_cure=row["collateral_cure_minor"],
    )
