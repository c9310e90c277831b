"""Quotes that jump away from their neighbours are held aside until enough of them agree with each other.

A unit error or a typing error reverts; a new level persists. So a quote beyond the limit waits, and a run of
QUOTES_OF_A_BREAK held quotes that agree, with no accepted quote between them, comes into use together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float, Int

JUMP_LOG_MOVE = 0.40
"""Log move that is always looked at: a unit or typing error is larger, a day of a real market hardly ever."""

JUMP_SIGMAS = 8.0
"""Robust standard deviations that are looked at in a series too wild for JUMP_LOG_MOVE."""

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal law: 1 / Phi^-1(3/4)."""

RETURNS_FOR_SIGMA = 20
RETURNS_LOOKED_AT = 250
QUOTES_OF_A_BREAK = 3


@dataclass(frozen=True)
class Quotes:
    """Quotes of one series in order of days: days since 1970 [n], one each, and log prices [n]."""

    days: Int
    logs: Float


@dataclass(frozen=True)
class Screened:
    """Which candidates [n] are held aside, which held ones [p] come into use, and whether the level broke."""

    held: NDArray[np.bool_]
    released: NDArray[np.bool_]
    level_break: bool


def jump_limit(known_prices: Float) -> float:
    """Log move beyond which a quote is held: max(8 MAD-sigma of the newest 250 log returns, 0.40)."""
    returns = np.diff(np.log(known_prices[-RETURNS_LOOKED_AT - 1 :]))
    if len(returns) < RETURNS_FOR_SIGMA:
        return JUMP_LOG_MOVE
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(returns - np.median(returns))))
    return max(JUMP_SIGMAS * sigma, JUMP_LOG_MOVE)


def screen(known: Quotes, held: Quotes, candidates: Quotes, limit: float) -> Screened:
    """Judges candidates in order of days; one on a day of ``known`` corrects it, one on a day of ``held`` replaces it.

    A candidate is held when it moves more than ``limit`` against the accepted quote before it, or against the accepted
    one after it. Where those two are themselves further apart than the limit, agreeing with either is enough.
    """
    if not _any_jump(known, candidates, limit):
        nothing = np.zeros(len(candidates.days), dtype=np.bool_)
        return Screened(nothing, np.zeros(len(held.days), dtype=np.bool_), level_break=False)
    walk = _Walk(known, held, candidates, limit)
    for row in range(len(candidates.days)):
        walk.take(row)
    return walk.result()


def _any_jump(known: Quotes, candidates: Quotes, limit: float) -> bool:
    """Whether any move to or from a candidate, all merged in order of days, is beyond the limit."""
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
    """Accepted and held quotes while candidates are taken in order of days.

    Held rows are numbered as the candidates are; those held from before have numbers below 0, the first one -1.
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
        """What became of the quotes."""
        return Screened(self.is_held, self.is_released, self.broke)

    def take(self, row: int) -> None:
        """Accepts the candidate, or holds it and lets the run it completes come into use."""
        day, log = self.candidate_days[row], self.candidate_logs[row]
        self._forget_held(day)
        if self._agrees_with_neighbours(row, day, log):
            self._accept(day, log)
            return
        if day in self.uncorrected:
            self._accept(day, self.uncorrected[day])
        self._hold(row, day, log)
        first, last = self._run_at(bisect_left(self.held_days, day))
        if last - first >= QUOTES_OF_A_BREAK:
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
        """Whether the accepted quote follows the candidate directly; else the next candidate is judged against it."""
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
        """First and one past the last of the held quotes that agree in a row; empty where a later quote objects."""
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
        """Whether a held quote agrees with the held one before it and no accepted one lies between."""
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
