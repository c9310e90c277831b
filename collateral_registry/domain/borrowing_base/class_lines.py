"""The way from the gross amount of an asset class to what it lends, line by line (docs/receivables.md).

Amounts are whole minor units of the loan's currency; a deduction is negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from valuation.receivables.rules import NO_RULE


class ClassStep(IntEnum):
    """A step from the gross amount of a class to what it lends; the numeric values are sent."""

    GROSS = 1
    EXCLUSION = 2
    UNKNOWN = 3
    EXPECTED_LOSS = 4
    RATE = 5
    PLEDGE = 6


@dataclass(frozen=True)
class Cause:
    """What a line rests on: its step, and of a rule its code with its sentence in English and Chinese.

    The order of causes is that of the lines.
    """

    step: ClassStep
    rule: int = NO_RULE
    english: str = ""
    chinese: str = ""


@dataclass(frozen=True)
class PoolShare:
    """What a pool bears of a line, and how many of its invoices bear it."""

    asset_id: str
    amount_minor: int
    invoices: int = 0


@dataclass(frozen=True)
class ClaimLine:
    """A line of one claim; the share names no asset unless it is a pool."""

    cause: Cause
    share: PoolShare


@dataclass(frozen=True)
class ClassLine:
    """The lines of all claims of a class with the same cause; ``pools`` are those that bear it."""

    cause: Cause
    amount_minor: int
    pools: tuple[PoolShare, ...]


def market_lines(market_minor: int, lendable_minor: int) -> tuple[ClaimLine, ...]:
    """Returns the lines of a claim on an asset without invoices."""
    return _lines("", ((ClassStep.GROSS, market_minor), (ClassStep.RATE, lendable_minor - market_minor)))


@dataclass(frozen=True)
class Lending:
    """What the rules leave of a pool, what is expected of it, what it lends, and what the loan claims of that."""

    eligible_minor: int
    recoverable_minor: int
    lendable_minor: int
    claimed_minor: int


def lending_lines(asset_id: str, lending: Lending, *, is_unknown: bool) -> tuple[ClaimLine, ...]:
    """Returns the lines from the eligible amount of a pool to what a loan claims of it.

    A pool that is unknown as a whole lends nothing, whatever its rules leave.
    """
    if is_unknown:
        return _lines(asset_id, ((ClassStep.UNKNOWN, -lending.eligible_minor),))
    steps = (
        (ClassStep.EXPECTED_LOSS, lending.recoverable_minor - lending.eligible_minor),
        (ClassStep.RATE, lending.lendable_minor - lending.recoverable_minor),
        (ClassStep.PLEDGE, lending.claimed_minor - lending.lendable_minor),
    )
    return _lines(asset_id, steps)


def _lines(asset_id: str, steps: Iterable[tuple[ClassStep, int]]) -> tuple[ClaimLine, ...]:
    return tuple(ClaimLine(Cause(step), PoolShare(asset_id, amount)) for step, amount in steps)


def class_lines(lines: Iterable[ClaimLine]) -> tuple[ClassLine, ...]:
    """Returns the lines of a class in their order; they sum to what its claims lend.

    A line of 0 is left out unless it is the gross amount.
    """
    by_cause: dict[Cause, list[PoolShare]] = {Cause(ClassStep.GROSS): []}
    for line in lines:
        by_cause.setdefault(line.cause, []).append(line.share)
    summed = [_class_line(cause, shares) for cause, shares in by_cause.items()]
    kept = (line for line in summed if line.amount_minor or line.cause.step is ClassStep.GROSS)
    return tuple(sorted(kept, key=lambda line: (line.cause.step, line.cause.rule, line.cause.english)))


def _class_line(cause: Cause, shares: Sequence[PoolShare]) -> ClassLine:
    pools = tuple(one for one in shares if one.asset_id and one.amount_minor)
    return ClassLine(cause, sum(one.amount_minor for one in shares), pools)
