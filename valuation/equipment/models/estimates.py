"""Describes the basis of an estimate in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valuation.equipment.flags import Step

NO_OPINION = "none"


def bases_of_estimate(fmv: NDArray[np.float64], step: NDArray[np.int64]) -> list[str]:
    """Describes, for each estimate [n], the narrowest level with comparables; NO_OPINION where the estimate is NaN."""
    words = [f"comparables of the {one.name.lower()}" for one in Step]
    words[Step.ALL] = "comparables of all categories"
    return [words[at] if known else NO_OPINION for at, known in zip(step.tolist(), ~np.isnan(fmv), strict=True)]
