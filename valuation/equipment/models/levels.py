"""What the levels of a hierarchy say of a number: means shrunken towards the wider level, with their counts.

Each level adds a correction to the one above it: the sum of what is left there over its count plus a prior. A key that
was never seen adds nothing, so a machine of an unseen model stands where its family stands, and so on outwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from valuation._typing import Float, Int, Texts

PRIOR_SALES_LEAST = 1.0
PRIOR_SALES_MOST = 200.0


@dataclass(frozen=True)
class LevelMeans:
    """For each level, from wide to narrow, the correction and the count of each key, beyond a common root."""

    root: float
    corrections: Sequence[Mapping[str, float]]
    counts: Sequence[Mapping[str, int]]

    def at(self, keys: Sequence[Texts]) -> tuple[list[Float], list[Float]]:
        """The mean down to each level [levels][n] and the count of each level's key [levels][n], 0 where unseen."""
        mean = np.full(len(keys[0]), self.root)
        means, counts = [], []
        for level, key in enumerate(keys):
            listed = key.tolist()
            mean = mean + _looked_up(self.corrections[level], listed)
            means.append(mean)
            counts.append(_looked_up(self.counts[level], listed))
        return means, counts


def _looked_up(numbers: Mapping[str, float], keys: Sequence[str]) -> Float:
    """The number of each key [n], 0 for one that is not there."""
    return np.fromiter(map(numbers.get, keys, repeat(0.0)), np.float64, len(keys))


def level_means(keys: Sequence[Texts], value: Float) -> LevelMeans:
    """The means of values [n] by the keys of each level [levels][n]."""
    root = float(np.mean(value))
    left = value - root
    corrections: list[dict[str, float]] = []
    counts: list[dict[str, int]] = []
    for key in keys:
        distinct, row, count = _codes(key)
        known = np.array([bool(text) for text in distinct])
        total = np.bincount(row, weights=left, minlength=len(distinct))
        correction = np.where(known, total / (count + _prior(left, row, count)), 0.0)
        left = left - correction[row]
        corrections.append({text: float(one) for text, one in zip(distinct, correction, strict=True) if text})
        counts.append({text: int(one) for text, one in zip(distinct, count, strict=True) if text})
    return LevelMeans(root, corrections, counts)


def _prior(left: Float, row: Int, count: Int) -> float:
    """Sales that a key's own mean is blended with: the variance within keys over the variance between them.

    The estimate of analysis of variance, about a mean of 0; bounded, and at its upper bound where no key has two sales.
    """
    mean = np.bincount(row, weights=left, minlength=len(count)) / count
    spare = len(row) - len(count)
    if spare <= 0:
        return PRIOR_SALES_MOST
    within = float(np.sum((left - mean[row]) ** 2)) / spare
    between = (float(np.sum(count * mean**2)) - len(count) * within) / len(row)
    return float(np.clip(within / between, PRIOR_SALES_LEAST, PRIOR_SALES_MOST)) if between > 0.0 else PRIOR_SALES_MOST


def _codes(key: Texts) -> tuple[list[str], Int, Int]:
    """The distinct keys in the order they appear, the place of each row [n] among them, and their counts."""
    listed = key.tolist()
    place = {text: at for at, text in enumerate(dict.fromkeys(listed))}
    row = np.fromiter(map(place.__getitem__, listed), np.int64, len(listed))
    return list(place), row, np.bincount(row, minlength=len(place)).astype(np.int64)
