"""The path of one invoice through the ladder of its pool, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.pool_ladder import Ladder
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.receivables.rule_sentences import Sentence, sentence_of
from valuation._typing import Int
from valuation.receivables.rules import NO_RULE, Rule, Truth


class Verdict(IntEnum):
    """What a rule does to an invoice; the numeric values are sent."""

    KEPT = 1
    EXCLUDED = 2
    UNKNOWN = 3
    CUT = 4


class InvoiceState(IntEnum):
    """State of an invoice, derived from its amounts; the numeric values are sent."""

    OPEN = 1
    PART_PAID = 2
    PAID = 3
    CREDITED = 4
    WRITTEN_OFF = 5


@dataclass(frozen=True)
class RuleStep:
    """A rule, what it does to the invoice, the amount that it takes, and what is left after it."""

    rule: Rule
    verdict: Verdict
    taken_minor: int
    left_minor: int
    sentence: Sentence


@dataclass(frozen=True)
class InvoicePath:
    """An invoice in row ``row`` of a ladder, with its steps; the takings and the eligible amount sum to the open one.

    ``excluded_by`` and ``unknown_by`` are 0 for none.
    """

    ladder: Ladder
    row: int
    state: InvoiceState
    excluded_by: int
    unknown_by: int
    cuts: Mapping[Rule, int]
    eligible_minor: int
    recoverable_minor: int
    lendable_minor: int
    last_good_minor: int


def invoice_path(ladder: Ladder, row: int) -> InvoicePath:
    """Returns the amounts of the invoice in a row of a ladder."""
    sums, buckets = ladder.conservative, ladder.conservative.buckets
    cuts = {rule: int(taken[row]) for rule, taken in buckets.cut_minor.items() if taken[row]}
    return InvoicePath(
        ladder=ladder,
        row=row,
        state=InvoiceState(int(invoice_states(ladder.pool.ledger, slice(row, row + 1))[0])),
        excluded_by=int(buckets.excluded_by[row]),
        unknown_by=int(buckets.unknown_by[row]),
        cuts=cuts,
        eligible_minor=int(buckets.eligible_minor[row]),
        recoverable_minor=int(sums.recoverable_minor[row]),
        lendable_minor=int(sums.lendable.share_minor[row]),
        last_good_minor=int(ladder.last_good.buckets.eligible_minor[row]),
    )


def steps_of(path: InvoicePath, numbers: ReceivableNumbers) -> list[RuleStep]:
    """Returns every rule in the order in which it is applied, with what it does to the invoice.

    The first rule that excludes the whole invoice takes its amount; the later ones are shown with what they say. An
    unknown invoice is taken by the first rule that is unknown.
    """
    left = int(path.ladder.pool.ledger.open_minor[path.row])
    taking = path.excluded_by or path.unknown_by
    steps: list[RuleStep] = []
    for rule, truth in path.ladder.part.rules:
        verdict = _verdict(truth, path.row)
        if verdict is Verdict.KEPT and rule in path.ladder.conservative.buckets.cut_minor:
            continue  # its cut follows
        taken = left if rule == taking != NO_RULE else 0
        left -= taken
        steps.append(RuleStep(rule, verdict, taken, left, sentence_of(rule, numbers)))
    for rule in path.ladder.conservative.buckets.cut_minor:
        taken = path.cuts.get(rule, 0)
        left -= taken
        steps.append(RuleStep(rule, Verdict.CUT if taken else Verdict.KEPT, taken, left, sentence_of(rule, numbers)))
    return steps


def _verdict(truth: Truth, row: int) -> Verdict:
    if truth.true[row]:
        return Verdict.EXCLUDED
    return Verdict.UNKNOWN if truth.unknown[row] else Verdict.KEPT


def invoice_states(ledger: PoolLedger, rows: slice) -> Int:
    """Returns the InvoiceState of invoices: of a settled one, by the largest of the amounts that settled it."""
    is_open, is_whole = ledger.open_minor[rows] > 0, ledger.open_minor[rows] >= ledger.face_minor[rows]
    settled = np.stack([ledger.paid_minor[rows], ledger.credited_minor[rows], ledger.written_off_minor[rows]])
    while_open = np.where(is_whole, InvoiceState.OPEN, InvoiceState.PART_PAID)
    return np.where(is_open, while_open, InvoiceState.PAID + settled.argmax(axis=0))
