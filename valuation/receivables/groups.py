"""Groups of invoices, such as those of a debtor, and the order in which a group's amounts are served."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from valuation._typing import Dates, Int
from valuation.errors import InvalidInput

_LATEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Groups:
    """Rows [n] in groups [g]: ``of`` is the group of each row, ``order`` the rows by group and then by priority."""

    of: Int
    order: Int
    count: int

    @cached_property
    def _ordered(self) -> Int:
        """The group of each row in the order of serving."""
        return np.asarray(self.of[self.order])

    def sums(self, amount: Int) -> Int:
        """Returns the sum of the rows' amounts in each group [g]."""
        sums = np.zeros(self.count, dtype=np.int64)
        np.add.at(sums, self.of, amount)
        return sums

    def serve(self, amount: Int, available: Int) -> Int:
        """Returns what each row [n] gets of its group's available amount [g], at most its own, in the groups' order."""
        rows, group = self.order, self._ordered
        ordered = amount[rows]
        before = np.cumsum(ordered) - ordered
        sums = self.sums(amount)
        first = np.cumsum(sums) - sums
        served = np.empty_like(amount)
        served[rows] = np.clip(available[group] - (before - first[group]), 0, ordered)
        return served


def latest_due_first(group: Int, due: Dates, key: Int, count: int) -> Groups:
    """Groups invoices for partial cuts: the latest due day is served first, then the larger key; NaT is the latest.

    ``key`` must differ between invoices of a group, so that the order does not depend on the order of the rows.
    """
    _check(group, count)
    return Groups(group, _latest_first(group, due, key, count), count)


def _latest_first(group: Int, due: Dates, key: Int, count: int) -> Int:
    """Returns the rows by group, then latest due day, then larger key.

    One key that combines the three is sorted much faster than three keys, as long as it fits int64.
    """
    missing = np.isnat(due)
    day = due.astype("datetime64[D]").astype(np.int64)
    known = day[~missing]
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    early = np.where(missing, 0, last + 1 - day)  # 0 for NaT, which is the latest
    days, keys = last - first + 2, int(key.max(initial=0)) + 1
    if count * days * keys < _LATEST and int(key.min(initial=0)) >= 0:
        return np.argsort((group * days + early) * keys + (keys - 1 - key))
    return np.lexsort((-key, early, group))


def earliest_first(group: Int, day: Dates, key: Int, count: int) -> Groups:
    """Groups claims on lines: the earliest day of registration is served first, then the smaller key; NaT is last."""
    _check(group, count)
    rank = np.where(np.isnat(day), _LATEST, day.astype("datetime64[D]").astype(np.int64))
    return Groups(group, np.lexsort((key, rank, group)), count)


def _check(group: Int, count: int) -> None:
    if len(group) and not (group.min() >= 0 and group.max() < count):
        raise InvalidInput("group", [int(group.min()), int(group.max())], f"0 to {count - 1}")
