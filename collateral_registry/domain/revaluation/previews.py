"""Previews of a revaluation: what each step of a revaluation would change, per loan, per asset and in sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.filters.columns import matching_rows
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Enum, FieldType, Id, Text, enum
from collateral_registry.domain.loans.levels import Level
from valuation._typing import Int

Columns = Mapping[str, NDArray[Any]]

STEPS = ("judged", "valued", "curves", "policy")
"""Steps of a revaluation in their order. Each replaces one input of the collateral value and keeps the others:

judged  The recorded values, judged on the business date by the rules of this release.
valued  Values by the models, prices and facts of now, under the policy in force, with the recorded haircut curves.
curves  The haircut curves that a revaluation would use.
policy  The previewed policy, where it is not the one in force.
"""

BEFORE = "recorded"
"""Name of the recorded state in the names of columns, before the first step."""

_COVERAGE = Enum({"KNOWN": 0, "UNKNOWN": 1}, "COVERAGE_")

PREVIEW_FILTER: Mapping[str, FieldType] = {
    "loan": Id("loans"),
    "borrower": Text(),
    "currency_code": Text(),
    "level": enum(Level, "LTV_LEVEL_", ordered=True),
    "coverage": _COVERAGE,
    "level_before": enum(Level, "LTV_LEVEL_", ordered=True),
    "coverage_before": _COVERAGE,
}
"""Fields by which the loans of a preview can be filtered."""

_COLUMN_OF = {
    "loan": "loan_id",
    "borrower": "borrower",
    "currency_code": "currency",
    "level": "level",
    "coverage": "coverage_unknown",
    "level_before": "recorded_level",
    "coverage_before": "recorded_coverage_unknown",
}

COMPARED = ("exposure_minor", "market_minor", "lendable_minor", "base_minor", "level", "coverage_unknown")
"""Columns of a loan before (with the prefix ``recorded_``) and after. A loan is changed if one of them differs."""

SUMMED = (
    *("exposure_minor", "recorded_lendable_minor", "lendable_minor", "recorded_collateral_minor", "collateral_minor"),
    *(f"by_{step}" for step in STEPS),
)
"""Columns of a loan that are summed. The changes by step sum to that of the collateral value."""


def is_changed(rows: Columns, compared: Sequence[str]) -> NDArray[np.bool_]:
    """Returns which rows differ in one of the compared columns from what is recorded."""
    changed: NDArray[np.bool_] = np.logical_or.reduce([rows[f"{BEFORE}_{name}"] != rows[name] for name in compared])
    return changed


def wanted_loans(loans: Columns, wanted: Expression) -> NDArray[np.bool_]:
    """Returns which loans [l] match a filter on PREVIEW_FILTER."""
    return matching_rows(loans, _COLUMN_OF, wanted, len(loans["level"]))


def in_order_of_severity(loans: Columns) -> Int:
    """Returns the rows of the loans [l], those first that a lender must see first.

    These are the loans whose level worsens most, then those that lose their known coverage, then the worst level, then
    the largest fall of the collateral value as a share of it.
    """
    before, after = loans["recorded_collateral_minor"], loans["collateral_minor"]
    fall = (before - after) / np.maximum(before, 1)
    worse = loans["level"] - loans["recorded_level"]
    lost = loans["coverage_unknown"] - loans["recorded_coverage_unknown"]
    rows: Int = np.lexsort((loans["loan_id"].astype(str), -fall, -loans["level"], -lost, -worse)).astype(np.int64)
    return rows


@dataclass
class CurrencyTotal:
    """Numbers of loans of a currency, and sums of the columns SUMMED over them in minor units."""

    loans: int = 0
    changed: int = 0
    sums: Counter[str] = field(default_factory=Counter)


@dataclass
class PreviewSummary:
    """Sums of a preview: loans by (level before, after) where they differ, coverage, and totals by currency.

    ``assets`` counts values, of which ``changed_assets`` would differ from the recorded ones. ``models`` counts values
    by the names of the haircut curve's model before and after, where they differ.
    """

    moves: Counter[tuple[int, int]] = field(default_factory=Counter)
    lost_coverage: int = 0
    regained_coverage: int = 0
    assets: int = 0
    changed_assets: int = 0
    models: Counter[tuple[str, str]] = field(default_factory=Counter)
    totals: dict[str, CurrencyTotal] = field(default_factory=dict)

    def add_loans(self, loans: Columns) -> None:
        """Adds loans [l]."""
        pairs = zip(loans["recorded_level"].tolist(), loans["level"].tolist(), strict=True)
        self.moves.update((before, after) for before, after in pairs if before != after)
        coverage = loans["coverage_unknown"] - loans["recorded_coverage_unknown"]
        self.lost_coverage += int((coverage > 0).sum())
        self.regained_coverage += int((coverage < 0).sum())
        changed = is_changed(loans, COMPARED)
        for currency in sorted(set(loans["currency"])):
            mine = loans["currency"] == currency
            total = self.totals.setdefault(currency, CurrencyTotal())
            total.loans += int(mine.sum())
            total.changed += int(changed[mine].sum())
            total.sums.update({name: int(loans[name][mine].sum()) for name in SUMMED})

    def add_assets(self, assets: Columns, changed: NDArray[np.bool_]) -> None:
        """Adds values [t], of which some are changed."""
        self.assets += len(changed)
        self.changed_assets += int(changed.sum())
        names = zip(assets["recorded_curve_model"].tolist(), assets["curve_model"].tolist(), strict=True)
        self.models.update((before, after) for before, after in names if before != after)
