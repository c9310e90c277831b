"""Debtors from which simulated ones are drawn: amounts, shares and terms, and days late.

A folder with the public files ``credit/b2b_open_invoices.csv`` and ``credit/b2b_invoices_days_late.csv`` gives real
debtors. Without it, stand-ins are drawn from a fixed seed with the quantiles that those files have.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from valuation._typing import Float, Int

FEWEST_INVOICES = 5
"""Debtors of the files with fewer invoices than this are left out."""

STAND_INS = 200

LATE_QUANTILES = (0.0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.999, 1.0)
LATE_DAYS = (-79.0, -19.0, -7.0, -5.0, -3.0, 0.0, 2.0, 5.0, 10.0, 48.0, 91.0, 151.0)
"""Days late of the public file."""

DEBTOR_CORRELATION = 0.5
"""Correlation of the normal scores of two invoices of one debtor with five or more invoices in the public file."""

LOG_AMOUNT_MEAN, LOG_AMOUNT_BETWEEN, LOG_AMOUNT_WITHIN = 9.7, 1.0, 1.15
"""Mean of the logarithms of amounts in the open ledger, and their standard deviations between and within debtors."""

LOG_COUNT_SPREAD = 1.3
"""Standard deviation between debtors of the logarithm of their number of invoices."""

TERMS = (15, 65, 20, 30, 35, 10, 45)
TERM_SHARES = (0.87, 0.03, 0.02, 0.04, 0.02, 0.01, 0.01)
"""Days from issue to due in the open ledger, and the shares of its invoices, rounded."""


@dataclass(frozen=True)
class DebtorSample:
    """A debtor of the open ledger: number of invoices, their amounts in minor units, and usual terms in days."""

    invoices: float
    amount_minor: Float
    terms: int


@dataclass(frozen=True)
class Sources:
    """Debtors to draw from, and the days late of others, because the two files have few debtors in common."""

    name: str
    debtors: tuple[DebtorSample, ...]
    days_late: tuple[Float, ...]


def sources_of(folder: Path | None) -> Sources:
    """Returns the debtors of the public files in a folder, or the stand-ins."""
    return _stand_ins() if folder is None else _public(folder / "credit")


def _public(folder: Path) -> Sources:
    amounts, terms, late = defaultdict(list), defaultdict(list), defaultdict(list)
    with (folder / "b2b_open_invoices.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["invoice_currency"] == "USD":
                amounts[row["customer"]].append(float(row["total_open_amount"]) * 100.0)
                terms[row["customer"]].append(_days(row["document_date"], row["due_in_date"]))
    with (folder / "b2b_invoices_days_late.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            late[row["customer"]].append(float(row["actual_days_late"]))
    debtors = tuple(
        DebtorSample(len(own), np.array(own), max(int(np.median(terms[name])), 1))
        for name, own in sorted(amounts.items())
        if len(own) >= FEWEST_INVOICES
    )
    days = tuple(np.array(own) for _, own in sorted(late.items()) if len(own) >= FEWEST_INVOICES)
    return Sources("public files", debtors, days)


def _days(start: str, end: str) -> int:
    return int((np.datetime64(end) - np.datetime64(start)).astype(int))


def _stand_ins() -> Sources:
    rng = np.random.default_rng(20_200_415)
    debtors = []
    for _ in range(STAND_INS):
        centre = rng.normal(LOG_AMOUNT_MEAN, LOG_AMOUNT_BETWEEN)
        amounts = np.exp(rng.normal(centre, LOG_AMOUNT_WITHIN, 40)) * 100.0
        terms = int(rng.choice(TERMS, p=TERM_SHARES))
        debtors.append(DebtorSample(float(np.exp(rng.normal(0.0, LOG_COUNT_SPREAD))), amounts, terms))
    return Sources("stand-ins", tuple(debtors), tuple(_late(rng) for _ in range(STAND_INS)))


def _late(rng: np.random.Generator) -> Float:
    """Returns days late of a debtor whose invoices share a normal factor."""
    own = np.sqrt(DEBTOR_CORRELATION) * rng.normal()
    scores = own + np.sqrt(1.0 - DEBTOR_CORRELATION) * rng.normal(size=40)
    return np.round(np.interp(ndtr(scores), LATE_QUANTILES, LATE_DAYS))


def month_of(day: Int) -> Int:
    """Returns the months since 1970-01 of days since 1970-01-01."""
    return np.asarray(day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
