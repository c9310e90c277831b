"""Hierarchical means: the mean of each key is shrunk towards the mean of the next wider level.

Each level adds a correction to the level above: sum of residuals / (count + prior). An unseen key has a correction of
0, so that a machine of an unseen model has the mean of its family, and likewise at wider levels.
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
    """Overall mean, and the correction and count of each key at each level, from wide to narrow."""

    root: float
    corrections: Sequence[Mapping[str, float]]
    counts: Sequence[Mapping[str, int]]

    def at(self, keys: Sequence[Texts]) -> tuple[list[Float], list[Float]]:
        """Returns the means [levels][n] and the counts [levels][n] of the given keys at each level.

        A mean includes the corrections of all wider levels. The count of an unseen key is 0.
        """
        mean = np.full(len(keys[0]), self.root)
        means, counts = [], []
        for level, key in enumerate(keys):
            listed = key.tolist()
            mean = mean + _lookup(self.corrections[level], listed)
            means.append(mean)
            counts.append(_lookup(self.counts[level], listed))
        return means, counts


def _lookup(numbers: Mapping[str, float], keys: Sequence[str]) -> Float:
    """Returns the number of each key [n]; 0 for a missing key."""
    return np.fromiter(map(numbers.get, keys, repeat(0.0)), np.float64, len(keys))


def level_means(keys: Sequence[Texts], value: Float) -> LevelMeans:
    """Fits the means of values [n], grouped by the keys of each level [levels][n]; empty keys have no mean."""
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
    """Returns the prior count of the shrinkage: variance within keys / variance between keys.

    Both are analysis-of-variance estimates about a mean of 0. The result is bounded, and equals the upper bound if no
    key has two sales.
    """
    mean = np.bincount(row, weights=left, minlength=len(count)) / count
    freedom = len(row) - len(count)
    if freedom <= 0:
        return PRIOR_SALES_MOST
    within = float(np.sum((left - mean[row]) ** 2)) / freedom
    between = (float(np.sum(count * mean**2)) - len(count) * within) / len(row)
    return float(np.clip(within / between, PRIOR_SALES_LEAST, PRIOR_SALES_MOST)) if between > 0.0 else PRIOR_SALES_MOST


def _codes(key: Texts) -> tuple[list[str], Int, Int]:
    """Returns the distinct keys in order of appearance [k], the index of each row's key [n], and the counts [k]."""
    listed = key.tolist()
    place = {text: at for at, text in enumerate(dict.fromkeys(listed))}
    row = np.fromiter(map(place.__getitem__, listed), np.int64, len(listed))
    return list(place), row, np.bincount(row, minlength=len(place)).astype(np.int64)
