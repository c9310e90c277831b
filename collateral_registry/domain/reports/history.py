"""The book by business day: loans by level and claims by class and good, each with its sums.

A judgement holds from the day on which it became current until the day of the next judgement of its loan, or until the
loan is closed. The sums of all days are therefore the running sums of what begins and ends on each day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.reports.totals import Total, check_sums
from valuation._typing import Float, Int

Columns = Mapping[str, NDArray[Any]]

SUMS = ("exposure_minor", "market_minor", "lendable_minor", "cash_cure_minor")
"""Columns of judgements that are summed by level."""


@dataclass(frozen=True)
class LevelTotal:
    """Sums over the loans of one currency at one level, in minor units."""

    currency: str
    level: Level
    loans: int
    unknown: int
    exposure_minor: int
    market_minor: int
    lendable_minor: int
    cash_cure_minor: int


@dataclass(frozen=True)
class KeyTotal:
    """Sums over the claims of the loans of one currency on the assets of one class or good, in minor units.

    If the key is empty, they are the sums of ``others`` keys together.
    """

    currency: str
    key: str
    market_minor: int
    lendable_minor: int
    others: int = 0


@dataclass(frozen=True)
class Collateral:
    """The claims at the end of a day by asset class and by good, ordered by currency and key."""

    classes: Sequence[KeyTotal]
    goods: Sequence[KeyTotal]


def book_levels(seqs: Sequence[int], loans: Columns, judged: Columns) -> list[list[LevelTotal]]:
    """Returns the loans at the end of each of several days, ordered by currency and level.

    ``seqs`` are the last commits of the days in order. ``loans`` [l] has loan_key (ascending), currency and closed_seq.
    ``judged`` [j] is a result of ``current``. Raises Refused for sums that could overflow.
    """
    codes, currency, end = _held_loans(seqs, loans, judged)
    return _levels(len(seqs), codes, currency, judged, end)


def book_collateral(
    seqs: Sequence[int], loans: Columns, judged: Columns, claims: Columns, assets: Columns
) -> list[Collateral]:
    """Returns the claims at the end of each of several days; arguments and errors are those of ``book_levels``.

    ``claims`` [c] has the claims of the judgements, and may have others. ``assets`` [a] has the good and the class of
    each asset at the end of day 0 and of each day on which it was revised.
    """
    days = len(seqs)
    codes, currency, end = _held_loans(seqs, loans, judged)
    row = _rows_of_claims(judged, claims)
    claims = {name: column[row >= 0] for name, column in claims.items()}
    row = row[row >= 0]
    held = {**claims, "currency": currency[row], "day": judged["day"][row], "end": end[row]}
    classes, goods = (_keys(days, codes, held, assets, name) for name in ("asset_class", "good"))
    return [Collateral(*of_day) for of_day in zip(classes, goods, strict=True)]


def _held_loans(seqs: Sequence[int], loans: Columns, judged: Columns) -> tuple[NDArray[Any], Int, Int]:
    """Returns the currency codes, and for each judgement [j] its currency and the day on which it ends."""
    codes, currency = np.unique(loans["currency"], return_inverse=True)
    loan = np.searchsorted(loans["loan_key"], judged["loan_key"])
    end = np.minimum(_ends(judged, len(seqs)), np.searchsorted(np.array(seqs), loans["closed_seq"])[loan])
    return codes, currency[loan], end


def totals_of(levels: Sequence[LevelTotal]) -> list[Total]:
    """Returns the sums by currency."""
    return [_total(code, of_code) for code, of_code in _by_currency(levels)]


def with_largest(days: Sequence[Sequence[KeyTotal]], limit: int) -> list[list[KeyTotal]]:
    """Returns the keys of each day, at most ``limit`` for a currency, with the other keys in one sum.

    The keys kept are those with the largest lendable value on any of the days. Ties are decided by the key.
    """
    largest: dict[tuple[str, str], int] = {}
    for one in (one for day in days for one in day):
        place = (one.currency, one.key)
        largest[place] = max(largest.get(place, 0), one.lendable_minor)
    kept: set[tuple[str, str]] = set()
    for code in {code for code, _ in largest}:
        of_code = sorted((-value, key) for (of, key), value in largest.items() if of == code)
        kept |= {(code, key) for _, key in of_code[:limit]}
    return [_with_others(day, kept) for day in days]


def _with_others(day: Sequence[KeyTotal], kept: set[tuple[str, str]]) -> list[KeyTotal]:
    found = []
    for code, of_code in _by_currency(day):
        listed = [one for one in of_code if (code, one.key) in kept]
        rest = [one for one in of_code if (code, one.key) not in kept]
        found += sorted(listed, key=lambda one: (-one.lendable_minor, one.key))
        if rest:
            market, lendable = sum(one.market_minor for one in rest), sum(one.lendable_minor for one in rest)
            found.append(KeyTotal(code, "", market, lendable, len(rest)))
    return found


def _by_currency(items: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for one in items:
        found.setdefault(one.currency, []).append(one)
    return list(found.items())


def _total(code: str, levels: Sequence[LevelTotal]) -> Total:
    return Total(
        code,
        sum(one.loans for one in levels),
        sum(one.loans for one in levels if one.level >= Level.MARGIN_CALL),
        sum(one.unknown for one in levels),
        sum(one.exposure_minor for one in levels),
        sum(one.market_minor for one in levels),
        sum(one.lendable_minor for one in levels),
        sum(one.cash_cure_minor for one in levels),
    )


def current(judged: Columns) -> Columns:
    """Returns the judgements in order of loan and day, without those that were not current at the end of their day.

    ``judged`` [j] has the judgements that were current at the end of day 0, and those that were made on each later day.

    A run may become current on the day of a later change of one of its loans, or after it.
    """
    order = np.lexsort((judged["seq"], judged["day"], judged["loan_key"]))
    loan, day, seq = (judged[name][order] for name in ("loan_key", "day", "seq"))
    is_last = np.ones(len(order), dtype=np.bool_)
    is_last[:-1] = (loan[1:] != loan[:-1]) | (day[1:] != day[:-1])
    order, loan, seq = order[is_last], loan[is_last], seq[is_last]
    rank = np.cumsum(np.append(0, loan[1:] != loan[:-1])) if len(loan) else loan
    of_loan = rank * (int(seq.max(initial=0)) + 1) + seq
    order = order[of_loan == np.maximum.accumulate(of_loan)]
    return {name: column[order] for name, column in judged.items()}


def _ends(judged: Columns, days: int) -> Int:
    """Returns for each judgement [j] the day of the next one of its loan, or the number of days."""
    end = np.full(len(judged["day"]), days, dtype=np.int64)
    same = judged["loan_key"][1:] == judged["loan_key"][:-1]
    end[:-1][same] = judged["day"][1:][same]
    return end


def _rows_of_claims(judged: Columns, claims: Columns) -> Int:
    """Returns the judgement of each claim [c]; -1 for a claim of none of them."""
    if not len(judged["seq"]):
        return np.full(len(claims["seq"]), -1, dtype=np.int64)
    loans = np.unique(judged["loan_key"])
    size = int(judged["seq"].max()) + 1
    keys = np.searchsorted(loans, judged["loan_key"]) * size + judged["seq"]  # ascending, like the judgements
    loan = np.minimum(np.searchsorted(loans, claims["loan_key"]), len(loans) - 1)
    wanted = loan * size + claims["seq"]
    row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Int = np.where((keys[row] == wanted) & (loans[loan] == claims["loan_key"]), row, -1)
    return found


def _levels(days: int, codes: NDArray[Any], currency: Int, judged: Columns, end: Int) -> list[list[LevelTotal]]:
    levels = len(Level)
    held = _Held(days, judged["day"], end, currency * levels + judged["level"], len(codes) * levels)
    loans = held.sums(np.ones(len(end), dtype=np.int64))
    unknown = held.sums((judged["coverage_unknown"] > 0).astype(np.int64))
    amounts = [held.sums(judged[name]) for name in SUMS]
    return [
        [
            LevelTotal(
                str(codes[group // levels]),
                Level(group % levels),
                int(loans[day, group]),
                int(unknown[day, group]),
                *(int(amount[day, group]) for amount in amounts),
            )
            for group in np.flatnonzero(loans[day]).tolist()
        ]
        for day in range(days)
    ]


def _keys(days: int, codes: NDArray[Any], held: Columns, assets: Columns, name: str) -> list[list[KeyTotal]]:
    keys, number = np.unique(assets[name], return_inverse=True)
    held = _split(held, {**assets, "key": number}, days)
    combined = held["currency"] * len(keys) + held["key"]
    groups = np.flatnonzero(np.bincount(combined, minlength=len(codes) * len(keys)))
    group = np.searchsorted(groups, combined)
    found = _Held(days, held["day"], held["end"], group, len(groups))
    claims = found.sums(np.ones(len(group), dtype=np.int64))
    market, lendable = found.sums(held["market_minor"]), found.sums(held["lendable_minor"])
    names = [(str(codes[one // len(keys)]), str(keys[one % len(keys)])) for one in groups.tolist()]
    return [
        [
            KeyTotal(*names[one], int(market[day, one]), int(lendable[day, one]))
            for one in np.flatnonzero(claims[day]).tolist()
        ]
        for day in range(days)
    ]


def _split(held: Columns, assets: Columns, days: int) -> Columns:
    """Returns the claims with the key of their assets; a claim whose asset gets another key meanwhile is split."""
    order = np.lexsort((assets["day"], assets["asset_key"]))
    asset, day, key = (assets[column][order] for column in ("asset_key", "day", "key"))
    changes = np.ones(len(order), dtype=np.bool_)
    changes[1:] = (asset[1:] != asset[:-1]) | (key[1:] != key[:-1])
    asset, day, key = asset[changes], day[changes], key[changes]
    begins = asset * (days + 1) + day
    # The first part is that of the newest revision on the day on which the claim begins.
    first = np.searchsorted(begins, held["asset_key"] * (days + 1) + held["day"], side="right") - 1
    last = np.searchsorted(begins, held["asset_key"] * (days + 1) + held["end"], side="left") - 1
    count = np.maximum(last - first, 0) + 1
    claim = np.repeat(np.arange(len(first)), count)
    part = np.arange(len(claim)) - np.repeat(np.cumsum(count) - count, count)
    revision = first[claim] + part
    is_last = part == count[claim] - 1
    after = np.minimum(revision + 1, len(day) - 1)
    return {
        **{column: held[column][claim] for column in ("currency", "market_minor", "lendable_minor")},
        "key": key[revision],
        "day": np.where(part == 0, held["day"][claim], day[revision]),
        "end": np.where(is_last, held["end"][claim], day[after]),
    }


class _Held:
    """Rows that hold from a day until before another, each in one of several groups."""

    def __init__(self, days: int, start: Int, end: Int, group: Int, groups: int) -> None:
        self._shape = (days + 1, groups)
        self._rows = np.flatnonzero(start < end)
        self._begin = (start[self._rows], group[self._rows])
        self._end = (end[self._rows], group[self._rows])

    def sums(self, values: Int) -> Int:
        """Returns the sums [days, groups] of the rows that hold on each day; raises Refused if they could overflow."""
        held = values[self._rows]
        largest = self._running(held.astype(np.float64), np.float64).sum(axis=1).max(initial=0.0)
        check_sums(float(largest), "request the history of single loans")
        found: Int = self._running(held, np.int64)
        return found

    def _running(self, values: Int | Float, kind: type[np.generic]) -> NDArray[Any]:
        changes = np.zeros(self._shape, dtype=kind)
        np.add.at(changes, self._begin, values)
        np.subtract.at(changes, self._end, values)
        return np.cumsum(changes, axis=0)[:-1]
