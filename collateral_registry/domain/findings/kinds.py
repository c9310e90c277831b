"""Findings: discrepancies about collateral with their evidence, which are open until they are resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from collateral_registry.domain.shared.names import checked_text, with_visible_characters

Evidence = Mapping[str, str | int | Sequence[str]]
"""The facts behind a finding, by name. Quantities are plain decimals with their unit."""


class FindingKind(IntEnum):
    """Kind of discrepancy; the numeric values are stored and sent."""

    COUNT_BELOW_BOOK = 1
    COUNT_ABOVE_BOOK = 2
    LOT_MISMATCH = 3
    COUNT_NOT_COMPARED = 4
    OVER_PLEDGED = 11
    DOUBLE_PLEDGE = 12
    SUSPECTED_DOUBLE_PLEDGE = 13
    UNAUTHORISED_ISSUE = 14
    INSPECTION_CONTRADICTS = 21
    RIGHT_ENDS_EARLY = 22
    LOAN_TOO_LONG = 23
    IDENTITY_CORRECTED = 24
    CASH_LAG = 31
    DIVERTED_PAYMENT = 32
    ROLL_FORWARD_GAP = 33
    CERTIFICATE_DIFFERS = 34
    DEBT_DENIED = 35
    LEDGER_SIGNAL = 36


COUNT_KINDS = (FindingKind.COUNT_BELOW_BOOK, FindingKind.COUNT_ABOVE_BOOK, FindingKind.LOT_MISMATCH)
"""Kinds of differences between a count and the book."""


class Severity(IntEnum):
    """Severity of a finding; the numeric values are stored and sent."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class FindingState(IntEnum):
    """Whether a finding is open; the numeric values are stored and sent."""

    OPEN = 1
    RESOLVED = 2


@dataclass(frozen=True)
class Finding:
    """A finding before it is stored.

    Its subject is an asset, loan, warehouse and lot; those that do not apply are 0 or empty. The fingerprint names the
    kind and the subject. At most one finding with the same fingerprint is open.
    """

    kind: FindingKind
    severity: Severity
    fingerprint: str
    summary: str
    evidence: Evidence = field(default_factory=dict)
    asset_key: int = 0
    loan_key: int = 0
    warehouse: str = ""
    lot_key: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidInput if the fingerprint or the summary is missing or malformed."""
        checked_text("finding.fingerprint", self.fingerprint)
        checked_text("finding.summary", with_visible_characters(self.summary))  # it may quote an older text
