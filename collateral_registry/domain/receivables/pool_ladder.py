"""The ladder of a pool: from the open amount of each invoice to what the pool lends, conservative and last good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.invoice_rules import exclusions, invoice_truths, was_good
from collateral_registry.domain.receivables.partial_rules import cuts, debtor_groups, families, share_cut
from collateral_registry.domain.receivables.pool_facts import GroupName, PoolFacts, PoolTerms
from collateral_registry.domain.receivables.rule_numbers import DilutionPlace, ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Float, Int
from valuation.money import PPM
from valuation.receivables.dilution import reduced_advance
from valuation.receivables.eligibility import Buckets, Eligibility, eligibility
from valuation.receivables.groups import Groups
from valuation.receivables.partial_cuts import GroupCut
from valuation.receivables.recoverable import (
    Expectation,
    InvoiceParts,
    Lendable,
    expected_recoverable,
    lendable,
)
from valuation.receivables.rules import Rule, Truth


class PartClass(IntEnum):
    """Classes of invoices with the same haircut parts, by the state of the assignment."""

    SILENT = 0
    NOTIFIED = 1
    ACKNOWLEDGED = 2


_CLASS_OF_STATE = np.full(len(AssignmentState), PartClass.SILENT, dtype=np.int64)
_CLASS_OF_STATE[[AssignmentState.NOTIFIED, AssignmentState.ACKNOWLEDGED_WITH_SET_OFF]] = PartClass.NOTIFIED
_CLASS_OF_STATE[AssignmentState.ACKNOWLEDGED] = PartClass.ACKNOWLEDGED


@dataclass(frozen=True)
class PoolAmount:
    """One of the two sums of a pool: its buckets, and what its invoices bring and lend in minor units."""

    buckets: Buckets
    recoverable_minor: Int
    lendable: Lendable


@dataclass(frozen=True)
class PoolPart:
    """A pool on a day before the limits on shares, or a part of it that holds whole groups of debtors.

    ``rules`` are in the order of attribution. ``left_minor`` [2, g] is what the rules leave of each group of debtors,
    conservative and last good.
    """

    pool: PoolFacts
    numbers: ReceivableNumbers
    day: int
    rules: Sequence[tuple[Rule, Truth]]
    eligibility: Eligibility
    families: Groups
    left_minor: Int

    @cached_property
    def expected(self) -> Expectation:
        """What is expected of each invoice [n]."""
        return _expected(self.pool, self.numbers, self.day)

    @cached_property
    def part_class(self) -> Int:
        """The PartClass of each invoice [n]."""
        return np.asarray(_CLASS_OF_STATE[self.pool.assignments.state])

    @cached_property
    def advance_ppm(self) -> Int:
        """The advance rate of each invoice [n] in millionths."""
        return _advance(self.pool, self.numbers)

    @property
    def names(self) -> Sequence[GroupName]:
        """The groups of debtors [g]."""
        return self.pool.resolved.names

    @property
    def gross_minor(self) -> int:
        """The open amount of claims in the pool's currency, of which GROSS limits the share of a group."""
        return int(self.pool.own_open_minor.sum())


@dataclass(frozen=True)
class Ladder:
    """A pool on a day, or a part of it, after the limits on shares; ``classes`` holds the parts of each PartClass."""

    part: PoolPart
    classes: InvoiceParts
    conservative: PoolAmount
    last_good: PoolAmount

    @property
    def pool(self) -> PoolFacts:
        """The facts."""
        return self.part.pool

    @property
    def parts(self) -> InvoiceParts:
        """The haircut parts of each invoice [n]."""
        return InvoiceParts(*(part[self.part.part_class] for part in self.classes.in_order()))


def ladder(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Ladder:
    """Computes the ladder of every invoice [n] of a whole pool on a day."""
    part = before_shares(pool, numbers, day)
    mode = pool.terms.mode or numbers.mode
    cut = [share_cut(left, part.gross_minor, mode, numbers) for left in part.left_minor]
    return after_shares(part, np.array(cut))


def before_shares(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> PoolPart:
    """Applies the rules that need nothing but the invoices of a group of debtors."""
    debtors = debtor_groups(pool)
    rules = exclusions(pool, invoice_truths(pool, numbers, day), debtors, numbers, day)
    found = eligibility(pool.ledger.open_minor, rules, cuts(pool, debtors, day), was_good(pool, rules))
    by_family = families(pool, debtors)
    left = [by_family.sums(found.conservative.eligible_minor)] * 2
    if found.last_good is not found.conservative:
        left[1] = by_family.sums(found.last_good.eligible_minor)
    return PoolPart(pool, numbers, day, rules, found, by_family, np.array(left))


def after_shares(part: PoolPart, cut_minor: Int) -> Ladder:
    """Applies what the limits on shares take of each group of debtors [2, g], and values what is left."""
    classes = class_parts(part.pool.terms, part.numbers, part.day)
    kept = classes.kept_units[part.part_class]

    def amount(buckets: Buckets, cut: Int) -> PoolAmount:
        final = buckets.after(GroupCut(Rule.CONCENTRATION, part.families, cut))
        recoverable = expected_recoverable(final.eligible_minor, part.expected)
        most = most_lent(int(recoverable.sum()), part.numbers)
        return PoolAmount(final, recoverable, lendable(recoverable, final.eligible_minor, kept, part.advance_ppm, most))

    both = part.eligibility
    conservative = last_good = amount(both.conservative, cut_minor[0])
    if both.last_good is not both.conservative or not np.array_equal(*cut_minor):
        last_good = amount(both.last_good, cut_minor[1])  # the limits may differ for what other groups have unknown
    return Ladder(part, classes, conservative, last_good)


def most_lent(recoverable_minor: int, numbers: ReceivableNumbers) -> int:
    """Returns the most that the class lends of an expected amount: by its cap and its haircut floor."""
    floor = numbers.ppm("haircut_floor") if "haircut_floor" in numbers.values else 0
    most_ppm = min(numbers.ppm("cap") if "cap" in numbers.values else PPM, PPM - floor)
    return recoverable_minor * most_ppm // PPM


def _expected(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Expectation:
    row, of = pool.resolved.row, pool.resolved.of_invoice
    count = len(of)
    stated = pool.debtors.pd[row]
    pd = np.where(np.isnan(stated), numbers.share("pd_stand_in"), stated)
    return Expectation(
        days=_days(pool, numbers, day),
        dilution=_dilution_of_invoices(pool, numbers),
        pd=pd[of],
        lgd=np.full(count, numbers.share("lgd")),
        rate=np.full(count, numbers.share("discount_rate")),
    )


def _days(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> Int:
    """Returns the days until each invoice [n] is paid: as its debtor pays, or until it is due and the policy's tail."""
    due = pool.ledger.due_day
    stand_in = np.where(due == NO_DAY, 0, np.maximum(due - day, 0)) + numbers.days("tail_days")
    if pool.estimates is None:
        return np.asarray(stand_in)
    debtor = pool.resolved.row[pool.resolved.of_invoice]
    wait = pool.estimates.expected_wait(debtor, np.where(due == NO_DAY, 0, day - due))
    known = (due != NO_DAY) & ~np.isnan(wait)
    return np.where(known, np.ceil(np.where(known, wait, 0.0)).astype(np.int64), stand_in)


def _dilution_of_invoices(pool: PoolFacts, numbers: ReceivableNumbers) -> Float:
    """Returns the dilution of each invoice [n] where it acts in the value: its debtor's, or the policy's number."""
    resolved = pool.resolved
    if numbers.dilution_place is not DilutionPlace.VALUE:
        return np.zeros(len(resolved.of_invoice))
    if pool.estimates is None:
        return np.full(len(resolved.of_invoice), _dilution(pool, numbers))
    own = pool.estimates.dilution[resolved.row]
    return np.asarray(np.where(np.isnan(own), _dilution(pool, numbers), own)[resolved.of_invoice])


def _dilution(pool: PoolFacts, numbers: ReceivableNumbers) -> float:
    return numbers.share("dilution_stand_in") if np.isnan(pool.terms.dilution) else pool.terms.dilution


def class_parts(terms: PoolTerms, numbers: ReceivableNumbers, day: int) -> InvoiceParts:
    """Returns the haircut parts of each PartClass."""
    value = terms.value_part
    if not is_verified(terms, numbers, day):
        value = float(np.fmax(value, numbers.share("value_haircut")))  # an old bound counts where it is larger
    value = float(np.fmax(value, terms.least_value_part))
    return InvoiceParts(
        value=np.full(len(PartClass), value),
        liquidity=_by_class(numbers, "liquidity"),
        cost=np.full(len(PartClass), numbers.share("cost_haircut")),
        legal=_by_class(numbers, "legal"),
    )


def is_verified(terms: PoolTerms, numbers: ReceivableNumbers, day: int) -> bool:
    """Returns whether a verification bounds the misstatement that is not older than the policy allows."""
    age_days = day - terms.verification_day
    return not np.isnan(terms.value_part) and age_days <= numbers.days("verification_max_age_days")


def _by_class(numbers: ReceivableNumbers, name: str) -> Float:
    """Returns a number of the policy for each PartClass."""
    return np.array([numbers.share(f"{name}_{one.name.lower()}") for one in PartClass])


def _advance(pool: PoolFacts, numbers: ReceivableNumbers) -> Int:
    """Returns the advance rate of each invoice [n] in millionths."""
    rates = np.rint(_by_class(numbers, "advance") * PPM).astype(np.int64)
    rate = rates[_CLASS_OF_STATE[pool.assignments.state]]
    core = pool.debtors.is_core_firm[pool.resolved.row][pool.resolved.of_invoice]
    acknowledged = pool.assignments.state == AssignmentState.ACKNOWLEDGED
    rate = np.where(core & acknowledged, numbers.ppm("advance_core_firm"), rate)
    if numbers.dilution_place is not DilutionPlace.ADVANCE:
        return rate
    diluted, threshold = round(_dilution(pool, numbers) * PPM), numbers.ppm("dilution_threshold")
    rates, row = np.unique(rate, return_inverse=True)
    lowered = [reduced_advance(one, diluted, threshold) for one in rates.tolist()]
    return np.array(lowered, dtype=np.int64)[row]
