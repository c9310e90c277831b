"""Verification of a pool's invoices: a sample of monetary units, what its debtors answer, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np

from collateral_registry.domain.assignments.verification_targets import TargetedInvoice, targets_of
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.identifiers import check_identifier
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput, check_all
from valuation.money import PPM
from valuation.receivables.verification import (
    first_unit,
    sample_size,
    sampled_units,
    sampling_interval,
    upper_misstatement_share,
)

UNITS_LIMIT = 5_000
"""Largest sample."""

LEAST_CONFIDENCE_PPM = 950_000
"""Confidence of every bound: a plan may state a higher one. At a lower one, a single letter would free any pool."""

SEED_LIMIT = 2**53
"""Seeds are smaller, so that every client reads them exactly."""


class Outcome(IntEnum):
    """What a debtor answered; the numeric values are stored and sent."""

    CONFIRMED = 1
    DIFFERS = 2
    DENIED = 3
    NO_ANSWER = 4


@dataclass(frozen=True)
class SampledInvoice:
    """An invoice of a sample with its open amount and the number of sampled units in it."""

    debtor: str
    invoice_number: str
    open_minor: int
    units: int


@dataclass(frozen=True)
class Plan:
    """A sample of a pool's ledger at one of its entries, which follows from the seed.

    ``interval_minor`` is the distance of the sampled units and ``first_minor`` the place of the first one. ``targets``
    are verified in addition, by suspicion. ``random_seed`` holds if the server drew the seed when it stored the plan:
    of a stated one, and of one that follows from the id, the sample can be known before.
    """

    verification_id: str
    day: date
    confidence_ppm: int
    tolerable_minor: int
    currency: str
    seed: int
    entry_number: int
    book_minor: int
    sample: int
    interval_minor: int
    first_minor: int
    invoices: Sequence[SampledInvoice]
    targets: Sequence[TargetedInvoice] = ()
    random_seed: bool = False

    @property
    def open_minor(self) -> dict[tuple[str, str], int]:
        """The open amounts of the invoices to be verified, by debtor and number."""
        sampled = {(one.debtor, one.invoice_number): one.open_minor for one in self.invoices}
        return sampled | {(one.debtor, one.invoice_number): one.open_minor for one in self.targets}


@dataclass(frozen=True)
class Answer:
    """What the debtor of a sampled invoice answered, or what other proof there is.

    ``confirmed`` is the amount that a debtor states who differs. ``has_proof`` states that another proof, such as a
    payment or a delivery note, stands for a missing answer.
    """

    debtor: str
    invoice_number: str
    outcome: Outcome
    confirmed: Money | None = None
    has_proof: bool = False
    document: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInput for fields that are malformed or do not belong to the outcome."""
        check_all(
            lambda: checked_text("debtor", self.debtor),
            lambda: check_identifier("invoice_number", checked_text("invoice_number", self.invoice_number)),
            lambda: checked_text("document", self.document, required=False),
            self._check_amount,
            self._check_proof,
        )

    def _check_amount(self) -> None:
        if (self.confirmed is not None) != (self.outcome == Outcome.DIFFERS):
            got = "nothing" if self.confirmed is None else self.confirmed.major
            raise InvalidInput("confirmed_amount", got, "an amount if the outcome is DIFFERS, else nothing")

    def _check_proof(self) -> None:
        if self.has_proof and self.outcome != Outcome.NO_ANSWER:
            raise InvalidInput("other_proof", "true", "false unless the outcome is NO_ANSWER")

    @property
    def is_denial(self) -> bool:
        """Whether the debtor owes nothing by its own account."""
        owes_nothing = self.confirmed is not None and self.confirmed.minor == 0
        return self.outcome == Outcome.DENIED or owes_nothing

    @property
    def is_confirmation(self) -> bool:
        """Whether the debtor owes the invoice, or a part of it, by its own account."""
        return self.outcome in {Outcome.CONFIRMED, Outcome.DIFFERS} and not self.is_denial

    def taint(self, open_minor: int) -> float:
        """Returns the overstated share of an invoice's open amount."""
        if self.outcome == Outcome.DIFFERS and self.confirmed is not None:
            return max(0.0, 1.0 - self.confirmed.minor / open_minor)
        return float(self.outcome == Outcome.DENIED or (self.outcome == Outcome.NO_ANSWER and not self.has_proof))


def planned(
    ledger: PoolLedger,
    verification_id: str,
    day: date,
    tolerable: Money,
    confidence_ppm: int,
    seed: int,
    targets: int,
    *,
    is_doubled: bool,
) -> Plan:
    """Returns a sample of the open invoices in the pool's currency; twice as large, at most, if a debt was denied.

    The plan has up to ``targets`` further invoices. Raises Refused for a pool without open invoices, and InvalidInput
    for a sample above UNITS_LIMIT.
    """
    counted = (ledger.open_minor > 0) & (ledger.currency == tolerable.currency)
    rows = np.flatnonzero(counted)
    amounts = ledger.open_minor[rows]
    book = int(amounts.sum())
    if not book:
        raise Refused("NOTHING_OPEN", f"no invoice in {tolerable.currency} is open: there is nothing to verify")
    sample = sample_size(book, tolerable.minor, confidence_ppm / PPM)
    if sample > UNITS_LIMIT:
        raise InvalidInput("tolerable_amount", tolerable.major, f"an amount that needs at most {UNITS_LIMIT} units")
    sample = min(2 * sample, UNITS_LIMIT) if is_doubled else sample
    interval = sampling_interval(book, sample)
    first = first_unit(seed, interval)
    units = sampled_units(amounts, interval, first)
    chosen = np.flatnonzero(units)
    invoices = [
        SampledInvoice(
            str(ledger.debtor[rows[at]]), str(ledger.invoice_number[rows[at]]), int(amounts[at]), int(units[at])
        )
        for at in chosen
    ]
    sampled = {(one.debtor, one.invoice_number) for one in invoices}
    return Plan(
        verification_id=verification_id,
        day=day,
        confidence_ppm=confidence_ppm,
        tolerable_minor=tolerable.minor,
        currency=tolerable.currency,
        seed=seed,
        entry_number=ledger.entry_number,
        book_minor=book,
        sample=sample,
        interval_minor=interval,
        first_minor=first,
        invoices=invoices,
        targets=targets_of(ledger, tolerable.currency, sampled, day_of(day), seed, targets),
    )


Answers = Mapping[tuple[str, str], Answer]
"""The answer in force to each sampled invoice, by its debtor and number."""


def denied_invoices(answers: Iterable[Answer]) -> list[tuple[str, str]]:
    """Returns debtor and number of each invoice that its debtor denied and has not confirmed since.

    ``answers`` are those of all verifications of a pool in the order in which they were recorded.
    """
    denied: dict[tuple[str, str], None] = {}
    for answer in answers:
        name = (answer.debtor, answer.invoice_number)
        if answer.is_denial:
            denied[name] = None
        elif answer.is_confirmation:
            denied.pop(name, None)
    return [*denied]


def answers_in_force(answers: Iterable[Answer]) -> Answers:
    """Returns the newest answer to each invoice of a verification, in the order of ``answers``.

    A missing answer does not replace a denial, which its debtor alone withdraws.
    """
    found: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        name = (answer.debtor, answer.invoice_number)
        if answer.outcome != Outcome.NO_ANSWER or name not in found or not found[name].is_denial:
            found[name] = answer
    return found


def misstated_share(plan: Plan, answers: Answers) -> float | None:
    """Returns the upper bound of the misstated share of the book; None until every sampled invoice has an outcome.

    A sampled invoice counts once for each of its units. The bound is that of the random sample alone; what is known to
    be misstated of the targets is added to it, because they were not drawn at random.
    """
    is_complete = all((one.debtor, one.invoice_number) in answers for one in plan.invoices)
    return _bound(plan, answers) if is_complete else None


def least_misstated_share(plan: Plan, answers: Answers) -> float | None:
    """Returns the bound if all sampled invoices without an outcome were confirmed; None without a bad answer.

    No further answer to another invoice lowers it, so that bad answers count before a verification is complete.
    """
    is_bad = any(
        answer.taint(open_minor) for name, open_minor in plan.open_minor.items() if (answer := answers.get(name))
    )
    return _bound(plan, answers) if is_bad else None


def _bound(plan: Plan, answers: Answers) -> float:
    """Returns the upper bound of the misstated share, in which an invoice without an outcome counts as confirmed."""
    taints: list[float] = []
    for invoice in plan.invoices:
        answer = answers.get((invoice.debtor, invoice.invoice_number))
        if answer is not None and (taint := answer.taint(invoice.open_minor)):
            taints += [taint] * invoice.units
    units = sum(invoice.units for invoice in plan.invoices)
    bound = upper_misstatement_share(units, taints, max(plan.confidence_ppm, LEAST_CONFIDENCE_PPM) / PPM)
    return min(bound + _known_share(plan, answers), 1.0)


def _known_share(plan: Plan, answers: Answers) -> float:
    """Returns the share of the book by which the answered targets are misstated."""
    answered = ((one, answers.get((one.debtor, one.invoice_number))) for one in plan.targets)
    known = sum(answer.taint(one.open_minor) * one.open_minor for one, answer in answered if answer is not None)
    return known / plan.book_minor
