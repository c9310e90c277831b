"""Cumulative sum of Page: detects that observations have shifted upwards."""

from __future__ import annotations

from dataclasses import dataclass

from valuation._typing import Float


@dataclass(frozen=True)
class Cusum:
    """The sum after the last gain, and the indices of the gains at which it passed the threshold and was reset."""

    statistic: float
    alarms: tuple[int, ...]


def cusum(gains: Float, threshold: float, statistic: float = 0.0) -> Cusum:
    """Computes S = max(0, S + gain) for each gain [n] and resets S to 0 where it exceeds the threshold.

    ``statistic`` is the sum before the first gain (Page, Biometrika 41 (1954), doi 10.1093/biomet/41.1-2.100).
    """
    now, alarms = statistic, []
    for row, gain in enumerate(gains.tolist()):
        now = max(0.0, now + gain)
        if now > threshold:
            now = 0.0
            alarms.append(row)
    return Cusum(now, tuple(alarms))
