"""Exact binomial statements about a share from a number of hits: an upper bound, and the probability of so few."""

from __future__ import annotations

from scipy.special import bdtr, betaincinv

from valuation.errors import InvalidInput


def upper_bound(hits: int, observations: int, confidence: float) -> float:
    """Returns the one-sided upper bound of the true share with a confidence.

    It is the largest share at which at most ``hits`` have a probability of 1 - confidence or more. Source: Clopper and
    Pearson 1934, doi 10.1093/biomet/26.4.404. Without observations, or if all are hits, the bound is 1. Raises
    InvalidInput for impossible counts or a confidence outside (0, 1).
    """
    _check_counts(hits, observations)
    if not 0.0 < confidence < 1.0:
        raise InvalidInput("confidence", confidence, "between 0 and 1")
    return 1.0 if hits == observations else float(betaincinv(hits + 1, observations - hits, confidence))


def probability_of_at_most(hits: int, observations: int, share: float) -> float:
    """Returns the probability of at most this number of hits if a share is true; 1 without observations.

    Raises InvalidInput for impossible counts or a share outside [0, 1].
    """
    _check_counts(hits, observations)
    if not 0.0 <= share <= 1.0:
        raise InvalidInput("share", share, "0 to 1")
    return float(bdtr(hits, observations, share))


def _check_counts(hits: int, observations: int) -> None:
    if not 0 <= hits <= observations:
        raise InvalidInput("hits", hits, f"0 to {observations} observations")
