"""Groups of invoices, such as those of a debtor, and the order in which a group's amounts are served."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from valuation._typing import Dates, Int
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Groups:
    """Rows [n] in groups [g]: ``of`` is the group of each row.

    Rows of a group are served by the smallest ``rank``, then the smallest ``then``.
    """

    of: Int
    rank: Int
    then: Int
    count: int

    def sums(self, amount: Int) -> Int:
        """Returns the sum of the rows' amounts in each group [g]."""
        sums = np.zeros(self.count, dtype=np.int64)
        np.add.at(sums, self.of, amount)
        return sums

    def serve(self, amount: Int, available: Int) -> Int:
        """Returns what each row [n] gets of its group's available amount [g], at most its own, in the groups' order."""
        served = np.zeros_like(amount)
        rows = np.flatnonzero((available > 0)[self.of])
        if not len(rows):
            return served
        rows = self.in_order(rows)
        ordered, group = amount[rows], self.of[rows]
        before = np.cumsum(ordered)
        before -= ordered
        starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
        # What is available to a row is that of its group and of all groups before it, less what the rows before get.
        left = np.repeat(available[group[starts]] + before[starts], np.diff(np.append(starts, len(rows))))
        left -= before
        served[rows] = np.clip(left, 0, ordered, out=left)
        return served

    def in_order(self, rows: Int) -> Int:
        """Returns rows group by group, in the order in which they are served."""
        return rows[np.lexsort((self.then[rows], self.rank[rows], self._codes[rows]))]

    @cached_property
    def _codes(self) -> Int:
        """The group of each row as a number that is sorted fast."""
        return _short(self.of)


def latest_due_first(group: Int, due: Dates, key: Int, count: int) -> Groups:
    """Groups invoices for partial cuts: the latest due day is served first, then the larger key; NaT is the latest.

    ``key`` must differ between invoices of a group, so that the order does not depend on the order of the rows.
    """
    _check(group, count)
    day = _days(due)
    known = day[~np.isnat(due)]
    last = int(known.max()) if len(known) else 0
    return Groups(group, _short(np.where(np.isnat(due), 0, last + 1 - day)), -key, count)


def earliest_first(group: Int, day: Dates, key: Int, count: int) -> Groups:
    """Groups claims on lines: the earliest day of registration is served first, then the smaller key; NaT is last."""
    _check(group, count)
    number = _days(day)
    known = number[~np.isnat(day)]
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    return Groups(group, _short(np.where(np.isnat(day), last - first + 1, number - first)), key, count)


def _days(dates: Dates) -> Int:
    return np.asarray(dates, dtype="datetime64[D]").view(np.int64)


def _short(numbers: Int) -> Int:
    """Returns numbers of 0 or more in 16 bits if they fit: numpy sorts these by radix."""
    return numbers.astype(np.uint16) if numbers.max(initial=0) < 1 << 16 else numbers


def _check(group: Int, count: int) -> None:
    if len(group) and not (group.min() >= 0 and group.max() < count):
        raise InvalidInput("group", [int(group.min()), int(group.max())], f"0 to {count - 1}")
