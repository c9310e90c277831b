"""Totals and concentrations of a report, summed within each currency only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.reports.snapshot import Snapshot, newest_claims
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Int

SUM_LIMIT = 2.0**62
"""Sums of this size or more are refused, because they could overflow int64."""


class Dimension(IntEnum):
    """Dimension of a concentration; the numeric values are sent."""

    GOOD = 1
    WAREHOUSE = 2
    BORROWER = 3
    ASSET_CLASS = 4
    REGION = 5
    CURRENCY = 6


@dataclass(frozen=True)
class Total:
    """Sums over the loans of one currency, in minor units."""

    currency: str
    loans: int
    breaches: int
    unknown: int
    exposure_minor: int
    market_minor: int
    lendable_minor: int
    cash_cure_minor: int


@dataclass(frozen=True)
class Concentration:
    """A key's share of the lendable value in one currency.

    If the key is empty, the share is that of ``others`` smaller keys together.
    """

    dimension: Dimension
    key: str
    currency: str
    lendable_minor: int
    share: float
    others: int = 0


def totals(snapshot: Snapshot, rows: Int) -> list[Total]:
    """Returns one total per currency over the loans in the rows, ordered by currency code."""
    covers, codes = snapshot.covers, snapshot.words.currency.texts
    group = snapshot.terms["currency"][snapshot.cover_terms[rows]]
    loans = np.bincount(group, minlength=len(codes))
    breaches = np.bincount(group[covers["level"][rows] >= Level.MARGIN_CALL], minlength=len(codes))
    unknown = np.bincount(group[covers["coverage_unknown"][rows] > 0], minlength=len(codes))
    names = ("exposure_minor", "market_minor", "lendable_minor", "cash_cure_minor")
    sums = {name: sums_by(covers[name][rows], group, len(codes)) for name in names}
    return [
        Total(code, int(loans[n]), int(breaches[n]), int(unknown[n]), *(int(sums[name][n]) for name in names))
        for code, n in sorted((code, n) for n, code in enumerate(codes) if loans[n])
    ]


def most_used_currency(snapshot: Snapshot, rows: Int) -> str:
    """Returns the currency of most loans in the rows, the first code of equal ones; empty without loans."""
    loans = np.bincount(snapshot.terms["currency"][snapshot.cover_terms[rows]]).tolist()
    counted = zip(loans, snapshot.words.currency.texts, strict=False)
    return min(((-count, code) for count, code in counted if count), default=(0, ""))[1]


def concentrations(snapshot: Snapshot, rows: Int, limit: int) -> list[Concentration]:
    """Returns the share of each good, warehouse and borrower in the collateral of the loans in ``rows``, largest first.

    Each dimension and currency lists at most ``limit`` keys. The remaining keys are summed in a last entry without a
    key, so that the shares add up to 1.
    """
    newest = newest_claims(snapshot, rows)
    terms = snapshot.cover_terms[snapshot.claim_cover[newest]]
    place, words = snapshot.claim_place[newest], snapshot.words
    lendable, currency = snapshot.claims["lendable_minor"][newest], snapshot.terms["currency"][terms]
    whole = sums_by(lendable, currency, len(words.currency))
    by = {
        Dimension.GOOD: (words.good, snapshot.places["good"][place]),
        Dimension.WAREHOUSE: (words.place, snapshot.places["place"][place]),
        Dimension.BORROWER: (words.borrower, snapshot.terms["borrower"][terms]),
    }
    found = []
    for dimension, (keys, key) in by.items():
        shape = (len(words.currency), len(keys))
        group = currency * len(keys) + key
        sums = sums_by(lendable, group, shape[0] * shape[1]).reshape(shape)
        present = np.bincount(group, minlength=shape[0] * shape[1]).reshape(shape) > 0
        for code, number in sorted((code, number) for number, code in enumerate(words.currency.texts)):
            if whole[number]:
                one = _OneCurrency(dimension, keys, code, int(whole[number]))
                found += _largest(one, sums[number], np.flatnonzero(present[number]), limit)
    return found


@dataclass(frozen=True)
class _OneCurrency:
    """A dimension within a currency: the strings of its keys, and the total lendable value of the currency."""

    dimension: Dimension
    keys: StringInterner
    currency: str
    whole: int

    def share(self, key: str, lendable: int, others: int = 0) -> Concentration:
        return Concentration(self.dimension, key, self.currency, lendable, lendable / self.whole, others)


def _largest(one: _OneCurrency, sums: Int, present: Int, limit: int) -> list[Concentration]:
    """Returns the shares of the ``limit`` largest keys, and of the other keys together."""
    keys = present[present != one.keys.number_of("")]
    candidates = keys
    if len(keys) > limit:
        # Sort only the keys at or above the limit-th largest sum; ties at that sum are decided by the sort.
        candidates = keys[sums[keys] >= np.partition(sums[keys], -limit)[-limit]]
    listed = sorted(candidates.tolist(), key=lambda key: (-int(sums[key]), one.keys.texts[key]))[:limit]
    found = [one.share(one.keys.texts[key], int(sums[key])) for key in listed]
    others = len(keys) - len(listed)
    if others:
        rest = int(sums[keys].sum()) - sum(share.lendable_minor for share in found)
        found.append(one.share("", rest, others))
    return found


def sums_by(amounts: Int, group: Int, count: int) -> Int:
    """Returns the exact sums [count] of non-negative amounts [n] by group [n]; raises Refused at 2^62 or more."""
    check_sums(float(np.sum(amounts, dtype=np.float64)), "narrow the filter")
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, group, amounts)
    return sums


def check_sums(total: float, advice: str) -> None:
    """Raises Refused, with the advice, if the sum of amounts is 2^62 minor units or more."""
    if total >= SUM_LIMIT:
        raise Refused(
            "SUM_TOO_LARGE", f"sum of the report's amounts: got 2^62 minor units or more, want less; {advice}"
        )
