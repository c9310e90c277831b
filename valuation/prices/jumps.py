"""Jump screening: quotes that jump away from their neighbours are held until enough of them agree with each other.

Unit errors and typing errors revert, while a new price level persists. A quote beyond the limit is therefore held. A
run of LEVEL_BREAK_QUOTES held quotes that agree, with no accepted quote between them, is released together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int

JUMP_LOG_MOVE = 0.40
"""Smallest log move that can be a jump: unit and typing errors are larger, genuine daily moves almost never are."""

JUMP_SIGMAS = 8.0
"""Jump limit in robust standard deviations, which applies to series too volatile for JUMP_LOG_MOVE."""

MAD_TO_SIGMA = 1.4826
"""Ratio of standard deviation to median absolute deviation of a normal distribution: 1 / Phi^-1(3/4)."""

MIN_SIGMA_RETURNS = 20
SIGMA_WINDOW = 250
"""Fewest returns from which a MAD-sigma is computed, and the number of newest returns used for it."""

LEVEL_BREAK_QUOTES = 3
"""Number of consecutive held quotes that make a level break if they agree."""


@dataclass(frozen=True)
class Quotes:
    """Quotes of one series in date order, one for each day: days since 1970 [n] and log prices [n]."""

    days: Int
    logs: Float


@dataclass(frozen=True)
class Screened:
    """Which candidates [n] are held, which earlier held quotes [p] are released, and whether the level broke."""

    held: Bool
    released: Bool
    level_break: bool


def jump_limit(known_prices: Float) -> float:
    """Returns the log move beyond which a quote is held: max(8 MAD-sigma of the newest 250 log returns, 0.40)."""
    returns = np.diff(np.log(known_prices[-SIGMA_WINDOW - 1 :]))
    if len(returns) < MIN_SIGMA_RETURNS:
        return JUMP_LOG_MOVE
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(returns - np.median(returns))))
    return max(JUMP_SIGMAS * sigma, JUMP_LOG_MOVE)


def screen(known: Quotes, held: Quotes, candidates: Quotes, limit: float) -> Screened:
    """Screens candidates in date order against accepted (``known``) and held quotes.

    A candidate on the day of a ``known`` quote corrects it, and a candidate on the day of a ``held`` quote replaces it.
    A candidate is held if it differs by more than ``limit`` from the accepted quote before it or from the accepted
    quote after it. If these two quotes differ from each other by more than the limit, the candidate needs to agree with
    only one of them.
    """
    if not _any_jump(known, candidates, limit):
        nothing = np.zeros(len(candidates.days), dtype=np.bool_)
        return Screened(nothing, np.zeros(len(held.days), dtype=np.bool_), level_break=False)
    walk = _Walk(known, held, candidates, limit)
    for row in range(len(candidates.days)):
        walk.judge(row)
    return walk.result()


def _any_jump(known: Quotes, candidates: Quotes, limit: float) -> bool:
    """Returns whether any move to or from a candidate in the merged series exceeds the limit."""
    if not len(known.days):
        return bool((np.abs(np.diff(candidates.logs)) > limit).any())
    kept = ~np.isin(known.days, candidates.days)
    days = np.concatenate([known.days[kept], candidates.days])
    order = np.argsort(days, kind="stable")
    logs = np.concatenate([known.logs[kept], candidates.logs])[order]
    is_candidate = order >= np.count_nonzero(kept)
    beyond = np.abs(np.diff(logs)) > limit
    return bool((beyond & (is_candidate[1:] | is_candidate[:-1])).any())


class _Walk:
    """Accepted and held quotes while candidates are judged in date order.

    ``held_rows`` are candidate rows; quotes held before the call are numbered -1, -2 and so on. ``uncorrected`` keeps
    the accepted price of each day that a candidate would correct, to restore it if the candidate is held.
    """

    def __init__(self, known: Quotes, held: Quotes, candidates: Quotes, limit: float) -> None:
        corrected = np.isin(known.days, candidates.days)
        self.days: list[int] = known.days[~corrected].tolist()
        self.logs: list[float] = known.logs[~corrected].tolist()
        self.uncorrected = dict(zip(known.days[corrected].tolist(), known.logs[corrected].tolist(), strict=True))
        self.held_days: list[int] = held.days.tolist()
        self.held_logs: list[float] = held.logs.tolist()
        self.held_rows = list(range(-1, -1 - len(held.days), -1))
        self.candidate_days: list[int] = candidates.days.tolist()
        self.candidate_logs: list[float] = candidates.logs.tolist()
        self.limit = limit
        self.is_held = np.zeros(len(candidates.days), dtype=np.bool_)
        self.is_released = np.zeros(len(held.days), dtype=np.bool_)
        self.broke = False

    def result(self) -> Screened:
        """Returns the outcome after all candidates are judged."""
        return Screened(self.is_held, self.is_released, self.broke)

    def judge(self, row: int) -> None:
        """Accepts the candidate, or holds it and releases the run that it completes."""
        day, log = self.candidate_days[row], self.candidate_logs[row]
        self._forget_held(day)
        if self._agrees_with_neighbours(row, day, log):
            self._accept(day, log)
            return
        if day in self.uncorrected:
            self._accept(day, self.uncorrected[day])
        self._hold(row, day, log)
        first, last = self._run_at(bisect_left(self.held_days, day))
        if last - first >= LEVEL_BREAK_QUOTES:
            self._release(first, last)

    def _agrees_with_neighbours(self, row: int, day: int, log: float) -> bool:
        place = bisect_left(self.days, day)
        before = self.logs[place - 1] if place else None
        after = self.logs[place] if place < len(self.days) and self._is_next(row, place) else None
        if before is None or after is None:
            return all(abs(log - other) <= self.limit for other in (before, after) if other is not None)
        agreeing = (abs(log - before) <= self.limit) + (abs(log - after) <= self.limit)
        return agreeing == 2 or (agreeing == 1 and abs(after - before) > self.limit)

    def _is_next(self, row: int, place: int) -> bool:
        """Returns whether the accepted quote at ``place`` is older than the next candidate, if there is one.

        Otherwise a later candidate is compared with the quote instead of this one.
        """
        return row + 1 == len(self.candidate_days) or self.days[place] < self.candidate_days[row + 1]

    def _accept(self, day: int, log: float) -> None:
        place = bisect_left(self.days, day)
        if place < len(self.days) and self.days[place] == day:
            self.logs[place] = log
            return
        self.days.insert(place, day)
        self.logs.insert(place, log)

    def _hold(self, row: int, day: int, log: float) -> None:
        place = bisect_left(self.held_days, day)
        self.held_days.insert(place, day)
        self.held_logs.insert(place, log)
        self.held_rows.insert(place, row)
        self.is_held[row] = True

    def _forget_held(self, day: int) -> None:
        place = bisect_left(self.held_days, day)
        if place < len(self.held_days) and self.held_days[place] == day:
            del self.held_days[place], self.held_logs[place], self.held_rows[place]

    def _run_at(self, place: int) -> tuple[int, int]:
        """Returns the bounds [first, last) of the run of agreeing held quotes around ``place``.

        The run is empty if the next accepted quote differs from the last quote of the run by more than the limit.
        """
        first, last = place, place + 1
        while last < len(self.held_days) and self._follows(last):
            last += 1
        after = bisect_right(self.days, self.held_days[last - 1])
        if after < len(self.days) and abs(self.logs[after] - self.held_logs[last - 1]) > self.limit:
            return place, place
        while first and self._follows(first):
            first -= 1
        return first, last

    def _follows(self, place: int) -> bool:
        """Returns whether a held quote agrees with the previous held quote, without an accepted quote between them."""
        between = bisect_left(self.days, self.held_days[place]) - bisect_right(self.days, self.held_days[place - 1])
        return between <= 0 and abs(self.held_logs[place] - self.held_logs[place - 1]) <= self.limit

    def _release(self, first: int, last: int) -> None:
        run = slice(first, last)
        for row, day, log in zip(self.held_rows[run], self.held_days[run], self.held_logs[run], strict=True):
            self._accept(day, log)
            if row < 0:
                self.is_released[-1 - row] = True
            else:
                self.is_held[row] = False
        del self.held_days[run], self.held_logs[run], self.held_rows[run]
        self.broke = True
