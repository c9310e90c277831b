"""Whether a right outlives the loan it is pledged to: refused or told, as the policy says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from collateral_registry.commands.findings import open_findings
from collateral_registry.domain.assets import IntellectualProperty
from collateral_registry.domain.days import day_of
from collateral_registry.domain.errors import Refused
from collateral_registry.domain.findings import Finding, FindingKind, Severity
from collateral_registry.domain.right_values import life_of
from collateral_registry.store.assets import StoredAsset
from collateral_registry.store.database import Write
from collateral_registry.store.policies import policy_in_force
from valuation.ip.life import DAYS_PER_YEAR
from valuation.ip.loan_life import LoanLife, life_against_loan


@dataclass(frozen=True)
class RightLife:
    """Years that a right and the loan have left, and how they stand to each other under the policy."""

    right_years: float
    loan_years: float
    verdict: LoanLife


def check_right_life(write: Write, asset: StoredAsset, maturity: date | None) -> RightLife | None:
    """How a right stands to a loan that ends on a day; none for other assets, loans without an end, or a life unknown.

    Raises Refused when the right does not outlive the loan by the policy's ``life_refused_years``.
    """
    right = asset.asset.detail
    if not isinstance(right, IntellectualProperty) or maturity is None:
        return None
    life = life_of(right, write.market_day)
    if np.isnan(life):
        return None
    numbers = policy_in_force(write.connection, write.market_day).policy.numbers_of(asset.asset.asset_class)
    loan_years = max(day_of(maturity) - write.market_day, 0) / DAYS_PER_YEAR
    refused, flagged = (
        float(numbers[name].value) if name in numbers else None for name in ("life_refused_years", "life_flagged_years")
    )
    if refused is not None and life_against_loan(life, loan_years, refused) != LoanLife.ENOUGH:
        raise Refused(
            "RIGHT_ENDS_EARLY",
            f"assets/{asset.asset.asset_id} lives {life:.2f} years, the loan {loan_years:.2f}: want at least "
            f"{refused:g} more than the loan",
            right_years=f"{life:.2f}",
            loan_years=f"{loan_years:.2f}",
        )
    verdict = LoanLife(int(life_against_loan(life, loan_years, 0.0 if flagged is None else flagged)))
    return RightLife(life, loan_years, verdict if flagged is not None else LoanLife.ENOUGH)


def tell_right_life(write: Write, asset: StoredAsset, loan_id: str, loan_key: int, life: RightLife | None) -> None:
    """Opens a finding for a right that was pledged although it does not outlive the loan by the margin."""
    if life is None or life.verdict is LoanLife.ENOUGH:
        return
    asset_id = asset.asset.asset_id
    finding = Finding(
        kind=FindingKind.RIGHT_ENDS_EARLY,
        severity=Severity.WARNING,
        fingerprint=f"right ends early {asset_id} {loan_id}",
        summary=f"assets/{asset_id} lives {life.right_years:.2f} years, loans/{loan_id} {life.loan_years:.2f}",
        evidence={
            "asset": f"assets/{asset_id}",
            "loan": f"loans/{loan_id}",
            "right_years": f"{life.right_years:.2f}",
            "loan_years": f"{life.loan_years:.2f}",
            "verdict": life.verdict.name,
        },
        asset_key=asset.key,
        loan_key=loan_key,
    )
    open_findings(write, [finding])
