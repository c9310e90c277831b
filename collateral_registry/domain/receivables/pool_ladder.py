"""The ladder of a pool: from the open amount of each invoice to what the pool lends, conservative and last good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.invoice_rules import exclusions, invoice_truths, unknown_reasons, was_good
from collateral_registry.domain.receivables.partial_rules import cuts, debtor_groups
from collateral_registry.domain.receivables.pool_facts import PoolFacts
from collateral_registry.domain.receivables.rule_numbers import DilutionPlace, ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Float, Int
from valuation.flags import QualityFlag, UnknownReason
from valuation.money import PPM
from valuation.receivables.dilution import reduced_advance
from valuation.receivables.eligibility import Buckets, Eligibility, eligibility
from valuation.receivables.recoverable import (
    Expectation,
    InvoiceParts,
    Lendable,
    PoolParts,
    expected_recoverable,
    lendable,
    pool_parts,
)
from valuation.receivables.rules import Rule, Truth

ADVANCE_OF_STATE = {
    AssignmentState.NOTIFIED: "notified",
    AssignmentState.ACKNOWLEDGED_WITH_SET_OFF: "notified",
    AssignmentState.ACKNOWLEDGED: "acknowledged",
}
"""The policy's numbers by state of the assignment; those of a silent assignment in every other state."""


@dataclass(frozen=True)
class PoolAmount:
    """One of the two sums of a pool: its buckets, and what its invoices bring and lend in minor units."""

    buckets: Buckets
    recoverable_minor: Int
    lendable: Lendable
    parts: PoolParts

    @property
    def recoverable(self) -> int:
        """What is expected of the pool."""
        return int(self.recoverable_minor.sum())

    @property
    def cap(self) -> float:
        """The share of the expected amount that the pool lends; 0 without an expected amount."""
        return self.lendable.total_minor / self.recoverable if self.recoverable else 0.0


@dataclass(frozen=True)
class Ladder:
    """A pool on a day: the rules in the order of attribution, what is expected of each invoice, and both sums.

    ``unknown`` holds reasons for which the whole pool is unknown, ``unknown_part`` those for which a part of it is.
    """

    pool: PoolFacts
    day: int
    rules: Sequence[tuple[Rule, Truth]]
    expected: Expectation
    parts: InvoiceParts
    advance_ppm: Int
    conservative: PoolAmount
    last_good: PoolAmount
    unknown: int
    unknown_part: int
    quality: int


def ladder(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Ladder:
    """Computes the ladder of every invoice [n] of a pool on a day, and the sums of the pool."""
    debtors = debtor_groups(pool)
    rules = exclusions(pool, invoice_truths(pool, numbers, day), debtors, numbers, day)
    buckets = eligibility(pool.ledger.open_minor, rules, cuts(pool, debtors, numbers, day), was_good(pool, rules))
    expected = _expected(pool, numbers, day)
    parts, advance = _parts(pool, numbers, day), _advance(pool, numbers)
    is_open = pool.ledger.open_minor > 0  # nothing of a settled invoice is unknown
    reasons = unknown_reasons(buckets.conservative.unknown_by[is_open])
    conservative = last_good = _amount(buckets.conservative, expected, parts, advance, numbers)
    if buckets.last_good is not buckets.conservative:
        last_good = _amount(buckets.last_good, expected, parts, advance, numbers)
    return Ladder(
        pool=pool,
        day=day,
        rules=rules,
        expected=expected,
        parts=parts,
        advance_ppm=advance,
        conservative=conservative,
        last_good=last_good,
        unknown=_unknown_pool(pool, numbers, day) | (0 if _is_known_in_part(buckets) else reasons),
        unknown_part=reasons,
        quality=_quality(pool, buckets, reasons, numbers, day),
    )


def _amount(
    buckets: Buckets, expected: Expectation, parts: InvoiceParts, advance_ppm: Int, numbers: ReceivableNumbers
) -> PoolAmount:
    recoverable = expected_recoverable(buckets.eligible_minor, expected)
    most = int(recoverable.sum()) * _most_ppm(numbers) // PPM
    lent = lendable(recoverable, buckets.eligible_minor, parts.kept_units, advance_ppm, most)
    return PoolAmount(buckets, recoverable, lent, pool_parts(recoverable, parts))


def _most_ppm(numbers: ReceivableNumbers) -> int:
    """Returns the largest share of the expected amount that the class may lend: by its cap and its haircut floor."""
    floor = numbers.ppm("haircut_floor") if "haircut_floor" in numbers.values else 0
    return min(numbers.ppm("cap") if "cap" in numbers.values else PPM, PPM - floor)


def _expected(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Expectation:
    due, row, of = pool.ledger.due_day, pool.resolved.row, pool.resolved.of_invoice
    count = len(due)
    stated = pool.debtors.pd[row]
    pd = np.where(np.isnan(stated), numbers.share("pd_stand_in"), stated)
    dilution = _dilution(pool, numbers) if numbers.dilution_place is DilutionPlace.VALUE else 0.0
    return Expectation(
        days=np.where(due == NO_DAY, 0, np.maximum(due - day, 0)) + numbers.days("tail_days"),
        dilution=np.full(count, dilution),
        pd=pd[of],
        lgd=np.full(count, numbers.share("lgd")),
        rate=np.full(count, numbers.share("discount_rate")),
    )


def _dilution(pool: PoolFacts, numbers: ReceivableNumbers) -> float:
    return numbers.share("dilution_stand_in") if np.isnan(pool.terms.dilution) else pool.terms.dilution


def _parts(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> InvoiceParts:
    count = len(pool.ledger.open_minor)
    value = pool.terms.value_part
    if not _is_verified(pool, numbers, day):
        value = float(np.fmax(value, numbers.share("value_haircut")))  # an old bound counts where it is larger
    return InvoiceParts(
        value=np.full(count, value),
        liquidity=_by_state(pool, numbers, "liquidity"),
        cost=np.full(count, numbers.share("cost_haircut")),
        legal=_by_state(pool, numbers, "legal"),
    )


def _is_verified(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> bool:
    """Returns whether a verification bounds the misstatement that is not older than the policy allows."""
    age_days = day - pool.terms.verification_day
    return not np.isnan(pool.terms.value_part) and age_days <= numbers.days("verification_max_age_days")


def _by_state(pool: PoolFacts, numbers: ReceivableNumbers, name: str) -> Float:
    """Returns a number of the policy for each invoice [n] by the state of its assignment."""
    found = np.full(len(AssignmentState), numbers.share(f"{name}_silent"))
    for state, suffix in ADVANCE_OF_STATE.items():
        found[state] = numbers.share(f"{name}_{suffix}")
    return np.asarray(found[pool.assignments.state])


def _advance(pool: PoolFacts, numbers: ReceivableNumbers) -> Int:
    """Returns the advance rate of each invoice [n] in millionths."""
    rate = np.rint(_by_state(pool, numbers, "advance") * PPM).astype(np.int64)
    core = pool.debtors.is_core_firm[pool.resolved.row][pool.resolved.of_invoice]
    acknowledged = pool.assignments.state == AssignmentState.ACKNOWLEDGED
    rate = np.where(core & acknowledged, numbers.ppm("advance_core_firm"), rate)
    if numbers.dilution_place is not DilutionPlace.ADVANCE:
        return rate
    diluted, threshold = round(_dilution(pool, numbers) * PPM), numbers.ppm("dilution_threshold")
    rates, row = np.unique(rate, return_inverse=True)
    lowered = [reduced_advance(one, diluted, threshold) for one in rates.tolist()]
    return np.array(lowered, dtype=np.int64)[row]


def _unknown_pool(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> int:
    """Returns the reasons for which the whole pool is unknown: no entry, or a newest entry that is too old.

    A registered invoice has no entries, and is unknown without an amount.
    """
    if not pool.terms.is_fed:
        return 0 if len(pool.ledger.open_minor) else int(UnknownReason.MISSING_INPUT)
    if pool.ledger.entry_day == NO_DAY:
        return int(UnknownReason.MISSING_INPUT)
    stale = day - pool.ledger.entry_day > numbers.days("ledger_max_age_days")
    return int(UnknownReason.LEDGER_STALE) if stale else 0


def _is_known_in_part(buckets: Eligibility) -> bool:
    """Returns whether something of a pool is known to be eligible, or was, or nothing of it is unknown."""
    counts = buckets.conservative.eligible_minor.any() or buckets.last_good.eligible_minor.any()
    return bool(counts or not buckets.conservative.unknown_minor.any())


def _quality(pool: PoolFacts, buckets: Eligibility, unknown_part: int, numbers: ReceivableNumbers, day: int) -> int:
    counted = buckets.last_good.eligible_minor > 0
    debtors = np.flatnonzero(np.bincount(pool.resolved.of_invoice[counted], minlength=pool.resolved.count))
    flags = (
        (unknown_part != 0, QualityFlag.PART_UNKNOWN),
        (not _is_verified(pool, numbers, day), QualityFlag.STAND_IN_PART),
        (bool(np.isnan(pool.terms.dilution)), QualityFlag.DILUTION_STAND_IN),
        (len(debtors) == 1, QualityFlag.SINGLE_DEBTOR),
        (not pool.terms.is_disclosed, QualityFlag.UNDISCLOSED),
        (bool(np.isnan(pool.debtors.pd[pool.resolved.row[debtors]]).any()), QualityFlag.PD_STAND_IN),
    )
    return sum(int(flag) for holds, flag in flags if holds)
