"""Verification of invoices by monetary unit sampling: the size of the sample, and the misstatement that it supports."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from math import ceil

import numpy as np
from scipy.special import gammaincinv

from valuation._typing import Int
from valuation.errors import InvalidInput


def poisson_factor(errors: int, confidence: float) -> float:
    """Returns the mean of a Poisson variable that is at most ``errors`` with probability 1 - confidence.

    Raises InvalidInput for a negative number of errors, or a confidence that is not between 0 and 1.
    """
    if errors < 0 or not 0.0 < confidence < 1.0:
        raise InvalidInput("errors, confidence", (errors, confidence), "0 or more, and between 0 and 1")
    return float(gammaincinv(errors + 1, confidence))


def sample_size(book_minor: int, tolerable_minor: int, confidence: float) -> int:
    """Returns how many monetary units to verify so that a misstatement above the tolerable one is noticed.

    No error is expected. Raises InvalidInput unless both amounts are positive.
    """
    if min(book_minor, tolerable_minor) <= 0:
        raise InvalidInput("book_minor, tolerable_minor", (book_minor, tolerable_minor), "more than 0")
    return ceil(poisson_factor(0, confidence) * book_minor / tolerable_minor)


def upper_misstatement_share(sample: int, taints: Sequence[float], confidence: float) -> float:
    """Returns the upper bound of the misstated share of the book, at most 1: the value part of the haircut.

    ``taints`` are the overstated shares of the invoices that differ. The larger ones count first. Raises InvalidInput
    for a sample without units, or a taint outside 0 to 1.
    """
    if sample < 1 or len(taints) > sample or not all(0.0 <= taint <= 1.0 for taint in taints):
        raise InvalidInput("sample, taints", (sample, list(taints)), "1 or more units, and at most as many shares")
    factors = [poisson_factor(errors, confidence) for errors in range(len(taints) + 1)]
    growth = [after - before for before, after in pairwise(factors)]
    bound = factors[0] + sum(step * taint for step, taint in zip(growth, sorted(taints, reverse=True), strict=True))
    return min(bound / sample, 1.0)


def sampling_interval(book_minor: int, sample: int) -> int:
    """Returns the distance of the monetary units of a sample, rounded down, so that it has at least ``sample`` units.

    Raises InvalidInput for an empty book or a sample without units.
    """
    if min(book_minor, sample) <= 0:
        raise InvalidInput("book_minor, sample", (book_minor, sample), "more than 0")
    return max(1, book_minor // sample)


def first_unit(seed: int, interval: int) -> int:
    """Returns the place of the first sampled unit, 0 or more and below the interval, which follows from the seed."""
    return int.from_bytes(sha256(str(seed).encode()).digest()[:8], "big") % interval


def sampled_units(amount_minor: Int, interval: int, first: int) -> Int:
    """Returns how many sampled units fall into each amount [n]; every amount of an interval or more has at least one.

    The units are every ``interval``-th of the amounts in their order, beginning with the unit ``first``.
    """
    ends = np.cumsum(amount_minor, dtype=np.int64)
    before = np.maximum(-(-(ends - first) // interval), 0)
    return np.diff(before, prepend=0)
