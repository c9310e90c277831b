"""Distribution of the book over goods, classes, warehouses, borrowers, regions and currencies, in one currency.

Claims are measured by their lendable value, and borrowers and currencies of loans by the exposure. The converted sum of
each currency is divided among the keys in proportion, by the largest remainder, so that the rows add up to the total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collateral_registry.domain.reports.reporting_currency import ReportingRates
from collateral_registry.domain.reports.snapshot import Snapshot, newest_claims
from collateral_registry.domain.reports.totals import Dimension, sums_by
from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Float, Int
from valuation.money import allocate
from valuation.portfolio.concentration import effective_number, herfindahl

CLAIM_KEYS = {
    Dimension.GOOD: "good",
    Dimension.WAREHOUSE: "place",
    Dimension.ASSET_CLASS: "asset_class",
    Dimension.REGION: "country",
}
"""Columns of assets by which claims are distributed."""

LOAN_KEYS = {Dimension.BORROWER: "borrower", Dimension.CURRENCY: "currency"}
"""Columns of loans by which exposures are distributed."""


class Measure(IntEnum):
    """What a distribution measures; the numeric values are sent."""

    LENDABLE_VALUE = 1
    EXPOSURE = 2


@dataclass(frozen=True)
class DistributionRow:
    """A key with its amount and its loans. The key is empty for what states none, and for ``others`` keys together."""

    key: str
    amount_minor: int
    share: float
    loans: int
    unknown: int
    others: int = 0


@dataclass(frozen=True)
class Distribution:
    """The largest keys of a dimension, and the sums over all of its keys.

    The index is None without an amount. Index and total are None, and there are no rows, if a rate is missing.
    """

    dimension: Dimension
    measure: Measure
    keys: int
    rows: Sequence[DistributionRow] = ()
    total_minor: int | None = None
    herfindahl: float | None = None
    effective: float | None = None


@dataclass(frozen=True)
class _Items:
    """Amounts [n] with the number of their key among ``words``, and the row of their loan among the judgements."""

    words: StringInterner
    key: Int
    amount: Int
    loan: Int
    measure: Measure


@dataclass(frozen=True)
class _Groups:
    """Keys [k] by the group that they are shown in: the listed ones [g], those that are not stated, and all others."""

    texts: Sequence[str]
    sizes: Sequence[int]
    of_key: Int


def distribution(
    snapshot: Snapshot, rows: Int, dimension: Dimension, rates: ReportingRates, limit: int
) -> Distribution:
    """Returns the distribution of the loans in the rows over a dimension, with at most ``limit`` listed keys."""
    items = _items(snapshot, rows, dimension)
    present = np.flatnonzero(np.bincount(items.key, minlength=len(items.words)))
    place = np.searchsorted(present, items.key)
    sums = _sums_by_currency(snapshot, items, place, len(present))
    if not all(rates.is_usable(code) for code in sums):
        return Distribution(dimension, items.measure, len(present))
    weights = np.zeros(len(present))
    for code, of_keys in sums.items():
        weights += of_keys * float(rates.factor(code))
    groups = _groups(items.words, present, weights, limit)
    amounts = _divided(sums, groups, rates, items.measure)
    has_amount = bool(weights.any())
    return Distribution(
        dimension,
        items.measure,
        len(present),
        _rows(snapshot, items, groups, place, amounts),
        sum(amounts),
        herfindahl(weights) if has_amount else None,
        effective_number(weights) if has_amount else None,
    )


def _items(snapshot: Snapshot, rows: Int, dimension: Dimension) -> _Items:
    """Returns the claims of the loans in the rows, or the loans themselves for a dimension of loans."""
    if dimension in CLAIM_KEYS:
        column, claims = CLAIM_KEYS[dimension], newest_claims(snapshot, rows)
        key = snapshot.places[column][snapshot.claim_place[claims]]
        amount, loan = snapshot.claims["lendable_minor"][claims], snapshot.claim_cover[claims]
        return _Items(getattr(snapshot.words, column), key, amount, loan, Measure.LENDABLE_VALUE)
    column = LOAN_KEYS[dimension]
    key = snapshot.terms[column][snapshot.cover_terms[rows]]
    return _Items(getattr(snapshot.words, column), key, snapshot.covers["exposure_minor"][rows], rows, Measure.EXPOSURE)


def _sums_by_currency(snapshot: Snapshot, items: _Items, place: Int, count: int) -> dict[str, Int]:
    """Returns the sum of each key [k] in each currency that has an amount, by the code in alphabetical order."""
    codes = snapshot.words.currency.texts
    currency = snapshot.terms["currency"][snapshot.cover_terms[items.loan]]
    sums = sums_by(items.amount, currency * count + place, len(codes) * count).reshape(len(codes), count)
    by_code = sorted((code, number) for number, code in enumerate(codes))
    return {code: sums[number] for code, number in by_code if sums[number].any()}


def _groups(words: StringInterner, present: Int, weights: Float, limit: int) -> _Groups:
    """Groups keys: the largest ones alone, those without a text, and the others together."""
    order = np.lexsort((words.ranks()[present], -weights))
    stated = order[present[order] != words.number_of("")]
    listed, others = stated[:limit], stated[limit:]
    texts = [words.texts[number] for number in present[listed].tolist()]
    sizes = [0] * len(listed)
    of_key = np.full(len(present), len(listed), dtype=np.int64)
    of_key[listed] = np.arange(len(listed))
    if len(stated) < len(present):
        texts.append("")
        sizes.append(0)
    if len(others):
        of_key[others] = len(texts)
        texts.append("")
        sizes.append(len(others))
    return _Groups(texts, sizes, of_key)


def _divided(sums: Mapping[str, Int], groups: _Groups, rates: ReportingRates, measure: Measure) -> list[int]:
    """Returns the amount of each group [g]: its share of the converted sum of each currency."""
    convert = rates.debt if measure is Measure.EXPOSURE else rates.value
    amounts = np.zeros(len(groups.texts), dtype=np.int64)
    for code, of_keys in sums.items():
        of_groups = sums_by(of_keys, groups.of_key, len(groups.texts))
        amounts += allocate(convert(int(of_groups.sum()), code), of_groups)
    found: list[int] = amounts.tolist()
    return found


def _counts(snapshot: Snapshot, loan: Int, group: Int, count: int) -> tuple[list[int], list[int]]:
    """Returns the number of distinct loans of each group [g], and of those whose coverage is unknown."""
    order = np.lexsort((group, loan))
    loan, group = loan[order], group[order]
    is_first = np.append(True, (loan[1:] != loan[:-1]) | (group[1:] != group[:-1]))[: len(order)]
    unknown = is_first & (snapshot.covers["coverage_unknown"][loan] > 0)
    loans, unknowns = (np.bincount(group[kept], minlength=count).tolist() for kept in (is_first, unknown))
    return loans, unknowns


def _rows(
    snapshot: Snapshot, items: _Items, groups: _Groups, place: Int, amounts: Sequence[int]
) -> list[DistributionRow]:
    """Returns the row of each group, with its loans, each counted once."""
    count, total = len(groups.texts), sum(amounts)
    loans, unknowns = _counts(snapshot, items.loan, groups.of_key[place], count)
    shares = [amount / total if total else 0.0 for amount in amounts]
    columns = zip(groups.texts, amounts, shares, loans, unknowns, groups.sizes, strict=True)
    return [DistributionRow(*row) for row in columns]
