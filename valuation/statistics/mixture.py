"""How strongly observations speak for a share of anomalies among them, against none."""

from __future__ import annotations

import numpy as np

from valuation._typing import Float


def evidence(ratio: Float, share: float) -> Float:
    """Returns the decimal logarithm [n] of the likelihood ratio of each observation.

    One hypothesis is that a ``share`` of observations is anomalous, the other that none is. ``ratio`` is how much more
    likely the observation is if it is anomalous. The sum over independent observations is the evidence of all: under
    the second hypothesis it exceeds c with a probability of at most 10^-c (Ville's inequality, for known ratios).
    """
    return np.asarray(np.log10(1.0 - share + share * ratio))
