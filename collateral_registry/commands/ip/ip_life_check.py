"""Checks by the limits of the policy that an IP asset outlives its loan and that the loan's term is not too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.domain.assets.kinds import IntellectualProperty
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.ip.ip_valuation import life_of
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Write
from valuation.calendar import DAYS_PER_YEAR
from valuation.ip.loan_life import LoanLife, life_against_loan

ENDING_EARLY = (LoanLife.SHORT, LoanLife.ENDS_BEFORE)
"""Verdicts on a known life that ends before the loan does, or within the margin after it."""


@dataclass(frozen=True)
class IpLife:
    """Remaining years of an IP asset and of its loan, and how they compare.

    ``verdict`` is ENOUGH if the policy has no margin. ``most_loan_years`` is the policy's limit if the loan's term
    exceeds it, otherwise None.
    """

    ip_years: float
    loan_years: float
    verdict: LoanLife
    most_loan_years: float | None


def check_ip_life(write: Write, asset: StoredAsset, maturity: date | None) -> IpLife | None:
    """Compares an IP asset with the maturity of a loan; returns None for other assets and for loans without a maturity.

    The verdict is UNKNOWN if the asset's life is unknown. Raises Refused if the asset does not outlive the loan by the
    policy's ``life_refused_years``, or if the loan's term exceeds ``loan_refused_years``.
    """
    ip = asset.asset.detail
    if not isinstance(ip, IntellectualProperty) or maturity is None:
        return None
    numbers = policy_in_force(write.connection, write.market_day).policy.numbers_of(asset.asset.asset_class)
    life = life_of(ip, write.market_day)
    loan_years = max(day_of(maturity) - write.market_day, 0) / DAYS_PER_YEAR
    name = f"assets/{asset.asset.asset_id}"
    refused, most = _number(numbers, "life_refused_years"), _number(numbers, "loan_refused_years")
    if refused is not None and _compare_life(life, loan_years, refused) in ENDING_EARLY:
        raise Refused(
            "RIGHT_ENDS_EARLY",
            f"{name} has {life:.2f} years left, the loan {loan_years:.2f}: want at least {refused:g} more; "
            "shorten the loan or pledge another asset",
            right_years=f"{life:.2f}",
            loan_years=f"{loan_years:.2f}",
        )
    if most is not None and loan_years > most:
        raise Refused(
            "LOAN_TOO_LONG",
            f"the loan on {name} has {loan_years:.2f} years left, want at most {most:g}; "
            "shorten the loan or pledge another asset",
            loan_years=f"{loan_years:.2f}",
        )
    margin, flagged = _number(numbers, "life_flagged_years"), _number(numbers, "loan_flagged_years")
    verdict = LoanLife.ENOUGH if margin is None else _compare_life(life, loan_years, margin)
    return IpLife(life, loan_years, verdict, flagged if flagged is not None and loan_years > flagged else None)


def report_ip_life(write: Write, asset: StoredAsset, loan_id: str, loan_key: int, life: IpLife | None) -> None:
    """Opens a finding if the IP asset ends too soon after the loan matures.

    Opens another if the term of the loan is too long.
    """
    if life is None:
        return
    asset_id, findings = asset.asset.asset_id, []

    def finding(kind: FindingKind, severity: Severity, summary: str, **more: str) -> Finding:
        evidence = {"asset": f"assets/{asset_id}", "loan": f"loans/{loan_id}", "loan_years": f"{life.loan_years:.2f}"}
        name = f"{kind.name.lower().replace('_', ' ')} {asset_id} {loan_id}"
        return Finding(kind, severity, name, summary, {**evidence, **more}, asset_key=asset.key, loan_key=loan_key)

    if life.verdict in ENDING_EARLY:
        years = f"{life.ip_years:.2f}"
        summary = f"assets/{asset_id} has {years} years left, loans/{loan_id} {life.loan_years:.2f}"
        more = {"right_years": years, "verdict": life.verdict.name}
        findings.append(finding(FindingKind.RIGHT_ENDS_EARLY, Severity.WARNING, summary, **more))
    if life.most_loan_years is not None:
        most = f"{life.most_loan_years:g}"
        summary = f"loans/{loan_id} has {life.loan_years:.2f} years left, at most {most} on assets/{asset_id}"
        findings.append(finding(FindingKind.LOAN_TOO_LONG, Severity.NOTICE, summary, most_loan_years=most))
    open_findings(write, findings)


def _compare_life(life: float, loan_years: float, margin_years: float) -> LoanLife:
    return LoanLife(int(life_against_loan(life, loan_years, margin_years)))


def _number(numbers: Mapping[str, SourcedNumber], name: str) -> float | None:
    return float(numbers[name].value) if name in numbers else None
