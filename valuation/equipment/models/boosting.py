"""Monotone boosted trees for quantiles.

LightGBM does not support monotone constraints with its own quantile objective. Therefore the objective here is a
pinball loss that is smoothed by a logistic curve, given as gradient and curvature. Strings are coded by frequency, and
the codes are split like numbers, because LightGBM's categorical splits are less accurate on later sales. LightGBM is
imported only where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.extras import load

if TYPE_CHECKING:
    from lightgbm import Booster, Dataset


ROUNDS = (50, 100, 150, 200, 250, 300)
"""Numbers of trees that are compared on later sales."""

PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.07,
    "num_leaves": 31,
    "min_data_in_leaf": 70,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbose": -1,
}
"""LightGBM parameters; one thread and a fixed seed make the trees reproducible to the byte."""

ROUNDING_SHARE = 0.25
"""Smoothing width of the pinball loss, as a share of the interquartile range of the target."""

ROUNDING_LEAST = 0.01
"""Smallest smoothing width."""

CURVATURE_FLOOR = 0.05
"""Lower bound of the curvature relative to the smoothing width; keeps the Newton steps of LightGBM finite."""


def grow(matrix: Float, target: Float, level: float, monotone: Sequence[int], rounds: int) -> Booster:
    """Fits ``rounds`` trees that predict the quantile of a target [n] at ``level`` from features [n, f].

    ``monotone`` [f] is 1, -1 or 0 for an increasing, decreasing or unconstrained effect.
    Raises MissingExtra without LightGBM.
    """
    load("comparables")
    import lightgbm  # noqa: PLC0415 - slow to import, and the service starts without it

    interquartile_range = float(np.subtract(*np.quantile(target, [0.75, 0.25])))
    loss = smoothed_pinball(level, max(ROUNDING_SHARE * interquartile_range, ROUNDING_LEAST))
    parameters = {**PARAMETERS, "objective": loss, "monotone_constraints": list(monotone)}
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, target, params={"verbose": -1}), rounds)


def smoothed_pinball(level: float, width: float) -> Callable[[Float, Dataset], tuple[Float, Float]]:
    """Returns the function that computes gradient [n] and curvature [n] of the smoothed pinball loss at a level."""

    def loss(predicted: Float, data: Dataset) -> tuple[Float, Float]:
        below = 1.0 / (1.0 + np.exp(-(predicted - np.asarray(data.get_label())) / width))
        return below - level, np.maximum(below * (1.0 - below), CURVATURE_FLOOR) / width

    return loss


def trees_of(text: str, features: int) -> Booster:
    """Parses trees from text.

    Raises InvalidInput for damaged text or a wrong number of features, and MissingExtra without LightGBM.
    """
    load("comparables")
    import lightgbm  # noqa: PLC0415 - slow to import, and the service starts without it

    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise InvalidInput("trees", str(error), "the text of a LightGBM model") from None
    if booster.num_feature() != features:
        raise InvalidInput("trees", f"{booster.num_feature()} features", f"{features}")
    return booster
