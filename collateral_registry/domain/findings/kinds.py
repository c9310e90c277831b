"""Findings: things about collateral that do not agree, each with its evidence, until somebody resolves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from collateral_registry.domain.shared.names import checked_text

Evidence = Mapping[str, str | int | Sequence[str]]
"""What the finding rests on, by name; quantities as plain decimals with their unit."""


class FindingKind(IntEnum):
    """What does not agree; the numbers are stored and sent."""

    COUNT_BELOW_BOOK = 1
    COUNT_ABOVE_BOOK = 2
    LOT_MISMATCH = 3
    OVER_PLEDGED = 11
    DOUBLE_PLEDGE = 12
    SUSPECTED_DOUBLE_PLEDGE = 13
    UNAUTHORISED_ISSUE = 14
    INSPECTION_CONTRADICTS = 21
    RIGHT_ENDS_EARLY = 22
    LOAN_TOO_LONG = 23


COUNT_KINDS = (FindingKind.COUNT_BELOW_BOOK, FindingKind.COUNT_ABOVE_BOOK, FindingKind.LOT_MISMATCH)
"""What a count of stock can find."""


class Severity(IntEnum):
    """How bad it is; the numbers are stored and sent."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class FindingState(IntEnum):
    """Whether somebody has to act; the numbers are stored and sent."""

    OPEN = 1
    RESOLVED = 2


@dataclass(frozen=True)
class Finding:
    """A finding before it is stored; keys are 0 and names empty where it is not about such a thing.

    The fingerprint names kind and subject: while a finding of one fingerprint is open, no second one is opened.
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
        """Checks that it can be told apart and read."""
        checked_text("finding.fingerprint", self.fingerprint)
        checked_text("finding.summary", self.summary)
